"""From a conversation to what the model is given: the chat template, token ids, and tiles of pictures and videos."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import AutoProcessor, AutoTokenizer, BatchFeature, PreTrainedTokenizerFast, ProcessorMixin
from transformers.configuration_utils import PreTrainedConfig

from lladav import imaging
from lladav.anyres import PICTURE_INPUTS, ImageLayout
from lladav.attention import PictureTokens
from lladav.checks import require
from lladav.configuration import IGNORE, IMAGE_TOKEN_ID, LladaVConfig, PublishedConfig
from lladav.image_processing import IMAGE_OPTIONS, MULTI_IMAGE, LladaVImageProcessor, is_alone
from lladav.messages import Messages, Picture, check_messages, is_batch, pictures_of, texts_of
from lladav.tokenization import encode_text, marked, unmarked

IMAGE_MARK, VIDEO_MARK = "<image>", "<video>"
START, HEADER, END_HEADER, END = "<|startoftext|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"
PUBLISHED_SYSTEM_PROMPT = (
    "You are a helpful language and vision assistant. You are able to understand the visual content that the user "
    "provides, and assist the user with a variety of tasks using natural language."
)


class Control(str):
    """A control token that the template wrote; one that somebody typed is text."""


Piece = str | Picture


class LladaVProcessor(ProcessorMixin):
    """Turns conversations into the inputs of `LladaVForMaskedDiffusion`.

    Args:
        tokenizer: a fast tokenizer with the special tokens of the template.
        image_processor: cuts pictures into tiles; by default one with its own defaults.
        system_prompt: the system message of conversations that bring none of their own; "" for none.
        drop_token_after_image: drop the first token behind every picture, as the published evaluation does.
        sanitize_control_tokens: read the control tokens that somebody typed as text. The published evaluation reads
            them as what they stand for, so that a message can end its own turn and begin another.
        multi_image: how pictures are shown when a conversation has several, see `LladaVImageProcessor.preprocess`.
        video_frames: the number of frames that are read from a video.
        chat_template: Jinja, as transformers knows it; by default chat_template.jinja.
        image_options: options of `LladaVImageProcessor`, in place of those that `image_processor` has.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        image_processor: LladaVImageProcessor | None = None,
        system_prompt: str = "",
        drop_token_after_image: bool = False,
        sanitize_control_tokens: bool = True,
        multi_image: str = "eval",
        video_frames: int = 32,
        chat_template: str | None = None,
        **image_options: Any,
    ):
        require(multi_image in MULTI_IMAGE, "multi_image", f"one of {', '.join(MULTI_IMAGE)}", multi_image)
        if image_processor is None or image_options:
            known = image_processor.to_dict() if image_processor else {}
            image_processor = LladaVImageProcessor(**known | image_options)
        super().__init__(
            tokenizer, image_processor, chat_template=chat_template or default_chat_template(system_prompt)
        )
        self.system_prompt = system_prompt
        self.drop_token_after_image = drop_token_after_image
        self.sanitize_control_tokens = sanitize_control_tokens
        self.multi_image = multi_image
        self.video_frames = video_frames

    def __getattr__(self, name: str) -> Any:
        """The options of the image processor can be read here, too."""
        if name in IMAGE_OPTIONS:
            return getattr(self.image_processor, name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    # ---- loading -------------------------------------------------------------------------------

    @classmethod
    def get_processor_dict(cls, pretrained_model_name_or_path, **kwargs):
        """The options saved beside a model, or, for a published checkpoint, those it was evaluated with."""
        options, left = super().get_processor_dict(pretrained_model_name_or_path, **kwargs)
        if "processor_class" not in options:
            config, _ = PreTrainedConfig.get_config_dict(pretrained_model_name_or_path, **kwargs)
            if config["model_type"] == PublishedConfig.model_type:
                options = published_options()
        return options, left

    @classmethod
    def _get_arguments_from_pretrained(cls, pretrained_model_name_or_path, processor_dict=None, **kwargs):
        """Tokenizer and image processor; options of the latter are taken from `kwargs`."""
        tokenizer = cls._load_tokenizer_from_pretrained("tokenizer", pretrained_model_name_or_path, **kwargs)
        options = processor_dict or {}
        if "image_processor" in options or "processor_class" not in options:
            return [tokenizer, LladaVImageProcessor.from_pretrained(pretrained_model_name_or_path, **kwargs)]
        earlier = {name: options[name] for name in IMAGE_OPTIONS if name in options}  # saved before there was one
        return [tokenizer, LladaVImageProcessor.from_dict(earlier, **kwargs)]

    # ---- conversations -------------------------------------------------------------------------

    def apply_chat_template(  # type: ignore[override]
        self,
        messages: Messages | Sequence[Messages],
        add_generation_prompt: bool = True,
        tokenize: bool = True,
        return_dict: bool = True,
        return_tensors: str = "pt",
        download: bool = False,
    ) -> Any:
        """Write a conversation as the model reads it, or a list of conversations.

        Args:
            messages: `{"role": "system" | "user" | "assistant", "content": ...}` each, the content being text or a
                list of `{"type": "text", "text": ...}`, `{"type": "image", ...}` and `{"type": "video", ...}`. A
                picture is given as "image": whatever `imaging.load_image` takes, or as "url", "path" or "base64"; a
                video as "video": whatever `imaging.load_video` takes, or as "url" or "path". Pictures stand where they
                stand in the list, or, if its text has the mark `<image>` once for every picture, at the marks. Empty
                messages are left out.
            add_generation_prompt: end with the header of the assistant's answer.
            tokenize: whether to return ids and pixels, or the prompt as a string with a mark for every picture.
            return_dict: whether to return pixels, too, or the ids alone.
            return_tensors: "pt" is all there is.
            download: whether pictures may be fetched from a network.

        Returns:
            input_ids of shape (B, L) with one `IMAGE_TOKEN_ID` for a picture, attention_mask (B, L), which is zero at
            padding on the left, and if there are pictures: pixel_values, image_sizes, tile_counts and image_layouts as
            `LladaVForMaskedDiffusion.get_image_features` takes them.

        Raises:
            ValueError: a message is not like that, or a picture cannot be read.
        """
        require(return_tensors == "pt", "return_tensors", '"pt"', return_tensors)
        batch: Any = messages if is_batch(messages) else [messages]
        rows = [self.render(conversation, add_generation_prompt) for conversation in batch]
        if not tokenize:
            texts = [text_of(pieces) for pieces in rows]
            return texts if is_batch(messages) else texts[0]
        if not return_dict:
            return self._padded([self._encode(pieces, self.drop_token_after_image) for pieces in rows])["input_ids"]
        return self._joined([self.inputs_of(self.read_pictures(pieces, download)) for pieces in rows])

    def __call__(  # type: ignore[override]
        self, images: Any = None, text: str | list[str] | None = None, videos: Any = None, **options: Any
    ) -> BatchFeature:
        """The inputs for prompts that are written already; or for conversations, see `apply_chat_template`.

        Args:
            images: one of what `imaging.load_image` takes, a list of them, or a list of lists, one for each text. Or a
                conversation, or a list of conversations.
            text: a prompt such as `apply_chat_template(..., tokenize=False)` returns, or a list of them, with the mark
                `<image>` for every picture. Control tokens in it are control tokens.
            videos: one of what `imaging.load_video` takes but frames, or a list of what it takes. Their mark is
                `<video>`, or `<image>` where there are no images.

        Returns:
            As `apply_chat_template`.

        Raises:
            ValueError: there are more or fewer marks than pictures, or a picture cannot be read.
        """
        if text is None and videos is None and images is not None:
            return self.apply_chat_template(images, **options)
        require(isinstance(text, (str, list)) and bool(text), "text", "a prompt or a list of prompts", text)
        assert text is not None
        return self._joined(self._written([text] if isinstance(text, str) else text, images, videos, **options))

    def _written(
        self, texts: list[str], images: Any, videos: Any, return_tensors: str = "pt", download: bool = False
    ) -> list[BatchFeature]:
        """The inputs for each prompt; see `__call__`."""
        require(return_tensors == "pt", "return_tensors", '"pt"', return_tensors)
        for text in texts:
            require(isinstance(text, str), "text", "a prompt or a list of prompts", text)
        pictures = _by_text(images, [text.count(IMAGE_MARK) for text in texts], is_video=False)
        video_mark = IMAGE_MARK if images is None else VIDEO_MARK
        marks = [text.count(VIDEO_MARK) or text.count(video_mark) for text in texts]
        films = _by_text(videos, marks, is_video=True)
        rows = [self._filled(*row) for row in zip(texts, pictures, films, strict=True)]
        return [self.inputs_of(self.read_pictures(row, download)) for row in rows]

    def render(self, messages: Messages, add_generation_prompt: bool = True) -> list[Piece]:
        """The prompt's text and its pictures, not yet read, in their order; see `apply_chat_template`."""
        check_messages(messages)
        pictures = [picture for message in messages for picture in pictures_of(message)]
        text = self.tokenizer.apply_chat_template(
            [self._marked(message) for message in messages],
            chat_template=self.chat_template,
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
            system_prompt=self._inert(self.system_prompt),
        )
        return self._filled(text, pictures, [])

    def read_pictures(self, pieces: Sequence[Piece], download: bool = False) -> list[Piece]:
        """The same with every picture and video read."""
        return [self._read(piece, download) if isinstance(piece, Picture) else piece for piece in pieces]

    def inputs_of(self, pieces: Sequence[Piece]) -> BatchFeature:
        """What `read_pictures` returned, for the model; see `apply_chat_template`."""
        return self._inputs(self._encode(pieces, self.drop_token_after_image), pieces)

    # ---- training ------------------------------------------------------------------------------

    def training_inputs(self, messages: Messages) -> BatchFeature:
        """A whole conversation with labels of shape (1, L): what tuning learns from it.

        Assistant messages are labelled with their header, of the others only the template's special tokens, pictures
        never. No token is dropped after a picture. `turn_ids` of shape (1, L) counts questions: 0 up to the first
        answer, 1 from the second question on.
        """
        pieces = self.read_pictures(self.render(messages, add_generation_prompt=False))
        special = set(self.tokenizer.convert_tokens_to_ids([START, HEADER, END_HEADER, END]))
        input_ids, labels, turn_ids = [], [], []
        questions = 0
        for role, turn in turns_of(pieces):
            questions += role == "user"
            ids = self._encode(turn, drop_token_after_image=False)
            learnt = set(ids) - {IMAGE_TOKEN_ID} if role == "assistant" else special
            input_ids += ids
            labels += [token if token in learnt else IGNORE for token in ids]
            turn_ids += [max(questions - 1, 0)] * len(ids)
        inputs = self._inputs(input_ids, pieces, labels)
        inputs["turn_ids"] = torch.tensor([turn_ids])
        return inputs

    def pretraining_inputs(self, image: imaging.ImageSource, caption: str) -> BatchFeature:
        """A picture, its caption and a newline, without a template; all but the picture is labelled."""
        pieces = self.read_pictures([Picture(image), caption + "\n"])
        input_ids = self._encode(pieces, drop_token_after_image=False)
        return self._inputs(input_ids, pieces, [IGNORE, *input_ids[1:]])

    # ---- counting and reading ------------------------------------------------------------------

    def count_tokens(self, inputs: BatchFeature) -> int:
        """The length that one prompt has once its pictures are embedded, without looking at a pixel."""
        pictures = [self.image_processor.count_tokens(*tiled) for tiled in self._tiled(inputs)]
        return inputs["input_ids"].shape[1] + sum(pictures) - len(pictures)

    def picture_tokens(self, inputs: BatchFeature) -> list[PictureTokens]:
        """Where the tokens of the pictures and videos of one prompt stand once it is embedded, and what they show."""
        pictures = self._tiled(inputs)
        alone = is_alone([layout == ImageLayout.VIDEO for *_, layout in pictures])
        places = (inputs["input_ids"][0] == IMAGE_TOKEN_ID).nonzero().flatten().tolist()
        tokens, longer = [], 0
        for place, (size, tiles, layout) in zip(places, pictures, strict=True):
            boxes = self.image_processor.token_boxes(size, tiles, layout, alone, self.multi_image)
            tokens.append(PictureTokens(place + longer, size, boxes))
            longer += len(boxes) - 1
        return tokens

    def _tiled(self, inputs: BatchFeature) -> list[tuple[tuple[int, int], int, int]]:
        """The size of each picture and video, how many tiles it was cut into, and its layout."""
        pixels, *names = PICTURE_INPUTS
        if pixels not in inputs:
            return []
        sizes, tiles, layouts = (inputs[name].tolist() for name in names)
        return [((width, height), *rest) for (width, height), *rest in zip(sizes, tiles, layouts, strict=True)]

    def load_image(self, source: imaging.ImageSource, download: bool = False) -> Image.Image:
        """Read a picture; see `imaging.load_image`."""
        return imaging.load_image(source, download)

    def load_video(self, source: imaging.VideoSource, download: bool = False) -> list[Image.Image]:
        """Read those frames of a video that the model sees; see `imaging.load_video`."""
        return imaging.load_video(source, self.video_frames, download)

    def _read(self, picture: Picture, download: bool) -> Picture:
        load = self.load_video if picture.is_video else self.load_image
        read = load(picture.source, download)
        return replace(picture, frames=tuple(read) if isinstance(read, list) else (read,))

    # ---- ids -----------------------------------------------------------------------------------

    def _inert(self, text: str) -> str:
        return marked(text, [*self.tokenizer.get_added_vocab(), IMAGE_MARK])

    def _marked(self, message: Any) -> dict[str, Any]:
        """A message for the template, in which nothing that was typed passes for a control token or a picture."""
        count = sum(text.count(IMAGE_MARK) for text in texts_of(message))
        at_marks = count and count == len(pictures_of(message))

        def inert(text: str) -> str:
            pieces = text.split(IMAGE_MARK) if at_marks else [text]
            return IMAGE_MARK.join(map(self._inert, pieces))

        content = message["content"]
        if isinstance(content, str):
            return {"role": message["role"], "content": inert(content)}
        parts = [{"type": "text", "text": inert(part["text"])} if part["type"] == "text" else {"type": part["type"]}
                 for part in content]  # fmt: skip
        return {"role": message["role"], "content": parts}

    def _filled(self, text: str, pictures: Sequence[Picture], videos: Sequence[Picture]) -> list[Piece]:
        """A prompt cut into control tokens, pictures in place of their marks, and what was typed between them."""
        waiting = {IMAGE_MARK: [*pictures]} if pictures else {}
        if videos:
            waiting[VIDEO_MARK if pictures or VIDEO_MARK in text else IMAGE_MARK] = [*videos]
        tokens = sorted([*self.tokenizer.get_added_vocab(), *waiting], key=len, reverse=True)
        parts = re.split(f"({'|'.join(map(re.escape, tokens))})", text)
        for mark, sources in waiting.items():
            count = parts[1::2].count(mark)
            if count != len(sources):
                raise ValueError(
                    f"text must have {mark} once for every picture, got it {count} times for {len(sources)}"
                )
        pieces: list[Piece] = []
        for index, part in enumerate(parts):
            if index % 2:
                pieces.append(waiting[part].pop(0) if part in waiting else Control(part))
            elif part:
                pieces.append(unmarked(part))
        return pieces

    def _encode(self, pieces: Sequence[Piece], drop_token_after_image: bool) -> list[int]:
        """Token ids; the text between two pictures is tokenised on its own."""
        ids: list[int] = []
        for is_picture, run in groupby(pieces, key=lambda piece: isinstance(piece, Picture)):
            if is_picture:
                ids += [IMAGE_TOKEN_ID for _ in run]
            else:
                text = [token for piece in run for token in self._encode_piece(str(piece), isinstance(piece, Control))]
                ids += text[1:] if drop_token_after_image and ids else text
        return ids

    def _encode_piece(self, text: str, is_control: bool) -> list[int]:
        if is_control:
            return [self.tokenizer.get_added_vocab()[text]]
        if self.sanitize_control_tokens:
            return encode_text(text, self.tokenizer)
        return self.tokenizer.encode(text, add_special_tokens=False)

    def _inputs(self, input_ids: list[int], pieces: Sequence[Piece], labels: list[int] | None = None) -> BatchFeature:
        inputs = self._padded([input_ids])
        if labels is not None:
            inputs["labels"] = torch.tensor([labels])
        pictures = [piece for piece in pieces if isinstance(piece, Picture)]
        if pictures:
            inputs |= self.image_processor.tile(pictures, self.multi_image)
        return BatchFeature(inputs)

    def _padded(self, rows: Sequence[list[int]]) -> dict[str, torch.Tensor]:
        """Rows of ids, padded on the left to one length, and their attention mask."""
        length = max(map(len, rows))
        padding = [[self.tokenizer.pad_token_id] * (length - len(row)) for row in rows]
        masks = [[0] * len(pad) + [1] * len(row) for pad, row in zip(padding, rows, strict=True)]
        ids = [pad + row for pad, row in zip(padding, rows, strict=True)]
        return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(masks)}

    def _joined(self, rows: list[BatchFeature]) -> BatchFeature:
        """The inputs of several prompts, as one batch."""
        if len(rows) == 1:
            return rows[0]
        inputs = self._padded([row["input_ids"][0].tolist() for row in rows])
        with_pictures = [row for row in rows if "pixel_values" in row]
        for name in self.image_processor.model_input_names if with_pictures else ():
            inputs[name] = torch.cat([row[name] for row in with_pictures])
        return BatchFeature(inputs)


