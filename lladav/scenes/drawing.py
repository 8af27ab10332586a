"""Scenes as pictures: sprites on a ground, with looks that no question asks for."""

import random

import numpy as np
from PIL import Image

from lladav.scenes.artwork import COLORS, emoji_sprite, shape_sprite
from lladav.scenes.composition import Scene

IMAGE_SIZE = 128


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
    return picture


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
