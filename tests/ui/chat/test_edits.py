"""From what a visitor did on the canvas to the settings of the run that goes on from there."""

import json
from dataclasses import replace

import pytest

from lladav import LladaVPipeline, SamplingConfig, Trace
from lladav.recording import Recording
from lladav.ui.chat.edits import edited
from lladav.ui.limits import LIMITS
from lladav.viewer.state import canvas_state

MESSAGES = [{"role": "user", "content": "What is this?"}]
CONFIG = SamplingConfig(gen_length=16, block_length=16, steps=8, seed=0, stop=("<|eot_id|>",))


@pytest.fixture(scope="module")
def trace(tiny_pipeline: LladaVPipeline) -> Trace:
    """A run whose answer is "It is a red circle." and the stop, with nothing but masks before step 1."""
    ids = tiny_pipeline.tokenizer.encode("It is a red circle.<|eot_id|>", add_special_tokens=False)
    config = SamplingConfig(gen_length=16, block_length=16, steps=8, template=(*ids, *[None] * (16 - len(ids))))
    return tiny_pipeline(MESSAGES, config).trace


@pytest.fixture(scope="module")
def free(tiny_pipeline: LladaVPipeline) -> Trace:
    """A run that began with nothing but masks."""
    return tiny_pipeline(MESSAGES, CONFIG).trace


def final_tokens(trace: Trace) -> list[int]:
    *_, last = trace.replay()
    return last.tokens.tolist()


def event(step: int, changes: dict, label: str = "an edit") -> dict:
    return {"step": step, "changes": {str(position): change for position, change in changes.items()}, "label": label}


def answer(pipe: LladaVPipeline, template: tuple[int | None, ...]) -> str:
    ids = [token for token in template if token is not None]
    return pipe.tokenizer.decode(ids).split("<|eot_id|>")[0]


def encoder(pipe: LladaVPipeline):
    return pipe.encode


def test_remasked_tokens_are_the_only_ones_that_can_change(tiny_pipeline: LladaVPipeline, free: Trace):
    edit = edited(free, event(8, {3: None, 5: None}), encoder(tiny_pipeline))
    before = final_tokens(free)
    assert edit.config.template == tuple(None if at in (3, 5) else token for at, token in enumerate(before))
    after = final_tokens(tiny_pipeline(MESSAGES, edit.config).trace)
    assert [token for at, token in enumerate(after) if at not in (3, 5)] == [
        token for at, token in enumerate(before) if at not in (3, 5)
    ]


def test_what_was_known_of_kept_tokens_is_carried_on(tiny_pipeline: LladaVPipeline, free: Trace):
    """From edit to edit, to the positions that they move to, and through a file."""
    edit = edited(free, event(8, {3: None, 5: "?", 6: None}), encoder(tiny_pipeline))  # one word for two tokens
    assert edit.carried is not None
    kept = [position for position in range(16) if position not in (3, 5, 6)]
    assert edit.carried.positions == [at if at < 5 else at - 1 for at in kept]
    for at, confidence, token in zip(kept, edit.carried.confidence, edit.carried.x0, strict=True):
        step = next(step for step in free.steps if at in step.transfer_index)
        row = step.positions.index(at)
        assert (confidence, token) == (step.confidence[row], step.x0[row])

    prompt = tiny_pipeline.prepare(MESSAGES)
    recording = Recording(prompt, edit.config, free.id, edit.label, edit.pins, edit.carried)
    for frame in tiny_pipeline.frames(prompt, edit.config):
        recording.add(frame)
    trace = tiny_pipeline.record(recording)
    assert Trace.from_dict(json.loads(trace.to_json())) == trace
    again = edited(trace, event(len(trace.steps), {7: None}), encoder(tiny_pipeline))
    assert again.carried is not None
    assert {*again.carried.positions} == {*range(16)} - {7, *edit.pins}
    before, after = (dict(zip(one.positions, one.confidence, strict=True)) for one in (edit.carried, again.carried))
    assert before.items() - {(7, before[7])} <= after.items()
    shown = canvas_state(trace)["carried"]
    assert [at for at, *_ in shown] == edit.carried.positions


def test_what_a_person_wrote_is_nothing_that_was_known(tiny_pipeline: LladaVPipeline, trace: Trace):
    edit = edited(trace, event(0, {10: None}), encoder(tiny_pipeline))
    assert edit.carried is None


def test_a_chosen_token_is_pinned_and_kept(tiny_pipeline: LladaVPipeline, free: Trace):
    alternative = free.steps[2].top_ids[1]
    position = free.steps[2].positions[0]
    edit = edited(free, event(2, {position: alternative}), encoder(tiny_pipeline))
    assert (edit.pins, edit.label) == ((position,), "an edit")
    assert edit.config.template[position] == alternative
    assert final_tokens(tiny_pipeline(MESSAGES, edit.config).trace)[position] == alternative


