"""`python -m lladav.cli` is `lladav`."""

import sys

from lladav.cli import main

sys.exit(main())
