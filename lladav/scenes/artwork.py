"""The sprites that scenes are composed of: emoji artwork from `assets/artwork`, and plain shapes drawn here."""

import json
from functools import cache

from PIL import Image, ImageDraw

from lladav.assets import asset

COLUMNS = 8  # sprites in a row of a sheet (see assets/artwork/build.py)

COLORS = {
    "red": (218, 38, 38),
    "orange": (247, 138, 18),
    "yellow": (250, 218, 40),
    "green": (46, 160, 62),
    "blue": (38, 92, 224),
    "purple": (136, 52, 190),
    "pink": (250, 140, 196),
    "brown": (128, 80, 40),
    "black": (24, 24, 26),
    "white": (250, 250, 250),
}
SHAPES = ("circle", "square", "triangle", "heart", "star")
TRAINING_ARTWORK = ("noto", "fluent", "flat")
HELD_OUT_ARTWORK = "twemoji"
GROUPS = {
    "animal": (
        *("dog", "cat", "mouse", "rabbit", "fox", "bear", "panda", "koala", "tiger", "lion", "cow", "pig", "frog"),
        *("monkey", "chicken", "penguin", "duck", "owl", "bee", "butterfly", "snail", "turtle", "octopus", "fish"),
        *("whale", "elephant"),
    ),
    "fruit": ("apple", "banana", "orange", "lemon", "watermelon", "strawberry", "pineapple"),
    "vehicle": ("car", "bus", "bicycle", "airplane", "rocket", "boat", "helicopter", "tractor"),
    "bird": ("chicken", "penguin", "duck", "owl"),
    "insect": ("bee", "butterfly"),
    "plant": ("tree", "cactus", "flower"),
    "shape": SHAPES,
}


def _names(part: str) -> tuple[str, ...]:
    return tuple(json.loads((asset("artwork") / f"{part}.json").read_text(encoding="utf-8")))


@cache
def class_names() -> tuple[str, ...]:
    """The object classes, in the order of the sheets."""
    return _names("classes")


@cache
def stranger_names() -> tuple[str, ...]:
    """What scenes may show without its name ever being said, in the order of the sheets, behind the classes."""
    return _names("strangers")


@cache
def further_strangers() -> tuple[str, ...]:
    """Strangers that only training shows, in the order of the sheets that they have of their own, one for each set
    of TRAINING_ARTWORK."""
    return _names("further_strangers")


@cache
def training_strangers() -> tuple[str, ...]:
    """The strangers that training shows, besides the further ones, and that evaluation shows as well."""
    return tuple(name for index, name in enumerate(stranger_names()) if index % 4)


@cache
def held_out_strangers() -> tuple[str, ...]:
    """The strangers that training never shows."""
    return tuple(name for index, name in enumerate(stranger_names()) if index % 4 == 0)


@cache
def _sheet(name: str) -> Image.Image:
    return Image.open(asset("artwork") / f"{name}.webp").convert("RGBA")


@cache
def emoji_sprite(name: str, artwork: str) -> Image.Image:
    """The RGBA sprite of a class or stranger in one of the artwork sets "noto", "fluent", "flat", "twemoji"; of a
    further stranger in one of the first three."""
    names, sheet = (*class_names(), *stranger_names()), artwork
    if name in further_strangers():
        names, sheet = further_strangers(), f"further-{artwork}"
    sprites, index = _sheet(sheet), names.index(name)
    tile = sprites.width // COLUMNS
    left, top = index % COLUMNS * tile, index // COLUMNS * tile
    return sprites.crop((left, top, left + tile, top + tile))


@cache
def _shape_mask(shape: str) -> Image.Image:
    """The antialiased alpha of a shape, 112 x 112, drawn four times as large and reduced."""
    side = 448
    mask = Image.new("L", (side, side))
    draw = ImageDraw.Draw(mask)
    if shape == "circle":
        draw.ellipse((20, 20, side - 20, side - 20), fill=255)
    elif shape == "square":
        draw.rounded_rectangle((40, 40, side - 40, side - 40), radius=24, fill=255)
    elif shape == "triangle":
        draw.polygon([(side // 2, 24), (side - 24, side - 40), (24, side - 40)], fill=255)
    elif shape == "heart":
        draw.ellipse((24, 48, 240, 264), fill=255)
        draw.ellipse((side - 240, 48, side - 24, 264), fill=255)
        draw.polygon([(42, 220), (side // 2, 130), (side - 42, 220), (side // 2, side - 24)], fill=255)
    else:
        draw.regular_polygon((side // 2, side // 2, 100), 5, rotation=36, fill=255)
        for turn in range(5):  # five arms on a pentagon make a star
            arm = Image.new("L", (side, side))
            ImageDraw.Draw(arm).polygon([(side // 2, 16), (side // 2 + 66, 150), (side // 2 - 66, 150)], fill=255)
            mask.paste(255, mask=arm.rotate(72 * turn))
    return mask.resize((112, 112), Image.Resampling.BOX)


def shape_sprite(shape: str, rgb: tuple[int, int, int]) -> Image.Image:
    """The RGBA sprite of one of SHAPES in a colour."""
    sprite = Image.new("RGBA", (112, 112), rgb)
    sprite.putalpha(_shape_mask(shape))
    return sprite
