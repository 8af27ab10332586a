"""`python -m lladav` is `lladav`."""

import sys

from lladav.cli import main

sys.exit(main())
