"""What the lessons are answered: runs, noise, logits, attention and shapes, all of the embedded model and its twin."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from lladav.assets import asset
from lladav.attention import Attention, within
from lladav.cache import FeatureCache
from lladav.configuration import IGNORE, LladaVConfig
from lladav.messages import Messages
from lladav.pipeline import LladaVPipeline, Prompt
from lladav.recording import Recording
from lladav.sampling import SamplingConfig, effective_config, stop_sequences
from lladav.sampling.infilling import Template
from lladav.trace import Trace
from lladav.training.objective import forward_process, masked_diffusion_loss
from lladav.ui.attention import attention_view, with_mean
from lladav.ui.learn.lessons import (
    ANSWER_LENGTH,
    BLANKS,
    BRIEF,
    EMBEDDED,
    LESSON_RUNS,
    LONGEST_SENTENCE,
    LOOKS,
    MISTAKE,
    MOST_WORDS,
    THINGS,
    TIMES,
    LessonRun,
    PictureQuestion,
)
from lladav.viewer.state import StateWriter, canvas_state

LessonReply = dict[str, Any]
DIGITS = 2  # of logits
MAP_CELLS = 16  # along a side of a map: two for each patch


class Replies:
    """Answers requests of the lessons. It keeps nothing about a reader.

    Args:
        pipe: the model of the page; lessons run the embedded one, which is read from disk if this is another.
    """

    def __init__(self, pipe: LladaVPipeline):
        self._pipe = pipe
        self.pipeline = cache(self._load)

    def _load(self, name: str) -> LladaVPipeline:
        folder = str(asset(name))
        if str(self._pipe.model.config.name_or_path) == folder:
            return self._pipe
        return LladaVPipeline.from_pretrained(folder, device="cpu")

    def stream(self, request: Mapping[str, Any]) -> Iterator[LessonReply]:
        """What a request is answered, growing, its last value whole.

        Args:
            request: "name", one of those of `LESSONS`, and the values that come with it.

        Raises:
            ValueError: there is no such request, or its values are beyond what a lesson may cost.
        """
        name = str(request["name"])
        if name in LESSON_RUNS:
            yield from self._run(LESSON_RUNS[name])
        elif name == "draft" or name.startswith("mask-"):
            yield self._masked_again(request["positions"])
        elif name in BLANKS:
            yield self._logits(name)
        elif name == "looks":
            yield from self._looks()
        elif name == "shapes":
            yield self._shapes(request)
        elif name in (f"t-{level}" for level in TIMES):
            yield self._noise(float(name.removeprefix("t-")), request)
        else:
            raise ValueError(f"name must be that of a lesson's request, got {name!r}")

    # ---- runs ----------------------------------------------------------------------------------

    def _run(self, example: LessonRun) -> Iterator[LessonReply]:
        pipe = self.pipeline(example.model)
        config = example.config
        if example.template:
            stop = stop_sequences(config, pipe.tokenizer)[0]
            config = Template.read(example.template, pipe.encode, ANSWER_LENGTH).config(config, stop)
        recording = Recording(pipe.prepare(example.messages), effective_config(pipe.model, config))
        yield from self._record(pipe, recording)

    def _record(self, pipe: LladaVPipeline, recording: Recording) -> Iterator[LessonReply]:
        writer = StateWriter.of(pipe, recording)
        for frame in pipe.frames(recording.prompt, recording.config):
            recording.add(frame)
            yield {"state": writer.value(), "text": recording.text, "nfe": frame.nfe, "seconds": frame.seconds}

    def _masked_again(self, positions: Any) -> LessonReply:
        """The sentence with the mistake, and masks at `positions` that are filled one by one, or at its end alone."""
        pipe = self.pipeline(EMBEDDED)
        labels = torch.tensor([[*pipe.encode(MISTAKE), pipe.model.config.eot_token_id]])  # (1, L)
        length = labels.shape[1]
        if not isinstance(positions, list) or not all(at in range(length) for at in positions):
            raise ValueError(f"positions must be a list of whole numbers below {length}, got {positions!r}")
        masks = torch.zeros_like(labels, dtype=torch.bool)
        masks[0, positions or [length - 1]] = True
        trace = self._filled(pipe, pipe.prepare(LOOKS.messages), labels, masks, steps=int(masks.sum()))
        return {"state": canvas_state(trace, editable=False), "text": trace.text}

    # ---- noise ---------------------------------------------------------------------------------

    def _noise(self, level: float, request: Mapping[str, Any]) -> LessonReply:
        """A sentence under the masks of every level, and what one pass makes of it at this one."""
        pipe = self.pipeline(EMBEDDED)
        messages = _about(str(request["picture"]), BRIEF)
        prompt = pipe.prepare(messages)
        words = _sentence_ids(pipe, str(request["sentence"]))
        labels = torch.tensor([[*words, pipe.model.config.eot_token_id]])  # (1, L)
        seed = int(request["seed"]) % 2**31
        draws = {time: _draw(labels, time, seed) for time in TIMES}
        masks, p_mask = draws[level]
        if not masks.any():
            raise ValueError("At this time no word was masked: move the slider to the right, or draw again.")
        return {
            "ids": words,
            "words": pipe.pieces(words),
            "masks": {f"t-{time}": masks.nonzero()[:, 1].tolist() for time, (masks, _) in draws.items()},
            "p": round(float(p_mask[0, 0]), 4),
            "length": labels.shape[1],
            "loss": round(self._loss(pipe, prompt, labels, masks, p_mask), 3),
            "state": canvas_state(self._filled(pipe, prompt, labels, masks, steps=1), editable=False),
        }

    def _filled(self, pipe: LladaVPipeline, prompt: Prompt, labels: Tensor, masks: Tensor, steps: int) -> Trace:
        """The masks over the labels (1, L), filled in a number of steps."""
        template = labels.masked_fill(masks, -1)[0].tolist()
        length = len(template)
        config = SamplingConfig(
            gen_length=length, block_length=length, steps=steps,
            template=tuple(None if token < 0 else token for token in template),
        )  # fmt: skip
        return pipe(prompt, config).trace

    def _loss(self, pipe: LladaVPipeline, prompt: Prompt, labels: Tensor, masks: Tensor, p_mask: Tensor) -> float:
        """The loss of one draw: masks and p_mask (1, L) over labels (1, L)."""
        answer = labels.masked_fill(masks, pipe.model.config.mask_token_id)
        logits = self._answer_logits(pipe, self._prompt_embeds(pipe, prompt), answer)
        return float(masked_diffusion_loss(logits, labels, masks, p_mask))

    # ---- logits --------------------------------------------------------------------------------

    def _prompt_embeds(self, pipe: LladaVPipeline, prompt: Prompt) -> Tensor:
        """Of shape (1, L, D)."""
        with torch.no_grad():
            embeds, _ = pipe.model.embed_prompt(**prompt.inputs.to(pipe.device))
        return embeds

    def _answer_logits(self, pipe: LladaVPipeline, prompt: Tensor, answer: Tensor) -> Tensor:
        """Logits (1, G, V) at an answer (1, G) behind the embeddings of a prompt (1, L, D)."""
        with torch.no_grad():
            embeds = torch.cat([prompt, pipe.model.get_input_embeddings()(answer.to(pipe.device))], dim=1)
            return pipe.model(inputs_embeds=embeds, logits_to_keep=answer.shape[1]).logits.cpu()

    def _logits(self, name: str) -> LessonReply:
        """The logits of a blank, with the prompt and behind a prompt of masks, as guidance compares them."""
        pipe, blank = self.pipeline(EMBEDDED), BLANKS[name]
        config = pipe.model.config
        before, after = pipe.encode(blank.before), pipe.encode(blank.after)
        answer = torch.tensor([[*before, config.mask_token_id, *after, config.eot_token_id]])
        prompt = self._prompt_embeds(pipe, pipe.prepare(blank.messages))
        nothing = pipe.model.get_input_embeddings()(torch.tensor([[config.mask_token_id]])).expand_as(prompt)
        kept = [token for token in range(config.text_config.vocab_size) if token not in config.suppress_token_ids]
        rows = (self._answer_logits(pipe, embeds, answer)[0, len(before), kept] for embeds in (prompt, nothing))
        conditional, unconditional = ([round(value, DIGITS) for value in row.tolist()] for row in rows)
        pieces = pipe.pieces(kept)
        return {
            "picture": blank.picture, "before": blank.before, "after": blank.after, "pieces": pieces,
            "conditional": conditional, "unconditional": unconditional,
        }  # fmt: skip

    # ---- attention -----------------------------------------------------------------------------

    def _looks(self) -> Iterator[LessonReply]:
        """A run, and then what each token of its answer looked at in the pass that wrote it."""
        pipe = self.pipeline(LOOKS.model)
        recording = Recording(pipe.prepare(LOOKS.messages), effective_config(pipe.model, LOOKS.config))
        reply: LessonReply = {}
        for reply in self._record(pipe, recording):
            yield reply
        trace, end = pipe.record(recording), recording.frames[-1].stop_position or ANSWER_LENGTH
        looks, features = [], FeatureCache()
        for step, changed in enumerate(trace.steps):
            pieces = {at: trace.pieces[token] for at, token in zip(changed.positions, changed.x0, strict=True)}
            if written := [at for at in changed.transfer_index if at < end]:
                attention = pipe.attention(recording.prompt, trace, step, written, features)
                looks += [_look(attention, at, pieces[at], step + 1) for at in written]
        yield reply | {"looks": looks}

    # ---- shapes --------------------------------------------------------------------------------

    def _shapes(self, request: Mapping[str, Any]) -> LessonReply:
        """The shapes of a question's tensors on their way through the model, and the sizes of both models."""
        pipe = self.pipeline(EMBEDDED)
        question = str(request["question"])[:LONGEST_SENTENCE] or BRIEF
        prompt = pipe.prepare(_about(str(request["picture"]), question))
        (picture,) = prompt.pictures
        tower = pipe.model.model.vision_tower
        with torch.no_grad():
            pixels = picture["pixel_values"].to(pipe.device)
            features = tower.encoder(inputs_embeds=tower.embeddings(pixels)).last_hidden_state
            (tokens,) = pipe.model.get_image_features(**picture)
        embeds = self._prompt_embeds(pipe, prompt)
        answer = torch.full((1, ANSWER_LENGTH), pipe.model.config.mask_token_id)
        logits = self._answer_logits(pipe, embeds, answer)
        tensors = {
            "tiles": pixels, "tower": features, "projector": tokens, "prompt": embeds,
            "sequence": torch.cat([embeds, embeds.new_empty(1, ANSWER_LENGTH, embeds.shape[-1])], dim=1),
            "logits": logits,
        }  # fmt: skip
        return {
            "shapes": {name: [*tensor.shape] for name, tensor in tensors.items()},
            "sizes": {"embedded": sizes(pipe.model.config), "published": sizes(LladaVConfig())},
        }


