"""Runs the browser's tests over and over while one core is kept busy: `make steady`. Fails if any of the runs does.

Arguments are handed on to pytest; without any, all of the browser's tests run.
"""

import subprocess
import sys
import time
from pathlib import Path

RUNS = 5
BROWSER = Path(__file__).parent / "ui" / "browser"


def main(arguments: list[str]) -> int:
    """The number of runs that failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", *(arguments or [str(BROWSER)])]
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    failed = 0
    try:
        for run in range(1, RUNS + 1):
            began = time.monotonic()
            code = subprocess.run(command, check=False).returncode
            failed += code != 0
            print(
                f"run {run} of {RUNS}: {'failed' if code else 'passed'} in {time.monotonic() - began:.0f} s", flush=True
            )
    finally:
        busy.kill()
    print(f"{RUNS - failed} of {RUNS} runs passed")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) != 0)
