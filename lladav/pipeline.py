"""Messages in, an answer out, step by step or at once: model, processor and sampler put together."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers.generation.streamers import BaseStreamer

from lladav.assets import asset
from lladav.attention import Attention
from lladav.cache import FeatureCache
from lladav.checks import require
from lladav.imaging import thumbnail
from lladav.loading import PUBLISHED_MODEL, check_model, has_room_for_published_model
from lladav.messages import Messages, Picture, check_messages, pictures_of, texts_of
from lladav.modeling import LladaVForMaskedDiffusion
from lladav.processing import IMAGE_MARK, LladaVProcessor, text_of
from lladav.prompt import Prompt, split_pictures
from lladav.quantization import quantization_config
from lladav.recording import Frame, Recording
from lladav.sampling import (
    SamplingConfig,
    SamplingStep,
    effective_config,
    first_canvas,
    sample,
    sample_batch,
    stop_sequences,
    suffix_ids,
)
from lladav.sampling.infilling import Template, mean_log_confidence, settled
from lladav.tokenization import clean, encode_text
from lladav.trace import Trace, distinct_ids

MASK_SIGN = "░"
SECONDS_DIGITS = 4


def default_model() -> str:
    """`LLADAV_MODEL` if it is set, else the published model where a GPU has room for it and the embedded one where not.

    A sentence on stderr says so where there is a GPU without that room.
    """
    if model := os.environ.get("LLADAV_MODEL"):
        return model
    return PUBLISHED_MODEL if has_room_for_published_model() else str(asset("lladav-tiny"))


@dataclass(frozen=True)
class Reply:
    """A finished answer.

    Attributes:
        text: the answer, special tokens left out, with `config.suffix` behind it.
        token_ids: its ids: what stands before the stop, then the suffix.
        trace: how it came about.
        finish_reason: "stop" or "length".
        nfe: forward passes.
        seconds: wall-clock time.
    """

    text: str
    token_ids: list[int]
    trace: Trace
    finish_reason: str
    nfe: int
    seconds: float


class LladaVPipeline:
    """A LLaDA-V that talks.

    Args:
        model: maps prompts to logits.
        processor: maps messages to prompts.
        name: what the model is called in traces.
        compiled: whether steps are recorded where they can be, see `sample`.
    """

    def __init__(self, model: LladaVForMaskedDiffusion, processor: LladaVProcessor, name: str, compiled: bool = False):
        self.model = model
        self.processor = processor
        self.name = name
        self.compiled = compiled

    @classmethod
    def from_pretrained(
        cls,
        path: str | os.PathLike,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
        quantization: str | None = None,
        compiled: bool = False,
    ) -> "LladaVPipeline":
        """Load a directory, or a model of the hub; by default in bfloat16 on a GPU, else in float32 on the CPU.

        Args:
            quantization: "int8" or "int4" for less memory, see `lladav.quantization`.
            compiled: record steps where they can be, see `sample`.

        Raises:
            ValueError: there is no such directory, or it does not hold this model, whole (see `lladav.loading`), or it
                cannot be quantized so.
        """
        path = os.fspath(path)
        check_model(path)
        device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        dtype = dtype or (torch.bfloat16 if device.type == "cuda" else torch.float32)
        options: dict[str, Any] = {"dtype": dtype, "use_safetensors": True}
        if quantization:
            options |= {"device_map": {"": device}, "quantization_config": quantization_config(quantization, dtype)}
            model = LladaVForMaskedDiffusion.from_pretrained(path, **options)
        else:
            model = LladaVForMaskedDiffusion.from_pretrained(path, **options).to(device)
            if device.type == "cpu" and dtype == torch.float32:
                model.store_by_columns()
        name = path
        if Path(path).is_dir():
            *_, parent, name = Path(os.path.abspath(path)).parts
            name = parent if name == "model" else name  # as training lays models out
        # Its messages are people's.
        processor = LladaVProcessor.from_pretrained(path, sanitize_control_tokens=True)
        return cls(model.eval().requires_grad_(False), processor, name, compiled)

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def tokenizer(self) -> Any:
        return self.processor.tokenizer

    @property
    def max_length(self) -> int:
        """Positions that prompt, answer and suffix may take together."""
        return self.model.config.text_config.max_position_embeddings

    # ---- before the model runs -----------------------------------------------------------------

    def prepare(self, messages: Messages, thinking: bool | None = None) -> Prompt:
        """Read messages: their pictures are decoded and tiled, their text is laid out and encoded, each of it once.

        Args:
            messages: `[{"role": "user", "content": text or [{"type": "image", "image": path or PIL image},
                {"type": "text", "text": ...}]}, ...]`, the last one to be answered; all forms of content are listed in
                `LladaVProcessor.apply_chat_template`.
            thinking: append "/think" (True) or "/no_think" (False) to the question; None leaves it alone.

        Raises:
            ValueError: the messages cannot be read.
        """
        pieces = self.processor.read_pictures(self.processor.render(with_thinking(messages, thinking)))
        inputs = self.processor.inputs_of(pieces)
        pictures = [piece for piece in pieces if isinstance(piece, Picture)]
        tiles = [picture["pixel_values"] for picture in split_pictures(inputs)]
        return Prompt(
            inputs=inputs,
            text=text_of(pieces),
            length=self.processor.count_tokens(inputs),
            question=_question(messages),
            thumbnails=[thumbnail(picture.frames[0]) for picture in pictures],
            image_hashes=[hashlib.sha256(pixels.numpy().tobytes()).hexdigest() for pixels in tiles],
        )

    def check(self, prompt: Prompt, config: SamplingConfig) -> None:
        """Refuse what could not be answered, before any work is done for it.

        Raises:
            ValueError: the prompt and the answer do not fit into `max_length`, or `config` holds a token that the
                model does not have.
        """
        answer_length = config.gen_length + len(suffix_ids(config, self.tokenizer))
        if prompt.length + answer_length > self.max_length:
            raise ValueError(
                f"prompt and answer must fit into {self.max_length} tokens, got {prompt.length} and {answer_length}: "
                "ask with fewer or shorter messages, fewer pictures or a smaller gen_length"
            )
        vocab_size = self.model.config.text_config.vocab_size
        for name in ("template", "suppress_token_ids"):
            for token in getattr(config, name) or ():
                if token is not None and token >= vocab_size:
                    raise ValueError(
                        f"{name} must hold ids below {vocab_size}, the size of the vocabulary, got {token}"
                    )

    def prompt_length(self, messages: Messages, thinking: bool | None = None) -> int:
        """Positions that the prompt takes, picture tokens included."""
        return self.prepare(messages, thinking).length

    def first_frame(self, config: SamplingConfig) -> Frame:
        """The canvas of masks that a run begins with, without the model."""
        step = first_canvas(self.model, config, self.tokenizer).first_record()
        return Frame.of(None, step, 0.0, self.text(step))

    # ---- a run ---------------------------------------------------------------------------------

    def stream(
        self,
        messages: Prompt | Messages,
        config: SamplingConfig | None = None,
        thinking: bool | None = None,
        features: FeatureCache | None = None,
    ) -> Iterator[SamplingStep]:
        """Answer step by step; closing the iterator stops the model.

        Args:
            messages: what `prepare` returned, or what it takes.
            config: how to sample.
            thinking: as in `prepare`; with a `Prompt`, which has it already, None.
            features: of the pictures of this conversation, so that each goes through the vision tower only once. The
                answer is the same to the bit.

        Raises:
            ValueError: as `prepare` and `check`, before the first step.
        """
        config = config or SamplingConfig()
        inputs = self._inputs(self._prompt(messages, thinking), config, features)
        return sample(self.model, inputs, config, self.tokenizer, self.compiled)

    def stream_batch(
        self,
        conversations: Sequence[Prompt | Messages],
        config: SamplingConfig | None = None,
        thinking: bool | None = None,
    ) -> Iterator[list[SamplingStep]]:
        """Answer B conversations side by side: B records a step, each what `stream` gives it alone, up to rounding.

        An answer that is done stays as it is until all are, so those of about one length go well together.

        Raises:
            ValueError: as `stream`.
        """
        config = config or SamplingConfig()
        inputs = [self._inputs(self._prompt(messages, thinking), config, None) for messages in conversations]
        return sample_batch(self.model, inputs, config, self.tokenizer, self.compiled)

    def __call__(
        self,
        messages: Prompt | Messages,
        config: SamplingConfig | None = None,
        thinking: bool | None = None,
        on_step: Callable[[SamplingStep], None] | None = None,
        features: FeatureCache | None = None,
        streamer: BaseStreamer | None = None,
    ) -> Reply:
        """Answer as `stream` does, and return when it is done.

        Args:
            on_step: is shown every step.
            streamer: is put the prompt's ids and the answer's, as by transformers' `generate`; one with `put_draft`,
                such as `TextDiffusionStreamer`, also the answer as it stands after every step, masks included.
        """
        start = time.perf_counter()
        prompt, config = self._prompt(messages, thinking), config or SamplingConfig()
        steps, seconds = [], []
        if streamer is not None:
            streamer.put(prompt.inputs["input_ids"].clamp(min=0))  # a picture's placeholder is no token
        for step in self.stream(prompt, config, features=features):
            steps.append(step)
            seconds.append(time.perf_counter() - start)
            if on_step:
                on_step(step)
            if streamer is not None and hasattr(streamer, "put_draft"):
                streamer.put_draft(torch.tensor(step.answer_ids))
        assert step.finish_reason is not None  # the last step has one
        trace = self.trace(prompt, config, steps, seconds)
        ids = step.answer_ids + suffix_ids(config, self.tokenizer)
        if streamer is not None:
            streamer.put(torch.tensor(ids))
            streamer.end()
        return Reply(trace.text, ids, trace, step.finish_reason, step.nfe, seconds[-1])

    def frames(self, prompt: Prompt, config: SamplingConfig, features: FeatureCache | None = None) -> Iterator[Frame]:
        """A run in plain values, `first_frame` first: what a process that is lent a GPU hands to the one that asked.

        Their seconds are those of the model, and not of whoever takes the frames and lets it wait.

        Raises:
            ValueError: as `check`, before the first frame.
        """
        steps = self.stream(prompt, config, features=features)
        before = next(steps)
        yield self.first_frame(config)
        start, seconds = time.perf_counter(), 0.0
        for step in steps:
            seconds += time.perf_counter() - start
            yield Frame.of(before, step, seconds, self.text(step))
            before, start = step, time.perf_counter()

    def trace(
        self,
        messages: Prompt | Messages,
        config: SamplingConfig,
        steps: Sequence[SamplingStep],
        seconds: Sequence[float],
        thinking: bool | None = None,
        parent: str | None = None,
        edit: str | None = None,
    ) -> Trace:
        """The record of a run.

        Args:
            messages, config, thinking: what `stream` was given.
            steps: what it yielded.
            seconds: when it did, since the start.
            parent, edit: the `id` of the trace that the run goes on from, and what was changed there in a few words.
        """
        recording = Recording(self._prompt(messages, thinking), config, parent, edit)
        for before, step, moment in zip((None, *steps[:-1]), steps, seconds, strict=True):
            recording.add(Frame.of(before, step, moment, self.text(step)))
        return self.record(recording)

    def record(self, recording: Recording, step: int | None = None) -> Trace:
        """The trace of a run, or of what it was up to `step`."""
        frames = recording.frames if step is None else recording.frames[: step + 1]
        config, prompt = effective_config(self.model, recording.config), recording.prompt
        steps = [frame.changed for frame in frames if frame.changed is not None]
        ids = distinct_ids(config, self.model.config.mask_token_id, steps, recording.carried)
        return Trace(
            model=self.name,
            prompt=prompt.text,
            images=prompt.image_hashes,
            prompt_length=prompt.length,
            config=config,
            mask_token_id=self.model.config.mask_token_id,
            stop_sequences=stop_sequences(config, self.tokenizer),
            steps=steps,
            seconds=[round(frame.seconds, SECONDS_DIGITS) for frame in frames],
            pieces=dict(zip(ids, self.pieces(ids), strict=True)),
            text=frames[-1].text + (config.suffix or ""),
            finish_reason=frames[-1].finish_reason,
            question=prompt.question,
            thumbnails=prompt.thumbnails,
            parent=recording.parent,
            edit=recording.edit,
            carried=recording.carried,
        )

    @torch.no_grad()
    def attention(
        self,
        messages: Prompt | Messages,
        trace: Trace,
        step: int,
        positions: Sequence[int] | None = None,
        features: FeatureCache | None = None,
    ) -> Attention:
        """What the answer looks at: one forward pass over the canvas as it stood after `step`, as the next step's.

        It is exact: run without the cache, the guidance and the dropped picture tokens that the run may have had. In an
        autoregressive twin a token is written, and so looks, where its predecessor stands.

        Args:
            messages: those that the run answered.
            trace: the run.
            step: 0 for the canvas of masks, up to the number of steps.
            positions: of the answer; by default all of it, which takes layers x answer x sequence numbers.
            features: as for `stream`.

        Raises:
            ValueError: the messages are not those of the trace, or there is no such step or position.
        """
        prompt, config = self._prompt(messages, None), trace.config
        if (prompt.text, prompt.image_hashes) != (trace.prompt, trace.images):
            raise ValueError(f"messages must be those that the trace answers, got others: {prompt.text[-100:]!r}")
        states = trace.until(step)
        length = config.gen_length
        if config.start_length is not None:  # what has not grown yet is not run
            length = max(length if state.stop_position is None else state.stop_position for state in states)
        positions = range(length) if positions is None else positions
        if outside := [position for position in positions if not 0 <= position < length]:
            raise ValueError(f"positions must lie between 0 and {length - 1}, the end of the answer, got {outside[0]}")
        prefix, _ = self.model.embed_prompt(**self._inputs(prompt, config, features))  # (1, prompt, D)
        ids = states[-1].tokens[:length].tolist() + suffix_ids(config, self.tokenizer)
        answer = self.model.get_input_embeddings()(torch.tensor([ids], device=self.device))
        rows = torch.tensor(positions, device=self.device) + prompt.length - int(self.model.config.is_causal)
        output = self.model(
            inputs_embeds=torch.cat([prefix, answer], dim=1), logits_to_keep=rows, output_attentions=True
        )
        weights = torch.cat([layer.cpu() for layer in output.attentions])
        return Attention(weights, list(positions), self.processor.picture_tokens(prompt.inputs))

    def settle_blanks(self, prompt: Prompt, template: Template, config: SamplingConfig) -> Template:
        """Find the lengths of a template's open blanks, see `sampling.infilling`.

        Args:
            prompt: what is answered.
            template: with open blanks.
            config: how each try is sampled; see `Template.config`.
        """
        stop, features = stop_sequences(config, self.tokenizer)[0], FeatureCache()

        def probability(tried: Template) -> float:
            settings = tried.config(config, stop)
            *_, last = self.stream(prompt, settings, features=features)
            return mean_log_confidence(last, settings.template or ())

        return settled(template, probability)

    def _prompt(self, messages: Prompt | Messages, thinking: bool | None) -> Prompt:
        if not isinstance(messages, Prompt):
            return self.prepare(messages, thinking)
        if thinking is not None:
            raise ValueError(f"thinking must be None with a Prompt, got {thinking}: give it to prepare")
        return messages

    def _inputs(self, prompt: Prompt, config: SamplingConfig, features: FeatureCache | None) -> dict[str, Any]:
        self.check(prompt, config)
        ids = {name: prompt.inputs[name].to(self.device) for name in ("input_ids", "attention_mask")}
        return ids | {"image_features": self._image_features(prompt, features or FeatureCache())}

    def _image_features(self, prompt: Prompt, features: FeatureCache) -> Iterator[Tensor]:
        """The features of each picture or video, made when the model comes to them.

        Each is run by itself, so that they do not depend, in the last bits, on the company they were first seen in.
        """
        for picture, content in zip(prompt.pictures, prompt.image_hashes, strict=True):
            (size,), (layout,) = picture["image_sizes"].tolist(), picture["image_layouts"].tolist()
            yield features.get((content, *size, layout), partial(self._run_tower, picture))

    def _run_tower(self, picture: dict[str, Tensor]) -> Tensor:
        (tokens,) = self.model.get_image_features(**{name: values.to(self.device) for name, values in picture.items()})
        return tokens

    # ---- text ----------------------------------------------------------------------------------

    def encode(self, text: str) -> list[int]:
        """The ids of what somebody typed: text, whatever control tokens are written there."""
        return encode_text(text, self.tokenizer)

    def pieces(self, token_ids: Sequence[int]) -> list[str]:
        """Each token on its own, as text."""
        return [self.tokenizer.decode([token]) for token in token_ids]

    def text(self, step: SamplingStep) -> str:
        """The answer as it stands: cut before the stop, without special tokens, "░" where it is still masked."""
        if step.finish_reason:
            return self._decode(step.answer_ids)
        mask = self.model.config.mask_token_id
        runs = groupby(step.answer_ids, key=lambda token: token == mask)
        return "".join(MASK_SIGN * len(list(ids)) if masked else self._decode(list(ids)) for masked, ids in runs)

    def _decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True)


def step_record(pipe: LladaVPipeline, step: SamplingStep) -> dict[str, Any]:
    """A step as the JSON that the command line and the API speak: None stands for a position still masked."""
    masked = step.mask_index.tolist()
    pieces = pipe.pieces(step.tokens.tolist())
    return {
        "step": step.step,
        "steps": step.steps,
        "text": pipe.text(step),
        "tokens": [None if hidden else piece for piece, hidden in zip(pieces, masked, strict=True)],
        "confidence": [
            None if hidden else value for value, hidden in zip(step.confidence.tolist(), masked, strict=True)
        ],
        "nfe": step.nfe,
        "finish_reason": step.finish_reason,
        "revoked_index": step.revoked_index.nonzero().flatten().tolist(),
    }


def _question(messages: Messages) -> str:
    """The text of the last message, without its pictures."""
    text = clean("".join(texts_of(messages[-1])))
    return (text.replace(IMAGE_MARK, "") if pictures_of(messages[-1]) else text).strip()


def with_thinking(messages: Messages, thinking: bool | None) -> Messages:
    """`messages` with " /think" (True) or " /no_think" (False) behind the last user text; None changes nothing."""
    if thinking is None:
        return messages
    require(isinstance(thinking, bool), "thinking", "True, False or None", thinking)
    check_messages(messages)
    switch = " /think" if thinking else " /no_think"
    last = max((index for index, message in enumerate(messages) if message["role"] == "user"), default=None)
    if last is None:
        raise ValueError("thinking needs a message of the user to stand in, got none: leave it at None")
    content = messages[last]["content"]
    if isinstance(content, str):
        content += switch
    else:
        texts = [index for index, part in enumerate(content) if part["type"] == "text"]
        at = texts[-1] if texts else len(content)
        text = content[at]["text"] if texts else ""
        content = [*content[:at], {"type": "text", "text": text + switch}, *content[at + 1 :]]
    return [*messages[:last], {**messages[last], "content": content}, *messages[last + 1 :]]
