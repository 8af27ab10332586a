"""Scenes as pictures: sprites on a ground, with looks that no question asks for."""

import math
import random

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lladav.scenes.artwork import COLORS, emoji_sprite, shape_sprite
from lladav.scenes.composition import Scene
from lladav.scenes.signs import WIDEST, Sign

IMAGE_SIZE = 128
INKS = ((20, 20, 24), (120, 20, 20), (20, 60, 130), (20, 90, 40))  # of characters, on a pale plate, or the other way


def render(scene: Scene, size: int = IMAGE_SIZE, ground: Image.Image | None = None) -> Image.Image:
    """Draws the scene as an RGB picture of `size` x `size` pixels, upon `ground` if one is given."""
    looks = random.Random(scene.style)
    picture = ground or _background(looks, {COLORS[item.color] for item in scene.items if item.color}, size)
    stretch = looks.uniform(0.75, 1.33) if looks.random() < 0.3 else 1  # as when a wide picture is squashed to a square
    for item in scene.items:
        if item.color:
            red, green, blue = (min(max(c + looks.randint(-16, 16), 0), 255) for c in COLORS[item.color])
            sprite = shape_sprite(item.name, (red, green, blue))
        else:
            sprite = emoji_sprite(item.name, item.artwork)
        side = max(round(item.size * size), 1)
        shape = max(round(side * min(stretch, 1)), 1), max(round(side / max(stretch, 1)), 1)
        sprite = sprite.resize(shape, Image.Resampling.BILINEAR)
        if looks.random() < 0.5:
            sprite = sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if looks.random() < 0.3:
            sprite = sprite.rotate(looks.uniform(-14, 14), Image.Resampling.BILINEAR)
        corner = round(item.x * size - shape[0] / 2), round(item.y * size - shape[1] / 2)
        picture.paste(sprite, corner, sprite)
    if scene.sign:
        _paint_sign(picture, scene.sign, looks)
    return picture


def _paint_sign(picture: Image.Image, sign: Sign, looks: random.Random) -> None:
    """A plate from one side of the picture to the other, and the characters upon it."""
    side = picture.width
    ink, pale = looks.choice(INKS), (looks.randint(225, 255), looks.randint(225, 255), looks.randint(225, 255))
    plate, ink = (pale, ink) if looks.random() < 0.75 else (ink, pale)
    draw = ImageDraw.Draw(picture)
    half = (sign.size / 2 + 0.05) * side
    middle = sign.y * side
    edges = (0.03 * side, middle - half, 0.97 * side, middle + half)
    draw.rounded_rectangle(edges, 0.04 * side, plate, ink if looks.random() < 0.6 else None, max(side // 64, 1))
    font = ImageFont.load_default(sign.size * side * 1.38)  # a capital is 0.72 of a font's size high
    bold = looks.choice([0, 0, side / 256])
    for character, x, _ in sign.places:
        box = [math.floor(edge) for edge in font.getbbox(character, anchor="mm", stroke_width=bold)]
        width, height = box[2] - box[0] + 1, box[3] - box[1] + 1
        mask = Image.new("L", (width, height))
        ImageDraw.Draw(mask).text((-box[0], -box[1]), character, 255, font, "mm", stroke_width=bold)
        if character == "0":  # set apart from an O
            ImageDraw.Draw(mask).line(
                (width * 0.3, height * 0.75, width * 0.7, height * 0.25), 255, max(side // 128, 1)
            )
        narrow = min(width, round(WIDEST * side))
        left = x * side - narrow / 2
        picture.paste(ink, (round(left), round(middle + box[1])), mask.resize((narrow, height)))


def _background(looks: random.Random, avoid: set[tuple[int, int, int]], size: int) -> Image.Image:
    """A plain, graded, striped or noisy ground whose colour stays away from the colours that are asked about."""
    while True:
        base = np.array([looks.randint(0, 255) for _ in range(3)])
        if looks.random() < 0.6:
            base = 255 - (255 - base) // 4  # mostly light grounds, as on screens and paper
        if all(np.abs(base - np.array(color)).sum() > 130 for color in avoid):
            break
    style = looks.random()
    if style < 0.4:
        return Image.new("RGB", (size, size), tuple(int(c) for c in base))
    axis = np.linspace(-1, 1, size)[:, None]
    wave = axis * np.cos(turn := looks.uniform(0, np.pi)) + axis.T * np.sin(turn)  # (size, size): across the picture
    slope = np.array([looks.randint(-30, 30) for _ in range(3)])
    if style < 0.6:
        ground = base + wave[..., None] * slope
    elif style < 0.8:  # stripes, or two halves
        ground = (
            base + np.sign(np.sin(wave * looks.choice([1, 6, 12, 20]) + looks.uniform(0, 3)))[..., None] * slope / 2
        )
    else:
        noise = np.random.default_rng(looks.getrandbits(32))
        ground = base + noise.normal(0, looks.uniform(2, 14), (size, size, 1))
    return Image.fromarray(ground.clip(0, 255).astype(np.uint8))
