"""Batches of scenes: a picture, or its symbols, as a prefix that several conversations about it are packed behind.

Packing computes the prefix once for all its conversations, which are hidden from it and from each other: through a
prefix that saw one of them the others could read its answer. A prefix with one conversation behind it sees that, as it
does under the full bidirectional attention of a chat.
"""

import io
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from lladav.configuration import IGNORE
from lladav.scenes import (
    COLORS,
    FURTHER_WEIGHTS,
    IMAGE_SIZE,
    NO_PICTURE,
    SHAPES,
    STRANGER,
    STRANGER_SHARE,
    WEIGHTS,
    Example,
    Scene,
    ask,
    class_names,
    further_strangers,
    make_scene,
    make_sign,
    render,
    training_strangers,
)
from lladav.scenes.signs import CHARACTERS, LONGEST_SIGN, SIGN_COLUMNS

PREFIX, NO_SEGMENT = 0, -1  # segment numbers; conversations are 1, 2, ...
BLIND = 0.06  # share of rows that show no picture
EARLIER = 0.1  # share of everyday conversations that another one went before
ABOUT_NOTHING = ("talk", "beyond")  # kinds of questions that need no picture
LENGTH_STEP = 16  # lengths are few different ones, so that kernels are built once for each
USUAL_LENGTH = 64  # generation length of the embedded default
TAIL_WEIGHT = 0.1  # of the end-of-turn tokens that fill an answer up, against 1 for its words
QUESTION = "<|start_header_id|>user<|end_header_id|>\n\n"
ANSWER = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"


@dataclass
class Batch:
    """Tensors of one training batch: B scenes, L tokens, P patches a picture.

    Of shape (B, L): input_ids, labels, positions, segments, image_index (bool), weights (of the loss; sum to 1).
    pixel_values (B, 3, S, S) in [-1, 1]. names, colors (B, P): what covers a patch, 0 for nothing, else 1 + its index
    in `things()` and COLORS; strength (B, P): 1 at an object's centre, falling off to 0; centers (B, P): 1 in the patch
    that an object's centre lies in, so that objects can be counted. kinds[b][s - 1] is the kind
    of question in segment s of row b.
    """

    input_ids: Tensor
    labels: Tensor
    positions: Tensor
    segments: Tensor
    image_index: Tensor
    weights: Tensor
    pixel_values: Tensor
    names: Tensor
    colors: Tensor
    strength: Tensor
    centers: Tensor
    kinds: list[list[str]]

    def to(self, device: torch.device) -> "Batch":
        """Moves the batch to a device."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device))
        return self


def things() -> tuple[str, ...]:
    """What a patch can show: the classes, the shapes, what is a stranger, whichever it is, and characters."""
    return (*class_names(), *SHAPES, STRANGER, *CHARACTERS)


def ask_blindly(scene: Scene, rng: random.Random, everyday_share: float = 0.0) -> Example:
    """Small talk, or a question about a picture where there is none."""
    if rng.random() < 0.5:
        return ask(scene, rng, "talk", everyday_share=everyday_share)
    weights = WEIGHTS | FURTHER_WEIGHTS if everyday_share else WEIGHTS
    example = ask(scene, rng, weights=weights, everyday_share=everyday_share)
    if example.kind in ABOUT_NOTHING:
        return Example("talk", example.turns)
    return Example("talk", ((example.turns[0][0], NO_PICTURE),))


def ask_again(scene: Scene, rng: random.Random, weights: Mapping[str, float], everyday_share: float) -> Example:
    """A conversation about a scene, sometimes after another one that has nothing to do with it."""
    example = ask(scene, rng, weights=weights, everyday_share=everyday_share)
    if everyday_share and rng.random() < EARLIER:
        before = ask(scene, rng, weights=weights, everyday_share=everyday_share)
        return Example(example.kind, (*before.turns, *example.turns))
    return example


def patch_symbols(scene: Scene, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What each of side x side patches shows: names, colors, strength and centers as in Batch, each (side * side,)."""
    axis = (np.arange(side) + 0.5) / side
    strength, centers = np.zeros((2, side * side), dtype=np.float32)
    names, colors = np.zeros((2, side * side), dtype=np.int64)
    shown = [(item.name if item.known else STRANGER, item.color, item.x, item.y, item.size) for item in scene.items]
    if scene.sign:
        shown += [(character, "", x, y, 1 / SIGN_COLUMNS) for character, x, y in scene.sign.places]
    for name, color, x, y, size in shown:
        squared = (axis[None, :] - x) ** 2 + (axis[:, None] - y) ** 2
        bump = np.exp(-squared.ravel() / (size / 2) ** 2).astype(np.float32)
        covered = bump > np.maximum(strength, 0.3)
        strength[covered] = bump[covered]
        names[covered] = 1 + things().index(name)
        colors[covered] = 1 + list(COLORS).index(color) if color else 0
        centers[squared.argmin()] = 1
    return names, colors, strength, centers