@pytest.mark.parametrize(
    ("masked", "words", "text"),
    [
        ((), "blue", "It is a blue circle."),
        ((), "dog or square", "It is a dog or square circle."),
        (("circle",), "dog", "It is a dog."),
        ((), ", red", "It is a, red circle."),
    ],
)
def test_words_take_the_place_of_what_was_marked(
    tiny_pipeline: LladaVPipeline, trace: Trace, masked: tuple, words: str, text: str
):
    spelled = tiny_pipeline.pieces(final_tokens(trace))
    changes: dict[int, str | None] = {spelled.index(" red"): words}
    changes |= {at: None for at, piece in enumerate(spelled) if piece.strip() in masked}
    edit = edited(trace, event(0, changes), encoder(tiny_pipeline))
    assert answer(tiny_pipeline, edit.config.template) == text
    assert len(edit.config.template) == 16
    pinned = tiny_pipeline.tokenizer.decode([edit.config.template[at] for at in edit.pins])
    assert pinned.strip() == words


def test_masks_behind_words_are_theirs_only_if_the_edit_made_them(
    tiny_pipeline: LladaVPipeline, trace: Trace, free: Trace
):
    before, (word,) = list(trace.config.template), tiny_pipeline.encode(" dog")
    for made, rest in (({3: None, 4: None}, before[5:]), ({4: None}, [before[3], None, *before[5:]])):
        edit = edited(trace, event(0, {2: "dog"} | made), encoder(tiny_pipeline))
        expected = [*before[:2], word, *rest]
        assert edit.config.template == (*expected, *[None] * (16 - len(expected)))
        assert edit.pins == (2,)
    masked = edited(free, event(0, {2: "dog"}), encoder(tiny_pipeline))
    assert masked.config.template == (None, None, word, *[None] * 13)


def test_words_at_two_places_both_stand_where_they_were_typed(tiny_pipeline: LladaVPipeline, trace: Trace):
    before, encode = list(trace.config.template), tiny_pipeline.encode
    edit = edited(trace, event(0, {1: "is not", 2: "the"}), encoder(tiny_pipeline))
    expected = [before[0], *encode(" is not"), *encode(" the"), *before[3:]]
    assert edit.config.template == tuple(expected[:16])
    assert edit.pins == tuple(range(1, 1 + len(encode(" is not")) + len(encode(" the"))))


@pytest.mark.parametrize(("position", "typed", "spelled"), [(0, "a", "a"), (1, "a", " a"), (1, ", red", ", red")])
def test_words_over_a_mask_are_parted_from_what_is_before_them(
    tiny_pipeline: LladaVPipeline, free: Trace, position: int, typed: str, spelled: str
):
    edit = edited(free, event(0, {position: typed}), encoder(tiny_pipeline))
    assert [edit.config.template[at] for at in edit.pins] == tiny_pipeline.encode(spelled)


def test_words_over_a_piece_without_a_space_have_none(tiny_pipeline: LladaVPipeline, trace: Trace):
    stop = tiny_pipeline.pieces(final_tokens(trace)).index(".")
    edit = edited(trace, event(0, {stop: "dog"}), encoder(tiny_pipeline))
    assert [edit.config.template[at] for at in edit.pins] == tiny_pipeline.encode("dog")


@pytest.mark.parametrize(
    ("before_the_stop", "fits"),
    [(13, True), (14, True), (15, False)],
    ids=["ends-before", "ends-with-the-answer", "ends-behind"],
)
def test_what_lies_behind_the_end_of_an_answer_may_be_cut_off(
    tiny_pipeline: LladaVPipeline, before_the_stop: int, fits: bool
):
    """A word more moves the stop, and tokens behind it, one place on."""
    word, stop = tiny_pipeline.tokenizer.encode(" dog<|eot_id|>", add_special_tokens=False)
    given = [*[word] * before_the_stop, stop, *[word] * (15 - before_the_stop)]
    trace = tiny_pipeline(MESSAGES, replace(CONFIG, template=tuple(given))).trace
    change = event(0, {3: "dog dog"})
    if not fits:
        with pytest.raises(ValueError, match="longer than its 16 tokens"):
            edited(trace, change, encoder(tiny_pipeline))
    else:
        edit = edited(trace, change, encoder(tiny_pipeline))
        assert edit.config.template == (*given[:4], word, *given[4:15])


@pytest.mark.parametrize("words", ["red " * 12, "r" * LIMITS.letters])
def test_words_must_fit_into_the_answer(tiny_pipeline: LladaVPipeline, trace: Trace, words: str):
    with pytest.raises(ValueError, match="longer than its 16 tokens"):
        edited(trace, event(0, {0: words}), encoder(tiny_pipeline))


@pytest.mark.parametrize("change", [-1, 10**9, "", "  ", 1.5, ["a"], "long " * 1000])
def test_what_is_no_change_is_refused(tiny_pipeline: LladaVPipeline, free: Trace, change: object):
    with pytest.raises(ValueError, match="must be a token of this run, words or a mask"):
        edited(free, event(8, {3: change}), encoder(tiny_pipeline))
