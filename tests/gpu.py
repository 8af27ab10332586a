"""All that a GPU is wanted for, within ten minutes, as GPUs are lent for little more: `make gpu`.

The tests that need one, the benchmark at the published size, and with the time that is left the recipe, from the newest
weights. What each prints is shown and kept in the folder of the output; the recipe's snapshots lie there as well, and
the same command goes on from them.
"""

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

MINUTES = 9.5
EMBEDDED = Path(__file__).parent.parent / "assets" / "lladav-tiny"
SMALL = {"model": "random:tiny", "prompt": "64", "length": "8", "scale": "0.0001", "workers": "0"}
FULL = {"model": "random:8b", "prompt": "3000", "length": "128", "scale": "1", "workers": "14"}


@dataclass(frozen=True)
class Part:
    """A command, and the seconds that it may take; None for all that are left.

    Attributes:
        may_be_cut: whether it is as it should be if it does not come to its end.
    """

    name: str
    command: list[str]
    seconds: float | None
    may_be_cut: bool = False


def parts(output: Path, begin: Path, small: bool) -> list[Part]:
    """What is run, in order."""
    size = SMALL if small else FULL
    lladav = [sys.executable, "-m", "lladav"]
    bench = ["bench", "--model", size["model"], "--prompt-length", size["prompt"], "--gen-length", size["length"]]
    train = ["train", "--recipe", "everyday", "--begin", str(begin), "--output", str(output / "training")]
    faster = ["--scale", size["scale"], "--workers", size["workers"]] + ([] if small else ["--compile"])
    return [
        Part("tests", [sys.executable, "-m", "pytest", "-rA", "tests/test_gpu.py"], 150),
        Part("bench", [*lladav, *bench, "--repetitions", "1", "--json"], 150),
        Part("train", [*lladav, *train, *faster], None, may_be_cut=True),
    ]


def run(part: Part, output: Path, left: float) -> bool:
    """Run a part, show and keep what it prints, and return whether it went as it should."""
    seconds, began = min(left, part.seconds or left), time.monotonic()
    with (output / f"{part.name}.txt").open("w", encoding="utf-8") as kept:
        process = subprocess.Popen(part.command, stdout=kept, stderr=subprocess.STDOUT)
        try:
            code: int | None = process.wait(timeout=max(0, seconds))
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            code = None
    print((output / f"{part.name}.txt").read_text(encoding="utf-8"))
    went_well = part.may_be_cut if code is None else code == 0
    how = "cut" if code is None else f"ended with {code}"
    print(f"== {part.name}: {how} after {time.monotonic() - began:.0f} s", flush=True)
    return went_well


def main(arguments: list[str] | None = None) -> int:
    """Run all parts; the number of those that did not go as they should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="in all")
    parser.add_argument("--output", type=Path, default=Path("runs/gpu"))
    parser.add_argument("--begin", type=Path, default=EMBEDDED, help="the model that the recipe goes on from")
    parser.add_argument("--small", action="store_true", help="at a size that a CPU can do, to try the script out")
    args = parser.parse_args(arguments)
    args.output.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * args.minutes
    went_well = [run(part, args.output, end - time.monotonic()) for part in parts(args.output, args.begin, args.small)]
    return went_well.count(False)


if __name__ == "__main__":
    sys.exit(main())
