"""From a conversation to what the model is given: the chat template, token ids, and tiles of pictures and videos."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import ceil
from typing import Any

import torch
from PIL import Image
from transformers import AutoProcessor, AutoTokenizer, BatchFeature, PreTrainedTokenizerFast, ProcessorMixin
from transformers.configuration_utils import PreTrainedConfig

from lladav import imaging
from lladav.anyres import VIDEO_POOLING, ImageLayout, anyres_tokens, max_tiles, parse_pinpoints
from lladav.configuration import IMAGE_TOKEN_ID, LladaVConfig, PublishedConfig

IGNORE = -100
IMAGE_MARK = "<image>"
START, HEADER, END_HEADER, END = "<|startoftext|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"
ROLES = ("system", "user", "assistant")
MULTI_IMAGE = ("eval", "train", "anyres")
PUBLISHED_SYSTEM_PROMPT = (
    "You are a helpful language and vision assistant. You are able to understand the visual content that the user "
    "provides, and assist the user with a variety of tasks using natural language."
)

Messages = Sequence[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture or a video, and its place in a conversation.

    Attributes:
        source: what it is read from.
        is_video: whether it is a video.
        frames: what was read: one picture, or the frames of a video; empty before that.
    """

    source: Any
    is_video: bool = False
    frames: tuple[Image.Image, ...] = ()


@dataclass(frozen=True)
class Turn:
    """What one message comes to: text and pictures, template included."""

    role: str
    pieces: list[str | Picture]