def turns_of(pieces: Sequence[Piece]) -> Iterator[tuple[str, list[Piece]]]:
    """The role and the pieces of each message of a prompt; what stands before the first has the role "start"."""
    headers = [index for index, piece in enumerate(pieces) if isinstance(piece, Control) and piece == HEADER]
    yield "start", list(pieces[: headers[0]])
    for start, end in zip(headers, [*headers[1:], len(pieces)], strict=True):
        yield str(pieces[start + 1]), list(pieces[start:end])


def text_of(pieces: Sequence[Piece]) -> str:
    """A prompt as text, with a mark for every picture."""
    return "".join(IMAGE_MARK if isinstance(piece, Picture) else piece for piece in pieces)


def _by_text(sources: Any, marks: list[int], is_video: bool) -> list[list[Picture]]:
    """The pictures or videos of each text: as they are nested, or as many as it has marks, the rest with the last."""
    if sources is None:
        return [[] for _ in marks]
    sources = list(sources) if isinstance(sources, (list, tuple)) else [sources]
    if not is_video and all(isinstance(source, (list, tuple)) for source in sources):
        require(len(sources) == len(marks), "images", f"a list for each of {len(marks)} texts", sources)
        nested = sources
    else:
        starts = [sum(marks[:index]) for index in range(len(marks))]
        ends = [*starts[1:], len(sources)]
        nested = [sources[start:end] for start, end in zip(starts, ends, strict=True)]
    return [[Picture(source, is_video) for source in row] for row in nested]


def default_chat_template(system_prompt: str) -> str:
    """The template in chat_template.jinja, with the system message that it writes where it is told of none."""
    template = (Path(__file__).parent / "chat_template.jinja").read_text(encoding="utf-8")
    return template.replace("SYSTEM_PROMPT", json.dumps(system_prompt, ensure_ascii=False))


def published_options() -> dict[str, Any]:
    """The options of `LladaVProcessor` with which the published checkpoint was evaluated."""
    return {
        "system_prompt": PUBLISHED_SYSTEM_PROMPT,
        "drop_token_after_image": True,
        "sanitize_control_tokens": False,
    }


AutoTokenizer.register(LladaVConfig, fast_tokenizer_class=PreTrainedTokenizerFast)
AutoProcessor.register(LladaVConfig, LladaVProcessor)
