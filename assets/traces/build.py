"""Records the runs of this folder with the embedded model, through `lladav sample`: python assets/traces/build.py

They are to be recorded again whenever its weights change; tests/assets/test_traces.py says when that was forgotten.
runs.json lists them, in the order in which they are shown, each with the name of its picture in assets/examples.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from lladav import cli
from lladav.assets import asset

HERE = Path(__file__).parent
PICTURES = HERE.parent / "examples"

GALLERY = {  # name, in the order they are shown: picture, question, options of `lladav sample`
    "description": ("sea", "Describe the picture.", "--gen-length 32 --steps 32"),
    "where": ("space", "where's the moon?", "--gen-length 16 --steps 16"),
    "details": ("picnic", "Describe the picture in detail.", "--gen-length 64 --steps 64"),
    "how-many": ("cats", "How many cats are there?", "--gen-length 16 --steps 16"),
    "everyday": ("farm", "do you see a pig here?", "--gen-length 16 --steps 16"),
    "color": ("shapes", "What color is the heart?", "--gen-length 16 --steps 16"),
    "fast": ("fruit", "what's in the image?", "--gen-length 32 --steps 8"),
    "sign": ("sign", "What does the sign say?", "--gen-length 16 --steps 1"),
    "blocks": ("garden", "What is left of the house?", "--gen-length 32 --block-length 8 --steps 32"),
}
DEMO = {"demo": ("picnic", "Describe the picture in detail.", "--gen-length 32 --steps 32")}  # the README's film


def main() -> None:
    """Records every run, removes those that are no longer listed, and makes the film of README.md."""
    for path in HERE.glob("*.json"):
        path.unlink()
    for name in GALLERY:
        record(name, HERE / f"{name}.json")
    listing = {name: {"picture": picture} for name, (picture, *_) in GALLERY.items()}
    (HERE / "runs.json").write_text(json.dumps(listing, indent=1) + "\n", encoding="utf-8")
    with TemporaryDirectory() as folder:
        record("demo", Path(folder) / "demo.json")
        cli.main(["export", str(Path(folder) / "demo.json"), str(HERE.parent / "demo.gif")])


def record(name: str, path: Path) -> None:
    """Record one run to `path`."""
    picture, question, options = (GALLERY | DEMO)[name]
    given = ["--image", str(PICTURES / f"{picture}.png"), "--model", str(asset("lladav-tiny")), *options.split()]
    code = cli.main(["sample", question, *given, "--trace", str(path)])
    assert code == 0, f"{name} could not be recorded"


if __name__ == "__main__":
    main()
