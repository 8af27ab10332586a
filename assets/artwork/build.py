"""Builds the sprite sheets in this folder from the artists' npm packages (needs `npm` and a network; run once).

    python assets/artwork/build.py

One sheet a set: the sprites of `classes.json` in its order, eight a row, each TILE x TILE with alpha, as lossless WebP.
Nothing else in the project needs the packages: training, evaluation and the examples read the sheets.
"""

import json
import math
import subprocess
import tarfile
import tempfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
COLUMNS = 8
SETS = {  # name: (package, path of a sprite inside it, tile in pixels)
    "noto": ("emoji-datasource-google@16.0.0", "package/img/google/64/{code}.png", 64),
    "fluent": ("@lobehub/fluent-emoji-3d@1.1.0", "package/assets/{code}.webp", 112),
    "twemoji": ("emoji-datasource-twitter@16.0.0", "package/img/twitter/64/{code}.png", 64),
}


def fetch(package: str, folder: Path) -> tarfile.TarFile:
    """Downloads an npm package into `folder` and opens it."""
    name = subprocess.run(
        ["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()
    return tarfile.open(folder / name)


def sprite(archive: tarfile.TarFile, pattern: str, code: str) -> Image.Image:
    """The sprite of a code point; packages differ in whether they write the emoji variation selector."""
    names = {pattern.format(code=code), pattern.format(code=f"{code}-fe0f"), pattern.format(code=code.lstrip("0"))}
    member = next(archive.getmember(name) for name in names if name in archive.getnames())
    return Image.open(archive.extractfile(member)).convert("RGBA")


def main() -> None:
    classes = json.loads((HERE / "classes.json").read_text())
    for name, (package, pattern, tile) in SETS.items():
        with tempfile.TemporaryDirectory() as folder, fetch(package, Path(folder)) as archive:
            sheet = Image.new("RGBA", (COLUMNS * tile, math.ceil(len(classes) / COLUMNS) * tile))
            for index, code in enumerate(classes.values()):
                picture = sprite(archive, pattern, code).resize((tile, tile), Image.Resampling.LANCZOS)
                sheet.paste(picture, (index % COLUMNS * tile, index // COLUMNS * tile))
            sheet.save(HERE / f"{name}.webp", lossless=True, method=6)
            print(f"{name}: {len(classes)} sprites of {tile} px")


if __name__ == "__main__":
    main()
