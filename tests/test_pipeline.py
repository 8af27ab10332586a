import json
import pickle
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from helpers import picture_message
from transformers import TextDiffusionStreamer
from transformers.generation.streamers import BaseStreamer

from lladav import LladaVPipeline, LladaVProcessor, SamplingConfig, imaging, sample
from lladav.assets import asset
from lladav.pipeline import PUBLISHED_MODEL, default_model, step_record, with_thinking
from lladav.recording import Recording

CONFIG = SamplingConfig(gen_length=16, block_length=8, steps=8, temperature=0.5, seed=2, stop=())
MESSAGES = [picture_message("What is this?")]


def test_streaming_and_calling_agree(tiny_pipeline):
    steps = list(tiny_pipeline.stream(MESSAGES, CONFIG))
    seen = []
    reply = tiny_pipeline(MESSAGES, CONFIG, on_step=seen.append)
    assert reply.text == tiny_pipeline.text(steps[-1])
    assert reply.token_ids == steps[-1].answer_ids
    assert (reply.finish_reason, reply.nfe) == ("length", 8)
    assert reply.seconds == pytest.approx(reply.trace.seconds[-1], abs=1e-3)
    for one, other in zip(steps, seen, strict=True):
        assert torch.equal(one.tokens, other.tokens) and torch.equal(one.top_probs, other.top_probs)


def test_it_samples_what_the_processor_makes_of_the_messages(tiny_pipeline):
    model, processor = tiny_pipeline.model, tiny_pipeline.processor
    expected = sample(model, processor.apply_chat_template(MESSAGES), CONFIG)
    for one, other in zip(tiny_pipeline.stream(MESSAGES, CONFIG), expected, strict=True):
        assert torch.equal(one.tokens, other.tokens) and torch.equal(one.confidence, other.confidence)


def test_the_same_seed_gives_the_same_trace(tiny_pipeline):
    one, other = (tiny_pipeline(MESSAGES, CONFIG).trace for _ in range(2))
    assert one.steps == other.steps and one.pieces == other.pieces and one.text == other.text


def test_the_picture_matters(tiny_pipeline):
    red, green = (tiny_pipeline([picture_message("What is this?", color)], CONFIG) for color in ("red", "green"))
    assert red.trace.steps != green.trace.steps


def test_a_path_is_as_good_as_an_image(tiny_pipeline, tmp_path):
    picture, question = MESSAGES[0]["content"]
    picture["image"].save(tmp_path / "red.png")
    from_path = [{"role": "user", "content": [{"type": "image", "image": tmp_path / "red.png"}, question]}]
    assert tiny_pipeline(from_path, CONFIG).token_ids == tiny_pipeline(MESSAGES, CONFIG).token_ids


def test_the_suffix_is_part_of_the_reply(tiny_pipeline):
    reply = tiny_pipeline(MESSAGES, SamplingConfig(8, 8, 4, stop=(), suffix=" It is."))
    suffix = tiny_pipeline.tokenizer.encode(" It is.", add_special_tokens=False)
    assert reply.text.endswith(" It is.") and reply.token_ids[8:] == suffix


def test_an_answer_under_way_shows_its_masks(tiny_pipeline):
    steps = list(tiny_pipeline.stream(MESSAGES, CONFIG))
    texts = [tiny_pipeline.text(step) for step in steps]
    assert texts[0] == "░" * 16
    assert [text.count("░") for text in texts] == [int(step.mask_index.sum()) for step in steps]


def test_special_tokens_do_not_show(tiny_pipeline):
    ids = tiny_pipeline.tokenizer.encode("It<|eot_id|> is", add_special_tokens=False)
    config = SamplingConfig(len(ids), len(ids), 1, stop=(), template=tuple(ids))
    reply = tiny_pipeline(MESSAGES, config)
    assert reply.text == "It is"
    assert "<|eot_id|>" in tiny_pipeline.pieces(reply.token_ids)


def test_a_masked_position_is_never_cut_out_of_a_word(tiny_pipeline):
    ids = tiny_pipeline.tokenizer.encode("It is", add_special_tokens=False)
    template = (*ids[:1], None, *ids[1:])
    canvas = next(
        tiny_pipeline.stream(MESSAGES, SamplingConfig(len(template), len(template), 1, stop=(), template=template))
    )
    first, *rest = tiny_pipeline.pieces(ids)
    assert tiny_pipeline.text(canvas) == first + "░" + "".join(rest)