class SceneData:
    """Makes batches out of seeds; nothing is stored, so any amount of data costs no disk.

    Args:
        tokenizer: The tokenizer of the model in training.
        patches: Patches along a picture's side.
        image_size: The picture's side in pixels.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, patches: int, image_size: int = IMAGE_SIZE):
        self.patches, self.image_size = patches, image_size
        self.encoder = tokenizer.backend_tokenizer
        (self.eot,) = self._encode(["<|eot_id|>"])[0]
        head = self._encode([f"{tokenizer.bos_token}{QUESTION}"])[0]
        self.prefix = np.array([*head, *[0] * patches**2])
        self.prefix_image = np.arange(len(self.prefix)) >= len(head)

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self.encoder.encode_batch(list(texts), add_special_tokens=False)]

    def batch(
        self,
        seed: str,
        scenes: int,
        questions: int,
        max_items: int,
        pixels: bool = True,
        weights: Mapping[str, float] = WEIGHTS,
        stranger_share: float = STRANGER_SHARE,
        everyday_share: float = 0.0,
        sign_share: float = 0.0,
        longest_sign: int = LONGEST_SIGN,
    ) -> Batch:
        """A batch of `scenes` pictures with `questions` conversations each; the same seed gives the same batch.

        Without `pixels` the pictures are not drawn, and pixel_values is empty. `weights` are of the kinds of questions,
        `stranger_share` is that of strangers among the objects, `everyday_share` that of questions in everyday words,
        `sign_share` that of signs among the pictures, of `longest_sign` characters at most. Questions about
        these have weights of their own, SIGN_WEIGHTS.
        """
        rng = random.Random(seed)
        strangers = (*training_strangers(), *further_strangers())
        # A number is drawn only where signs are wanted, so that a seed makes the same scenes without them.
        drawn = [
            make_sign(rng, longest_sign)
            if sign_share and rng.random() < sign_share
            else make_scene(rng, max_items, strangers=strangers, stranger_share=stranger_share)
            for _ in range(scenes)
        ]
        shown = [rng.random() >= BLIND for _ in drawn]
        asked = [
            [
                ask_again(scene, rng, weights, everyday_share) if seen else ask_blindly(scene, rng, everyday_share)
                for _ in range(questions)
            ]
            for scene, seen in zip(drawn, shown, strict=True)
        ]
        rows = [self._row(examples, seen, rng) for examples, seen in zip(asked, shown, strict=True)]
        length = -(-max(len(row[0]) for row in rows) // LENGTH_STEP) * LENGTH_STEP
        input_ids, labels, positions, segments, image_index, loss_weights = (
            torch.from_numpy(np.stack([_filled(column, length, fill) for column in columns]))
            for columns, fill in zip(zip(*rows, strict=True), (0, IGNORE, 0, NO_SEGMENT, 0, 0.0), strict=True)
        )
        symbols = zip(*(patch_symbols(scene, self.patches) for scene in drawn), strict=True)
        names, colors, strength, centers = (torch.from_numpy(np.stack(columns)) for columns in symbols)
        return Batch(
            input_ids=input_ids,
            labels=labels,
            positions=positions,
            segments=segments,
            image_index=image_index.bool(),
            weights=(loss_weights / loss_weights.sum()).float(),
            pixel_values=self.pixels(drawn) if pixels else torch.empty(0),
            names=names,
            colors=colors,
            strength=strength,
            centers=centers,
            kinds=[[example.kind for example in examples] for examples in asked],
        )

    def pixels(self, scenes: Sequence[Scene]) -> Tensor:
        """The rendered scenes, of shape (B, 3, S, S), scaled to [-1, 1]."""
        pictures = np.stack([np.asarray(self._picture(scene)) for scene in scenes])
        return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1

    def _picture(self, scene: Scene) -> Image.Image:
        """The scene at the tower's size, often worn as pictures are that people send: resized, turned a little,
        compressed, paler or brighter."""
        wear = random.Random(scene.style + 1)
        side = self.image_size
        scale = wear.choice([0.5, 1, 1, 1, 1, 1, 2])
        picture = render(scene, round(side * (max(scale, 1) if scene.sign else scale)))  # characters have to be seen
        if wear.random() < 0.25:
            edge = picture.getpixel((0, 0))
            picture = picture.rotate(wear.uniform(-7, 7), Image.Resampling.BILINEAR, fillcolor=edge)
        if wear.random() < 0.3:
            picture = ImageEnhance.Brightness(picture).enhance(wear.uniform(0.75, 1.2))
            picture = ImageEnhance.Contrast(picture).enhance(wear.uniform(0.75, 1.2))
        if wear.random() < 0.35:
            compressed = io.BytesIO()
            picture.save(compressed, "JPEG", quality=wear.randint(25, 85))
            picture = Image.open(compressed).convert("RGB")
        return picture if picture.width == side else picture.resize((side, side), Image.Resampling.BICUBIC)

    def _row(self, examples: list[Example], shown: bool, rng: random.Random) -> list[np.ndarray]:
        """ids, labels, positions, segments, image_index and weights of one scene's row.

        Where no picture is shown its patches are hidden and take no positions.
        """
        length = len(self.prefix)
        nothing, labels = np.zeros(length), np.full(length, IGNORE)
        segments, start = nothing.astype(int), length
        if not shown:
            segments = np.where(self.prefix_image, NO_SEGMENT, segments)
            start -= int(self.prefix_image.sum())
        parts = [[self.prefix, labels, np.arange(length), segments, self.prefix_image, nothing]]
        for segment, example in enumerate(examples, 1):
            ids, labels, weights = self._conversation(example, rng, shown)
            n = len(ids)
            parts.append([ids, labels, np.arange(start, start + n), np.full(n, segment), np.zeros(n, bool), weights])
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    def _conversation(
        self, example: Example, rng: random.Random, shown: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """ids, labels and weights of one conversation, as the chat template writes it behind the picture, if any."""
        pieces: list[str] = []
        for index, (question, answer) in enumerate(example.turns):
            if rng.random() < 0.15:
                question = question.lower().rstrip("?.")
            before = "<|eot_id|>" + QUESTION if index else "\n" if shown else ""
            pieces += [before + question + ANSWER, answer]
        encoded = self._encode(pieces)
        tail = self._tail(len(encoded[-1]), rng)
        encoded[-1] += [self.eot] * (1 + tail)
        ids = np.array([token for piece in encoded for token in piece])
        # Of a conversation with several turns mostly the last answer is masked: it then has its history to read.
        first = 1 if rng.random() < 0.3 else len(encoded) - 1
        target = np.concatenate([np.full(len(p), i % 2 == 1 and i >= first) for i, p in enumerate(encoded)])
        weights = target / (target.sum() - tail)
        weights[len(ids) - tail :] *= TAIL_WEIGHT
        return ids, np.where(target, ids, IGNORE), weights

    def _tail(self, words: int, rng: random.Random) -> int:
        """How many end-of-turn tokens follow an answer of some words and its end: generation length must not give its
        length away. One answer in four is as long as those that the page asks for."""
        draw = rng.random()
        if draw < 0.75:
            return rng.randint(0, 3) if draw < 0.5 else rng.randint(4, 12)
        return max(0, USUAL_LENGTH - words - 1)


def _filled(column: np.ndarray, length: int, fill: float) -> np.ndarray:
    return np.pad(column, (0, length - len(column)), constant_values=fill)


def conversations(segments: Tensor, groups: int = 4) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Where the conversations of a batch stand, by length and in groups, so that little of a group is padding.

    Args:
        segments: Of shape (B, L).
        groups: How many to make.

    Yields:
        For each of a group's N conversations its row, of shape (N,), the columns of its tokens, and which of those
        are its own, both of shape (N, n).
    """
    numbers = torch.arange(1, int(segments.max()) + 1, device=segments.device)
    within = segments[:, None] == numbers[:, None]  # (B, S, L)
    lengths, starts = within.sum(-1).flatten(), within.int().argmax(-1).flatten()
    for group in lengths.argsort().chunk(groups):
        longest = -(-int(lengths[group].max()) // LENGTH_STEP) * LENGTH_STEP
        offsets = torch.arange(longest, device=segments.device)
        columns = (starts[group, None] + offsets).clamp(max=segments.shape[1] - 1)
        yield group // len(numbers), columns, offsets < lengths[group, None]
