"""Whether a word looks at the thing that it is about: the attention of colors that are asked for."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from lladav.attention import centre_of_gravity
from lladav.evaluation.questions import conversation
from lladav.evaluation.tables import markdown_table
from lladav.pipeline import LladaVPipeline
from lladav.sampling import SamplingConfig
from lladav.scenes import Example, Item, Scene, ask_kind, make_scene


@dataclass(frozen=True, eq=False)
class Look:
    """What the color of an answer looked at in the pass that wrote it.

    Attributes:
        hits: whether the centre of gravity of its attention on the picture lies on the object that is asked about: for
            the mean over layers, then for each layer, bool of shape (1 + layers,).
        shares: how much of its attention is on the picture, of shape (1 + layers,).
        is_alone: whether there is nothing else on the picture.
    """

    hits: Tensor
    shares: Tensor
    is_alone: bool


def color_questions(seed: int, count: int) -> Iterator[tuple[Scene, Example, Item]]:
    """`count` held-out questions for the color of the only thing of its name, and that thing."""
    index = found = 0
    while found < count:
        rng = random.Random(f"evaluate/{seed}/attention/{index}")
        index += 1
        scene = make_scene(rng)
        example = ask_kind(scene, rng, "color")
        if example is None or len(example.turns) != 1:
            continue
        words = example.turns[0][0].removesuffix("?").split()
        asked = [item for item in scene.items if item.name in words]
        if len(asked) == 1 and asked[0].color:
            found += 1
            yield scene, example, asked[0]


def look(pipe: LladaVPipeline, scene: Scene, example: Example, item: Item, config: SamplingConfig) -> Look:
    """Ask for the color of `item`, and see what the first word of the answer looked at."""
    prompt = pipe.prepare(conversation(scene, example))
    trace = pipe(prompt, config).trace
    written = next(step for step, changed in enumerate(trace.steps) if 0 in changed.transfer_index)
    attention = pipe.attention(prompt, trace, written, [0])
    layers = attention.maps(0)
    maps = torch.cat([layers.mean(0, keepdim=True), layers])
    shares = attention.on_picture()[:, 0].sum(-1)
    off = (centre_of_gravity(maps) - torch.tensor([item.x, item.y])).abs().amax(1)
    return Look(off <= item.size / 2, torch.cat([shares.mean(0, keepdim=True), shares]), len(scene.items) == 1)


def looks(pipe: LladaVPipeline, seed: int, count: int, config: SamplingConfig) -> list[Look]:
    """What the answers to `count` questions looked at."""
    questions = tqdm(color_questions(seed, count), total=count, desc="questions", leave=False)
    return [look(pipe, scene, example, item, config) for scene, example, item in questions]


def looking_table(found: list[Look]) -> str:
    """A row for the mean over layers and for each layer: how often the asked-for object was looked at."""
    several = [one.hits for one in found if not one.is_alone]
    columns = [torch.stack([one.hits for one in found]).double().mean(0)]
    columns += [torch.stack(several).double().mean(0) if several else columns[0] * torch.nan]
    columns += [torch.stack([one.shares for one in found]).mean(0)]
    header = ["layer", f"on the object ({len(found)})", f"among others ({len(several)})", "attention on the picture"]
    names = ["mean", *map(str, range(1, len(columns[0])))]
    rows = [[name, *(f"{column[row]:.1%}" for column in columns)] for row, name in enumerate(names)]
    return markdown_table(header, rows)