@pytest.mark.parametrize(("thinking", "ending"), [(None, "this?"), (True, "this? /think"), (False, "this? /no_think")])
def test_thinking_is_a_word_behind_the_question(tiny_pipeline, thinking: bool | None, ending: str):
    history = [
        *MESSAGES,
        {"role": "assistant", "content": "A square."},
        {"role": "user", "content": "What is this?"},
    ]
    for messages in (MESSAGES, history):
        before = repr(messages)
        prompt = tiny_pipeline(messages, CONFIG, thinking).trace.prompt
        assert prompt.endswith(f"{ending}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")
        assert prompt.count("think") == (thinking is not None)
        assert repr(messages) == before


def test_thinking_goes_to_the_last_user_text():
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image", "image": "b.png"}]},
        {"role": "assistant", "content": "c"},
    ]
    changed = with_thinking(messages, True)
    assert changed[0]["content"][0] == {"type": "text", "text": "a /think"}
    assert changed[1:] == messages[1:] and with_thinking(messages, None) is messages


def test_prompt_length_counts_picture_tokens(tiny_pipeline):
    text_only = [{"role": "user", "content": "\nWhat is this?"}]
    length = tiny_pipeline.prompt_length(MESSAGES)
    inputs = tiny_pipeline.processor.apply_chat_template(MESSAGES)
    with torch.no_grad():
        assert length == tiny_pipeline.model.embed_prompt(**inputs)[0].shape[1]
    assert length > tiny_pipeline.prompt_length(text_only) + 60


def test_a_prompt_that_does_not_fit_is_refused_at_once(tiny_pipeline):
    long = [{"role": "user", "content": "0123456789" * 60}]
    with pytest.raises(
        ValueError, match=r"prompt and answer must fit into 512 tokens, got 6\d\d and 16: ask with fewer"
    ):
        tiny_pipeline.stream(long, CONFIG)


def test_a_prompt_that_just_fits_is_answered(tiny_pipeline):
    room = tiny_pipeline.max_length - tiny_pipeline.prompt_length(MESSAGES)
    assert tiny_pipeline(MESSAGES, SamplingConfig(room, room, 1, stop=())).nfe == 1
    with pytest.raises(ValueError, match="must fit"):
        tiny_pipeline.stream(MESSAGES, SamplingConfig(room + 1, room + 1, 1, stop=()))


def test_a_record_is_json_and_only_ever_gains_tokens(tiny_pipeline):
    records = [step_record(tiny_pipeline, step) for step in tiny_pipeline.stream(MESSAGES, CONFIG)]
    assert json.loads(json.dumps(records)) == records
    names = ["step", "steps", "text", "tokens", "confidence", "nfe", "finish_reason", "revoked_index"]
    assert list(records[0]) == names
    assert records[0]["tokens"] == records[0]["confidence"] == [None] * 16
    for before, after in pairwise(records):
        for name in ("tokens", "confidence"):
            kept = [(old, new) for old, new in zip(before[name], after[name], strict=True) if old is not None]
            assert all(old == new for old, new in kept)
    assert None not in records[-1]["tokens"] and records[-1]["finish_reason"] == "length"
    assert records[-1]["steps"] == records[-1]["step"] == 8


