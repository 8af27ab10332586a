"""`lladav train` without its extra; what it does is in test_training."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["accelerate", "matplotlib"])
def test_a_missing_extra_is_named(package: str):
    code = (
        "import sys\n"
        f"sys.modules[{package!r}] = None\n"  # importing it now fails as if it were not installed
        "from lladav import cli\n"
        "sys.exit(cli.main(['train', '--scale', '0']))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == (
        f'lladav: lladav train needs {package}, which is not installed: pip install "lladav[train]"\n'
    )
