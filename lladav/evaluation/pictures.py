"""The same scenes as people send them: compressed, resized, turned, framed, on other grounds, in other artwork.

What is asked about a scene stays true in all of them: turns and frames are slight, so that things keep their places.
"""

import io
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PIL import Image, ImageOps

from lladav.scenes import COLORS, HELD_OUT_ARTWORK, IMAGE_SIZE, Scene, render

Draw = Callable[[Scene], Image.Image]

SENT_SIZE = 4 * IMAGE_SIZE  # of a picture before it is compressed, turned or framed
SIZES = 64, 4000  # sides of the smallest and the largest picture that people send, in pixels
FRAMES = ("black", "white", "#808080", "#f4f1ea", "#10131a")


def _chance(scene: Scene) -> random.Random:
    """What is left to chance about how a scene is sent; the same each time."""
    return random.Random(f"sent/{scene.style}")


def jpeg(scene: Scene) -> Image.Image:
    """Compressed at a quality of 30 to 60."""
    data = io.BytesIO()
    render(scene, SENT_SIZE).save(data, "JPEG", quality=_chance(scene).randint(30, 60))
    return Image.open(data).convert("RGB")


def resized(scene: Scene) -> Image.Image:
    """At any of `SIZES`, each doubling as likely as another."""
    side = round(SIZES[0] * (SIZES[1] / SIZES[0]) ** _chance(scene).random())
    return render(scene, SENT_SIZE).resize((side, side), Image.Resampling.BICUBIC)


def turned(scene: Scene) -> Image.Image:
    """By 3 to 8 degrees to either side, the corners filled with the colour of one."""
    chance = _chance(scene)
    picture = render(scene, SENT_SIZE)
    angle = chance.choice((-1, 1)) * chance.uniform(3, 8)
    return picture.rotate(angle, Image.Resampling.BICUBIC, fillcolor=picture.getpixel((0, 0)))


def framed(scene: Scene) -> Image.Image:
    """With a border of 2 to 6 percent on every side."""
    chance = _chance(scene)
    width = round(SENT_SIZE * chance.uniform(0.02, 0.06))
    return ImageOps.expand(render(scene, SENT_SIZE), width, chance.choice(FRAMES))


def on_other_ground(scene: Scene) -> Image.Image:
    """On checks, stripes or clouds in two tones of any colour that no shape has."""
    return render(scene, SENT_SIZE, two_tone_ground(scene, SENT_SIZE))


def in_other_artwork(scene: Scene) -> Image.Image:
    """The same things in the artwork that training never saw."""
    items = (item if item.color else replace(item, artwork=HELD_OUT_ARTWORK) for item in scene.items)
    return render(replace(scene, items=tuple(items)))


def two_tone_ground(scene: Scene, size: int) -> Image.Image:
    """An RGB picture of `size` x `size` pixels in two tones, clear of the colours of the scene's shapes."""
    chance = _chance(scene)
    avoid = [np.array(COLORS[item.color]) for item in scene.items if item.color]
    while True:
        tones = np.array([chance.randint(0, 255) for _ in range(3)])
        tones = np.stack([tones, tones + [chance.randint(-40, 40) for _ in range(3)]]).clip(0, 255)
        if all(np.abs(tones - color).sum(1).min() > 130 for color in avoid):
            break
    y, x = np.indices((size, size)) // (size // chance.randint(4, 16))
    clouds = np.random.default_rng(scene.style).random((6, 6)).astype(np.float32)
    share = chance.choice(
        ((x + y) % 2, x % 2, y % 2, np.asarray(Image.fromarray(clouds).resize((size, size), Image.Resampling.BICUBIC)))
    ).clip(0, 1)[..., None]
    return Image.fromarray((tones[0] + (tones[1] - tones[0]) * share).astype(np.uint8))


DISTURBANCES: dict[str, Draw] = {
    "as drawn": render,
    "JPEG, quality 30 to 60": jpeg,
    "64 to 4000 pixels": resized,
    "turned by 3 to 8 degrees": turned,
    "framed": framed,
    "other grounds": on_other_ground,
    "other artwork": in_other_artwork,
}