def test_the_default_model_suits_the_machine(monkeypatch, capsys):
    monkeypatch.delenv("LLADAV_MODEL", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert default_model() == str(asset("lladav-tiny"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (20 * 10**9, 24 * 10**9))
    assert default_model() == PUBLISHED_MODEL
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (11.5e9, 12e9))
    assert default_model() == str(asset("lladav-tiny"))
    assert "The GPU has 11.5 GB free and GSAI-ML/LLaDA-V needs 20 GB" in capsys.readouterr().err
    monkeypatch.setenv("LLADAV_MODEL", "somewhere/else")
    assert default_model() == "somewhere/else"


def test_loading_takes_device_and_dtype(tiny_random):
    pipe = LladaVPipeline.from_pretrained(tiny_random, device="cpu", dtype=torch.bfloat16)
    assert pipe.model.dtype == torch.bfloat16 and pipe.device.type == "cpu" and pipe.name == tiny_random.name
    assert not pipe.model.training
    assert pipe(MESSAGES, CONFIG).nfe == 8


class TestPrompt:
    """A prompt is made once, and whatever could be refused is refused before the model runs."""

    @pytest.fixture
    def work(self, monkeypatch) -> dict[str, int]:
        """How often a picture was decoded, tiled, and a conversation laid out."""
        counts = {"decodes": 0, "tilings": 0, "template passes": 0}

        def counted(name: str, owner: Any, method: str) -> None:
            original = getattr(owner, method)

            def spy(*args, **kwargs):
                counts[name] += 1
                return original(*args, **kwargs)

            monkeypatch.setattr(owner, method, spy)

        counted("decodes", imaging, "load_image")
        counted("tilings", imaging, "to_pixel_values")
        counted("template passes", LladaVProcessor, "render")
        return counts

    ONCE = dict.fromkeys(("decodes", "tilings", "template passes"), 1)

    def test_a_question_is_prepared_once(self, tiny_pipeline, work: dict[str, int]):
        tiny_pipeline(MESSAGES, CONFIG)
        assert work == self.ONCE

    def test_nothing_is_prepared_where_the_model_runs(self, tiny_pipeline, work: dict[str, int]):
        prompt = tiny_pipeline.prepare(MESSAGES, thinking=False)
        tiny_pipeline.check(prompt, CONFIG)
        recording = Recording(prompt, CONFIG)
        for frame in tiny_pipeline.frames(prompt, CONFIG):
            recording.add(frame)
            assert work == self.ONCE
        assert len(prompt.thumbnails) == 1 and tiny_pipeline.record(recording).thumbnails == prompt.thumbnails
        assert work == self.ONCE

    def test_a_prompt_is_as_good_as_its_messages(self, tiny_pipeline):
        prompt = tiny_pipeline.prepare(MESSAGES, thinking=True)
        one, other = tiny_pipeline(prompt, CONFIG), tiny_pipeline(MESSAGES, CONFIG, thinking=True)
        assert one.trace == replace(other.trace, seconds=one.trace.seconds)
        steps = list(tiny_pipeline.stream(prompt, CONFIG))
        assert tiny_pipeline.trace(prompt, CONFIG, steps, one.trace.seconds) == one.trace
        (*_, [last]) = tiny_pipeline.stream_batch([prompt], CONFIG)
        assert last.answer_ids == one.token_ids
        with pytest.raises(ValueError, match="thinking must be None with a Prompt, got True: give it to prepare"):
            tiny_pipeline(prompt, CONFIG, thinking=True)

    def test_a_prompt_travels_without_its_pictures(self, tiny_pipeline, tmp_path):
        (tmp_path / "secret-name").mkdir()
        path = tmp_path / "secret-name" / "red.png"
        MESSAGES[0]["content"][0]["image"].save(path)
        prompt = tiny_pipeline.prepare([{"role": "user", "content": [{"type": "image", "image": path}]}])
        packed = pickle.dumps(prompt)
        path.unlink()
        assert b"secret-name" not in packed and b"PIL" not in packed
        assert tiny_pipeline(pickle.loads(packed), CONFIG).nfe == 8

    def test_the_first_frame_is_made_once(self, tiny_pipeline):
        for config in (CONFIG, replace(CONFIG, template=(7,) * 16)):
            prompt = tiny_pipeline.prepare(MESSAGES)
            first, *rest = tiny_pipeline.frames(prompt, config)
            assert first == tiny_pipeline.first_frame(config)
            assert (first.finish_reason is None) == bool(rest)

    def test_a_token_that_the_model_does_not_have_is_refused(self, tiny_pipeline):
        prompt, size = tiny_pipeline.prepare(MESSAGES), tiny_pipeline.model.config.text_config.vocab_size
        for name, value in (("template", (None, size)), ("suppress_token_ids", (size,))):
            with pytest.raises(ValueError, match=f"{name} must hold ids below {size}, .* got {size}"):
                tiny_pipeline.check(prompt, replace(SamplingConfig(2, 2, 2), **{name: value}))


class Heard(BaseStreamer):
    """Keeps what it is put."""

    def __init__(self):
        self.puts: list[torch.Tensor] = []
        self.ended = False

    def put(self, value: torch.Tensor) -> None:
        self.puts.append(value)

    def end(self) -> None:
        self.ended = True


class HeardDrafts(Heard):
    def __init__(self):
        super().__init__()
        self.drafts: list[torch.Tensor] = []

    def put_draft(self, value: torch.Tensor) -> None:
        self.drafts.append(value)


def test_a_streamer_is_put_drafts_and_the_answer(tiny_pipeline):
    plain, drafting, steps = Heard(), HeardDrafts(), list(tiny_pipeline.stream(MESSAGES, CONFIG))
    reply = tiny_pipeline(MESSAGES, CONFIG, streamer=plain)
    tiny_pipeline(MESSAGES, CONFIG, streamer=drafting)
    for heard in (plain, drafting):
        prompt, answer = heard.puts
        assert prompt.shape[0] == 1 and prompt.min() >= 0
        assert answer.tolist() == reply.token_ids and heard.ended
    assert [draft.tolist() for draft in drafting.drafts] == [step.answer_ids for step in steps]


def test_transformers_own_streamer_prints_a_run(tiny_pipeline, capsys):
    streamer = TextDiffusionStreamer(tiny_pipeline.tokenizer, skip_prompt=True, skip_special_tokens=True)
    reply = tiny_pipeline(MESSAGES, CONFIG, streamer=streamer)
    assert capsys.readouterr().out.endswith(f"{reply.text}\n")