def _look(attention: Attention, position: int, word: str, step: int) -> LessonReply:
    """What the page paints of a position's attention, and how much of it lies on each of `THINGS`."""
    maps = attention.maps(position)
    on = {name: with_mean(within(maps, box)).tolist() for name, box in THINGS.items()}
    things = {name: [round(share, 3) for share in layers] for name, layers in on.items()}
    return {**attention_view(attention, position, word, step, MAP_CELLS), "things": things}


def sizes(config: Any) -> dict[str, int]:
    """How large the parts of a model with this `LladaVConfig` are."""
    tower, text = config.vision_config, config.text_config
    return {
        "image_size": tower.image_size,
        "patch_size": tower.patch_size,
        "tower_layers": tower.num_hidden_layers,
        "tower_width": tower.hidden_size,
        "layers": text.num_hidden_layers,
        "heads": text.num_attention_heads,
        "width": text.hidden_size,
        "vocabulary": text.vocab_size,
        "positions": text.max_position_embeddings,
    }


def _about(picture: str, question: str) -> Messages:
    """A question about one of the examples' pictures. Raises ValueError where there is no such picture."""
    names = {path.stem for path in asset("examples").glob("*.png")}
    if picture not in names:
        raise ValueError(f"picture must be one of {', '.join(sorted(names))}, got {picture!r}")
    return PictureQuestion(picture, question).messages


def _sentence_ids(pipe: LladaVPipeline, sentence: str) -> list[int]:
    """The ids of a reader's sentence. Raises ValueError where it is empty or too long."""
    sentence = sentence.strip()
    if len(sentence) > LONGEST_SENTENCE:
        raise ValueError(f"A sentence may have {LONGEST_SENTENCE} letters, this one has {len(sentence)}: shorten it.")
    ids = pipe.encode(sentence)
    if not 0 < len(ids) <= MOST_WORDS:
        raise ValueError(f"A sentence may have 1 to {MOST_WORDS} tokens, this one has {len(ids)}.")
    return ids


def _draw(labels: Tensor, time: float, seed: int) -> tuple[Tensor, Tensor]:
    """mask_index and p_mask (1, L); for one seed the same noise at every time, so that masks only ever fall."""
    assert IGNORE not in labels
    return forward_process(labels, torch.Generator().manual_seed(seed), torch.tensor([time]))


def recorded_replies(replies: Replies, requests: Mapping[str, Mapping[str, Any]]) -> dict[str, LessonReply]:
    """What a lesson's requests are answered, by name, for readers whom nothing can be run for."""
    answers = {}
    for name, values in requests.items():
        *_, answers[name] = replies.stream({"name": name, **values})
    return answers