class LladaVProcessor(ProcessorMixin):
    """Turns conversations into the inputs of `LladaVForMaskedDiffusion`.

    Args:
        tokenizer: a fast tokenizer with the special tokens of the template.
        system_prompt: the system message of conversations that bring none of their own; "" for none.
        drop_token_after_image: drop the first token behind every picture, as the published evaluation does.
        image_aspect_ratio, image_grid_pinpoints: how a picture is shown, see `LladaVConfig`.
        image_size, patch_size: sides of a tile and of its patches, in pixels.
        multi_image: how pictures are shown when a conversation has several. "eval": one padded tile each, as in the
            published evaluation; "train": the same and a newline, as in its training (a lone picture of one tile gets
            it, too); "anyres": each as if it were alone.
        video_frames: the number of frames that are read from a video.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        system_prompt: str = "",
        drop_token_after_image: bool = False,
        image_aspect_ratio: str = "anyres_max_4",
        image_grid_pinpoints: str | Sequence[Sequence[int]] | None = None,
        image_size: int = 384,
        patch_size: int = 14,
        multi_image: str = "eval",
        video_frames: int = 32,
    ):
        if multi_image not in MULTI_IMAGE:
            raise ValueError(f"multi_image must be one of {', '.join(MULTI_IMAGE)}, got {multi_image!r}")
        max_tiles(image_aspect_ratio)  # refuses one that it does not know
        super().__init__(tokenizer)
        self.system_prompt = system_prompt
        self.drop_token_after_image = drop_token_after_image
        self.image_aspect_ratio = image_aspect_ratio
        self.image_grid_pinpoints = parse_pinpoints(image_grid_pinpoints, image_size)
        self.image_size = image_size
        self.patch_size = patch_size
        self.multi_image = multi_image
        self.video_frames = video_frames

    @classmethod
    def get_processor_dict(cls, pretrained_model_name_or_path, **kwargs):
        """The options saved beside a model, or, for a published checkpoint, those it was evaluated with."""
        options, left = super().get_processor_dict(pretrained_model_name_or_path, **kwargs)
        if "processor_class" not in options:
            config, _ = PreTrainedConfig.get_config_dict(pretrained_model_name_or_path, **kwargs)
            if config["model_type"] == PublishedConfig.model_type:
                options = published_options(LladaVConfig.from_dict(config)) | options
        return options, left

    def __call__(self, messages: Messages, **options):
        """See `apply_chat_template`."""
        return self.apply_chat_template(messages, **options)

    def apply_chat_template(  # type: ignore[override]
        self,
        messages: Messages,
        add_generation_prompt: bool = True,
        tokenize: bool = True,
        return_dict: bool = True,
        return_tensors: str = "pt",
    ) -> Any:
        """Write a conversation as the model reads it.

        Args:
            messages: `{"role": "system" | "user" | "assistant", "content": ...}` each, the content being text or a
                list of `{"type": "text", "text": ...}`, `{"type": "image", "image": path, bytes or PIL image}` and
                `{"type": "video", "video": path or list of frames}`. Pictures stand where they stand in the list,
                or, if its text has the mark `<image>` once for every picture, at the marks. Empty messages are left
                out.
            add_generation_prompt: end with the header of the assistant's answer.
            tokenize: whether to return ids and pixels, or the prompt as a string with a mark for every picture.
            return_dict: whether to return pixels, too, or the ids alone.
            return_tensors: "pt" is all there is.

        Returns:
            input_ids of shape (1, L) with one `IMAGE_TOKEN_ID` for a picture, attention_mask (1, L), and if there are
            pictures: pixel_values, image_sizes, tile_counts and image_layouts as
            `LladaVForMaskedDiffusion.get_image_features` takes them.

        Raises:
            ValueError: a role or a type of content is not one of the above, or a picture cannot be read.
        """
        if return_tensors != "pt":
            raise ValueError(f'return_tensors must be "pt", got {return_tensors!r}')
        pieces = self.render(messages, add_generation_prompt)
        if not tokenize:
            return text_of(pieces)
        if not return_dict:
            return torch.tensor([self._encode(pieces, self.drop_token_after_image)])
        return self.inputs_of(self.read_pictures(pieces))

    def render(self, messages: Messages, add_generation_prompt: bool = True) -> list[str | Picture]:
        """The prompt's text and its pictures, not yet read, in their order; see `apply_chat_template`."""
        pieces = [piece for turn in self._turns(messages) for piece in turn.pieces]
        return [*pieces, header("assistant")] if add_generation_prompt else pieces

    def read_pictures(self, pieces: Sequence[str | Picture]) -> list[str | Picture]:
        """The same with every picture and video read."""
        return [self._read(piece) if isinstance(piece, Picture) else piece for piece in pieces]

    def inputs_of(self, pieces: Sequence[str | Picture]) -> BatchFeature:
        """What `read_pictures` returned, for the model; see `apply_chat_template`."""
        return self._inputs(self._encode(pieces, self.drop_token_after_image), pieces)

    def _read(self, picture: Picture) -> Picture:
        read = self.load_video(picture.source) if picture.is_video else [self.load_image(picture.source)]
        return replace(picture, frames=tuple(read))

    def training_inputs(self, messages: Messages) -> BatchFeature:
        """A whole conversation with labels of shape (1, L): what tuning learns from it.

        Assistant messages are labelled with their header, of the others only the template's special tokens, pictures
        never. No token is dropped after a picture. `turn_ids` of shape (1, L) counts questions: 0 up to the first
        answer, 1 from the second question on.
        """
        turns = [Turn(turn.role, self.read_pictures(turn.pieces)) for turn in self._turns(messages)]
        special = set(self.tokenizer.convert_tokens_to_ids([START, HEADER, END_HEADER, END]))
        input_ids, labels, turn_ids = [], [], []
        questions = 0
        for turn in turns:
            questions += turn.role == "user"
            ids = self._encode(turn.pieces, drop_token_after_image=False)
            learnt = set(ids) - {IMAGE_TOKEN_ID} if turn.role == "assistant" else special
            input_ids += ids
            labels += [token if token in learnt else IGNORE for token in ids]
            turn_ids += [max(questions - 1, 0)] * len(ids)
        inputs = self._inputs(input_ids, [piece for turn in turns for piece in turn.pieces], labels)
        inputs["turn_ids"] = torch.tensor([turn_ids])
        return inputs

    def pretraining_inputs(self, image: imaging.ImageSource, caption: str) -> BatchFeature:
        """A picture, its caption and a newline, without a template; all but the picture is labelled."""
        pieces = self.read_pictures([Picture(image), caption + "\n"])
        input_ids = self._encode(pieces, drop_token_after_image=False)
        return self._inputs(input_ids, pieces, [IGNORE, *input_ids[1:]])

    def count_tokens(self, inputs: BatchFeature) -> int:
        """The length that one prompt has once its pictures are embedded, without looking at a pixel."""
        length = inputs["input_ids"].shape[1]
        if "pixel_values" not in inputs:
            return length
        pictures = zip(
            inputs["image_sizes"].tolist(),
            inputs["tile_counts"].tolist(),
            inputs["image_layouts"].tolist(),
            strict=True,
        )
        return length + sum(self._count_picture(tuple(size), *rest) - 1 for size, *rest in pictures)

    def load_image(self, source: imaging.ImageSource) -> Image.Image:
        """Read a picture; see `imaging.load_image`."""
        return imaging.load_image(source)

    def load_video(self, source: imaging.VideoSource) -> list[Image.Image]:
        """Read those frames of a video that the model sees; see `imaging.load_video`."""
        return imaging.load_video(source, self.video_frames)

    def _turns(self, messages: Messages) -> list[Turn]:
        messages = list(messages)
        if self.system_prompt and not (messages and messages[0]["role"] == "system"):
            messages.insert(0, {"role": "system", "content": self.system_prompt})
        turns = [Turn("start", [START])]
        for message in messages:
            role, pieces = message["role"], content_pieces(message["content"])
            if role not in ROLES:
                raise ValueError(f"role must be one of {', '.join(ROLES)}, got {role!r}")
            if pieces:
                turns.append(Turn(role, [header(role), *pieces, END]))
        return turns

    def _encode(self, pieces: Sequence[str | Picture], drop_token_after_image: bool) -> list[int]:
        """Token ids; the text between two pictures is tokenised on its own."""
        ids: list[int] = []
        for is_picture, run in groupby(pieces, key=lambda piece: isinstance(piece, Picture)):
            if is_picture:
                ids += [IMAGE_TOKEN_ID for _ in run]
            else:
                text = self.tokenizer("".join(map(str, run)), add_special_tokens=False).input_ids
                ids += text[1:] if drop_token_after_image and ids else text
        return ids

    def _inputs(
        self, input_ids: list[int], pieces: Sequence[str | Picture], labels: list[int] | None = None
    ) -> BatchFeature:
        inputs = {"input_ids": torch.tensor([input_ids]), "attention_mask": torch.ones(1, len(input_ids)).long()}
        if labels is not None:
            inputs["labels"] = torch.tensor([labels])
        pictures = [piece for piece in pieces if isinstance(piece, Picture)]
        if pictures:
            inputs |= self._picture_inputs(pictures)
        return BatchFeature(inputs)

    def _picture_inputs(self, pictures: Sequence[Picture]) -> dict[str, torch.Tensor]:
        alone = sum(not picture.is_video for picture in pictures) == 1
        tiles, sizes, counts, layouts = [], [], [], []
        for picture in pictures:
            size, layout, picture_tiles = self._tiles(picture, alone)
            tiles += picture_tiles
            sizes.append(size)
            counts.append(len(picture_tiles))
            layouts.append(layout)
        return {
            "pixel_values": torch.from_numpy(imaging.to_pixel_values(tiles)),
            "image_sizes": torch.tensor(sizes),
            "tile_counts": torch.tensor(counts),
            "image_layouts": torch.tensor(layouts),
        }

    def _tiles(self, picture: Picture, alone: bool) -> tuple[tuple[int, int], ImageLayout, list[Image.Image]]:
        """The size of a picture or video, its layout and its tiles."""
        image = picture.frames[0]
        if picture.is_video:
            tiles = [imaging.square_tile(frame, self.image_size) for frame in picture.frames]
            return image.size, ImageLayout.VIDEO, tiles
        shown_as = self.image_aspect_ratio if alone or self.multi_image == "anyres" else "pad"
        if shown_as.startswith("anyres"):
            tiles = imaging.anyres_tiles(image, self.image_grid_pinpoints, self.image_size)
            return image.size, ImageLayout.ANYRES, tiles
        to_tile = imaging.padded_tile if shown_as == "pad" else imaging.square_tile
        layout = ImageLayout.TILE_NEWLINE if self.multi_image == "train" else ImageLayout.TILE
        return image.size, layout, [to_tile(image, self.image_size)]

    @property
    def tokens_per_frame(self) -> int:
        """Tokens that a frame of a video takes, newlines included."""
        pooled = ceil(self.image_size // self.patch_size / VIDEO_POOLING)
        return pooled * (pooled + 1)

    def _count_picture(self, size: tuple[int, int], tiles: int, layout: int) -> int:
        side = self.image_size // self.patch_size
        if layout == ImageLayout.ANYRES:
            limit = max_tiles(self.image_aspect_ratio)
            return anyres_tokens(size, self.image_grid_pinpoints, self.image_size, side, limit)
        if layout == ImageLayout.VIDEO:
            return tiles * self.tokens_per_frame
        return side**2 + (layout == ImageLayout.TILE_NEWLINE)


def published_options(config: LladaVConfig) -> dict[str, Any]:
    """The options of `LladaVProcessor` with which the published checkpoint was evaluated."""
    return {
        "system_prompt": PUBLISHED_SYSTEM_PROMPT,
        "drop_token_after_image": True,
        "image_aspect_ratio": config.image_aspect_ratio,
        "image_grid_pinpoints": config.image_grid_pinpoints,
        "image_size": config.vision_config.image_size,
        "patch_size": config.vision_config.patch_size,
    }


def text_of(pieces: Sequence[str | Picture]) -> str:
    """A prompt as text, with a mark for every picture."""
    return "".join(IMAGE_MARK if isinstance(piece, Picture) else piece for piece in pieces)


def header(role: str) -> str:
    """What stands before a message."""
    return f"{HEADER}{role}{END_HEADER}\n\n"


def content_pieces(content: str | Sequence[dict[str, Any]]) -> list[str | Picture]:
    """The text and the pictures of one message in their order, without space around them; see `apply_chat_template`."""
    parts = [content] if isinstance(content, str) else [_part(item) for item in content]
    pictures = [part for part in parts if isinstance(part, Picture)]
    marks = sum(part.count(IMAGE_MARK) for part in parts if isinstance(part, str))
    pieces = list(_at_marks(parts, iter(pictures)) if pictures and marks == len(pictures) else _in_order(parts))
    if pieces and isinstance(pieces[0], str):
        pieces[0] = pieces[0].lstrip()
    if pieces and isinstance(pieces[-1], str):
        pieces[-1] = pieces[-1].rstrip()
    return [piece for piece in pieces if piece != ""]


def _part(item: dict[str, Any]) -> str | Picture:
    match item["type"]:
        case "text":
            return item["text"]
        case "image" | "video" as kind:
            return Picture(item[kind], is_video=kind == "video")
        case kind:
            raise ValueError(f'the type of content must be "text", "image" or "video", got {kind!r}')


def _at_marks(parts: Sequence[str | Picture], pictures: Iterator[Picture]) -> Iterator[str | Picture]:
    for part in parts:
        if isinstance(part, str):
            before, *rest = part.split(IMAGE_MARK)
            yield before
            for text in rest:
                yield next(pictures)
                yield text


def _in_order(parts: Sequence[str | Picture]) -> Iterator[str | Picture]:
    """Pictures side by side have a space between them, text a newline after the pictures it follows at the start of
    a message, and elsewhere at least a space between it and a picture."""
    parts = [part for part in parts if isinstance(part, Picture) or part.strip()]
    before: str | Picture | None = None
    only_pictures = True
    for part in parts:
        if isinstance(part, Picture):
            if isinstance(before, Picture) or (before and not before[-1].isspace()):
                yield " "
        else:
            if isinstance(before, Picture):
                part = "\n" + part.lstrip() if only_pictures else part if part[0].isspace() else " " + part
            only_pictures = False
        yield part
        before = part


AutoTokenizer.register(LladaVConfig, fast_tokenizer_class=PreTrainedTokenizerFast)
AutoProcessor.register(LladaVConfig, LladaVProcessor)
