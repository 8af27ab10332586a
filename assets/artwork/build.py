"""Builds the sprite sheets in this folder from the artists' npm packages (once; needs `npm`, a network and Chromium).

    python assets/artwork/build.py [SHEET ...]

All sheets, or those named. A set has one sheet with the sprites of `classes.json` and behind them those of
`strangers.json`, as lossless WebP; a set that is trained on has another one, "further-<set>", with those of
`further_strangers.json`, as lossy WebP. Sprites are in the order of their files, eight a row, each TILE x TILE with
alpha. Classes are taught by name; strangers only as what has no known name, the further ones in training alone.
Nothing else in the project needs the packages: training, evaluation and the examples read the sheets.
"""

import base64
import io
import json
import math
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
COLUMNS = 8
SETS = {  # name: (package, path of a sprite inside it)
    "noto": ("emoji-datasource-google@16.0.0", "package/img/google/64/{code}.png"),
    "fluent": ("@lobehub/fluent-emoji-3d@1.1.0", "package/assets/{code}.webp"),
    "flat": ("@lobehub/fluent-emoji-flat@1.1.0", "package/assets/{code}.svg"),
    "twemoji": ("emoji-datasource-twitter@16.0.0", "package/img/twitter/64/{code}.png"),
}
TAUGHT, FURTHER = ("classes", "strangers"), ("further_strangers",)
LOSSLESS, LOSSY = {"lossless": True, "method": 6}, {"quality": 85, "method": 6}
SHEETS = {  # name: (set, tile in pixels, lists of what is on it, how it is stored)
    "noto": ("noto", 64, TAUGHT, LOSSLESS),
    "fluent": ("fluent", 112, TAUGHT, LOSSLESS),
    "flat": ("flat", 80, TAUGHT, LOSSLESS),
    "twemoji": ("twemoji", 64, TAUGHT, LOSSLESS),
    "further-noto": ("noto", 64, FURTHER, LOSSY),
    "further-fluent": ("fluent", 80, FURTHER, LOSSY),
    "further-flat": ("flat", 80, FURTHER, LOSSY),
}


def fetch(package: str, folder: Path) -> tarfile.TarFile:
    """Downloads an npm package into `folder` and opens it."""
    name = subprocess.run(
        ["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()
    return tarfile.open(folder / name)


def sprite(browser: Browser, archive: tarfile.TarFile, pattern: str, code: str, tile: int) -> Image.Image:
    """The sprite of a code point; packages differ in whether they write the emoji variation selector."""
    names = {pattern.format(code=code), pattern.format(code=f"{code}-fe0f"), pattern.format(code=code.lstrip("0"))}
    member = next(archive.getmember(name) for name in names if name in archive.getnames())
    data = archive.extractfile(member).read()
    if pattern.endswith(".svg"):
        page = browser.new_page(viewport={"width": tile, "height": tile})
        address = f"data:image/svg+xml;base64,{base64.b64encode(data).decode()}"
        page.set_content(f'<body style="margin:0"><img width={tile} height={tile} src="{address}">')
        data = page.screenshot(omit_background=True)
        page.close()
    picture = Image.open(io.BytesIO(data)).convert("RGBA")
    return picture.resize((tile, tile), Image.Resampling.LANCZOS)


def build_sheet(browser: Browser, name: str) -> None:
    """Writes a sheet."""
    artwork, tile, lists, storage = SHEETS[name]
    package, pattern = SETS[artwork]
    codes = [code for part in lists for code in json.loads((HERE / f"{part}.json").read_text()).values()]
    with tempfile.TemporaryDirectory() as folder, fetch(package, Path(folder)) as archive:
        sheet = Image.new("RGBA", (COLUMNS * tile, math.ceil(len(codes) / COLUMNS) * tile))
        for index, code in enumerate(codes):
            corner = (index % COLUMNS * tile, index // COLUMNS * tile)
            sheet.paste(sprite(browser, archive, pattern, code, tile), corner)
    sheet.save(HERE / f"{name}.webp", **storage)
    print(f"{name}: {len(codes)} sprites of {tile} px")


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name in sys.argv[1:] or SHEETS:
            build_sheet(browser, name)


if __name__ == "__main__":
    main()
