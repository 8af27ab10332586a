"""Traces that are written down, not run: what one hands on to the next, and what is refused of those from outside."""

import json
import locale
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lladav import SamplingConfig, Trace
from lladav.trace import TraceStep, distinct_ids, trace_step

MASK = 0
PLAIN = SamplingConfig(gen_length=6, block_length=6, steps=6, stop=())
GROWING = SamplingConfig(gen_length=8, block_length=8, steps=8, start_length=4, stop=("9",))
PIECES = {token: f" {token}" for token in range(24)}
HASH, THUMBNAIL = "a" * 64, "data:image/jpeg;base64,"
ABOUT_MASKS = "must be about masked positions, and commit some of them, got"
LONG = f"'{'a' * 59}…"  # a long text in an error


def told(positions: list[int], x0: list[int], transfer_index: list[int], **changes: Any) -> TraceStep:
    """A step in which everything said of a position tells which token was proposed there."""
    top_ids = [token + rank for token in x0 for rank in range(5)]
    top_probs = [100 * token - rank if token else 0 for token in x0 for rank in range(5)]
    confidence = [token / 100 for token in x0]
    return TraceStep(0, positions, x0, confidence, transfer_index, top_ids, top_probs, **changes)


def written(config: SamplingConfig, *steps: TraceStep, **changes: Any) -> Trace:
    seconds = [float(moment) for moment in range(len(steps) + 1)]
    trace = Trace("by hand", "Why?", [HASH], 3, config, MASK, [], [*steps], seconds, PIECES, "", None)
    return replace(trace, **changes)


FIRST, SECOND = told([0, 1, 2, 3, 4, 5], [5, 6, 7, 8, 9, 10], [0, 1]), told([2, 3, 4, 5], [11, 12, 13, 14], [4])
TRACE = written(PLAIN, FIRST, SECOND)


def damaged(damage: dict, trace: Trace = TRACE) -> dict:
    """What a file holds of a trace, with other values; those for "first" and "known" replace some of a step's."""
    data = json.loads(trace.to_json())
    damage = dict(damage)
    data["steps"][0] |= damage.pop("first", {})
    if "known" in damage:
        data["carried"] |= damage.pop("known")
    return data | damage


def refusal(data: dict) -> str:
    with pytest.raises(ValueError, match="must be") as refused:
        Trace.from_dict(data)
    assert len(str(refused.value)) < 300
    return str(refused.value)


@pytest.fixture
def elsewhere() -> Iterator[None]:
    """A place whose programs write ASCII unless they are told otherwise."""
    before = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, "C")
    yield
    locale.setlocale(locale.LC_CTYPE, before)


@pytest.mark.usefixtures("elsewhere")
def test_every_letter_is_stored_as_it_is_whatever_the_place(tmp_path: Path):
    trace = written(PLAIN, FIRST, question="Größe? 円 💡")
    trace.save(tmp_path / "trace.json")
    assert '"question":"Größe? 円 💡"'.encode() in (tmp_path / "trace.json").read_bytes()
    assert Trace.load(tmp_path / "trace.json") == trace


def test_no_blank_is_stored_between_values():
    assert '"seconds":[0.0,1.0,2.0],"pieces":{"0":' in TRACE.to_json()


# ---- what is known of tokens that are kept -------------------------------------------------------

KEPT = told([0, 1, 3], [5, 13, 6], [0, 1, 3])  # of `TRACE`, at other places
TEMPLATE = replace(PLAIN, template=(5, 13, None, 6, None, 20))
GOING_ON = written(TEMPLATE, told([2, 4], [15, 16], [4]), carried=KEPT)


def test_what_the_committing_step_said_of_a_token_goes_where_the_token_goes():
    origins = {3: 1, 1: 4, 0: 0, 5: 2}  # nothing is committed at 2 yet
    assert TRACE.carry(2, origins) == KEPT
    assert TRACE.carry(1, origins) == told([0, 3], [5, 6], [0, 3])
    assert TRACE.carry(0, origins) is None


def test_what_is_carried_is_carried_on_with_what_was_found_out_since():
    every = {at: at for at in range(6)}  # of which 2 is masked, and 5 was in the template, which nobody found out
    assert GOING_ON.carry(0, every) == KEPT
    assert GOING_ON.carry(1, every) == told([0, 1, 3, 4], [5, 13, 6, 16], [0, 1, 3, 4])


def test_what_is_carried_moves_with_the_room_before_it():
    grown = written(GROWING, told([0, 1, 2, 3], [5, 6, 7, 8], [0, 1, 3], room=[0, 2]), told([1, 2], [9, 10], [2]))
    assert grown.carry(1, {at: at for at in range(8)}) == told([0, 3, 5], [5, 6, 8], [0, 3, 5])
    assert grown.carry(2, {0: 5, 1: 3, 2: 2, 3: 1}) == told([0, 1, 2], [8, 6, 10], [0, 1, 2])


def test_what_is_carried_comes_back_from_a_file(tmp_path: Path):
    GOING_ON.save(tmp_path / "trace.json")
    again = Trace.load(tmp_path / "trace.json")
    assert again == GOING_ON and again.carried == KEPT
    assert GOING_ON.id != replace(GOING_ON, carried=None).id


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ({"known": {"positions": [0, 1, 2], "transfer_index": [2]}}, f"carried {ABOUT_MASKS} [2]"),
        ({"known": {"x0": [5, 13, 7]}}, "carried must be about the tokens of the template, got [5, 13, 7]"),
        ({"known": {"x0": [5, 13, 99]}}, "carried must be of tokens that pieces spells, got [5, 13, 99]"),
    ],
    ids=str,
)
def test_what_cannot_be_known_of_a_template_is_refused(damage: dict, sentence: str):
    assert refusal(damaged(damage, GOING_ON)) == sentence


@pytest.mark.parametrize(
    ("changes", "got"),
    [
        ({"block": 1}, "(1, [0, 1, 3], [], [])"),
        ({"transfer_index": [0]}, "(0, [0], [], [])"),
        ({"revoked_index": [4]}, "(0, [0, 1, 3], [4], [])"),
        ({"room": "\ud800"}, "(0, [0, 1, 3], [], '\\ud800')"),
    ],
    ids=str,
)
def test_what_is_carried_is_as_one_step_would_commit_it(changes: dict, got: str):
    assert refusal(damaged({"known": changes}, GOING_ON)) == f"carried must be as one step would commit it, got {got}"


def test_nothing_is_carried_where_nothing_is_fixed():
    data = json.loads(written(PLAIN, FIRST, carried=KEPT).to_json())
    assert refusal(data) == f"carried {ABOUT_MASKS} [0, 1, 3]"


# ---- how long a branch takes ---------------------------------------------------------------------


@pytest.mark.parametrize(("masks", "steps"), [(0, 1), (1, 1), (13, 1), (14, 2), (20, 2), (21, 3), (32, 5)])
def test_a_branch_takes_as_many_steps_as_the_schedule_had_left_for_as_many_masks(masks: int, steps: int):
    config = SamplingConfig(32, 32, 5, schedule_shift=1 / 3, stop=())  # commits 3, 4, 5, 7, 13
    trace = written(config, told([*range(32)], [5] * 32, [*range(32)]))
    assert trace.branch(1, dict.fromkeys(range(masks))).steps == steps


# ---- which steps may follow each other -----------------------------------------------------------

GROWN = told([0, 1, 2, 3], [5, 6, 7, 8], [0, 1, 3], room=[0, 2])


def test_masks_move_behind_the_room_that_is_opened():
    trace = written(GROWING, GROWN, told([1, 2, 4, 6, 7], [9, 10, 11, 12, 13], [1, 7]))
    assert Trace.from_dict(json.loads(trace.to_json())) == trace


@pytest.mark.parametrize("position", [0, 3, 5, 8])
def test_room_masks_no_token_and_ends_with_the_answer(position: int):
    data = json.loads(written(GROWING, GROWN, told([position], [9], [position])).to_json())
    assert refusal(data) == f"step 2 {ABOUT_MASKS} [{position}]"


def test_room_may_reach_to_the_end_of_the_answer():
    trace = written(GROWING, replace(GROWN, room=[2, 5]), told([7], [9], [7]))
    assert Trace.from_dict(json.loads(trace.to_json())) == trace


@pytest.mark.parametrize(
    ("config", "room"),
    [(GROWING, [2, 6]), (GROWING, [2, 0]), (GROWING, [2]), (GROWING, [1, 1, 1]), (PLAIN, [1, 1])],
    ids=str,
)
def test_room_that_no_run_opens_is_refused(config: SamplingConfig, room: list[int]):
    data = json.loads(written(config, replace(GROWN, room=room)).to_json())
    assert refusal(data) == f"step 1 must be of a run that grows, and open room within gen_length, got {room}"


def test_a_run_that_does_not_revise_takes_nothing_back():
    steps = FIRST, replace(SECOND, revoked_index=[0])
    revising = written(SamplingConfig.method("remdm", gen_length=6, stop=()), *steps)
    assert Trace.from_dict(json.loads(revising.to_json())) == revising
    assert refusal(json.loads(written(PLAIN, *steps).to_json())) == (
        "step 2 must be of a run that revises, and take back committed tokens, got [0]"
    )


def test_a_position_where_the_model_wrote_a_mask_stays_masked():
    trace = written(PLAIN, told([0, 1], [MASK, 5], [0, 1]), told([0], [6], [0]))
    assert Trace.from_dict(json.loads(trace.to_json())) == trace
    data = json.loads(written(PLAIN, told([0, 1], [MASK, 5], [0, 1]), told([1], [6], [1])).to_json())
    assert refusal(data) == f"step 2 {ABOUT_MASKS} [1]"


def test_a_step_may_be_about_no_position():
    trace = written(PLAIN, FIRST, told([], [], []))
    assert Trace.from_dict(json.loads(trace.to_json())) == trace


@pytest.mark.parametrize(
    "trace",
    [
        written(replace(PLAIN, template=(5,) * 6), pieces={5: "a"}),
        written(PLAIN, told([0], [5], [0]), pieces=dict.fromkeys(range(5, 10), "a")),
    ],
    ids=["template", "step"],
)
def test_no_other_token_needs_a_piece(trace: Trace):
    assert Trace.from_dict(json.loads(trace.to_json())) == trace


# ---- what is refused, and in which words ---------------------------------------------------------


def spelled(count: int, piece: str) -> dict[str, str]:
    return dict.fromkeys(map(str, range(count)), piece)


LIMITS = [
    ("model", "a".__mul__, 256, f"model must be at most 256 letters, got {LONG}"),
    ("prompt", "a".__mul__, 1048576, f"prompt must be at most 1048576 letters, got {LONG}"),
    ("text", "a".__mul__, 65536, f"text must be at most 65536 letters, got {LONG}"),
    ("question", "a".__mul__, 1048576, f"question must be at most 1048576 letters, got {LONG}"),
    ("parent", "a".__mul__, 256, f"parent must be at most 256 letters, got {LONG}"),
    ("edit", "a".__mul__, 256, f"edit must be at most 256 letters, got {LONG}"),
    ("images", [HASH].__mul__, 256, "images must be at most 256, got list of 257"),
    ("images", lambda n: ["a" * n], 64, f"images must be hashes of 64 digits, got [{LONG[:-2]}…"),
    (
        "thumbnails", lambda n: [THUMBNAIL.ljust(n, "a")], 65536,
        f"thumbnails must be data URLs of JPEGs, of at most 65536 letters, got ['{THUMBNAIL.ljust(58, 'a')}…",
    ),
    ("stop_sequences", [[5]].__mul__, 16, f"stop_sequences must be at most 16, got [{'[5], ' * 11}[5],…"),
    ("stop_sequences", lambda n: [[5] * n], 256, f"stop_sequences must be ids, got [[{'5, ' * 19}5…"),
    ("prompt_length", int, 2**31 - 1, "prompt_length must be a number of tokens, got 2147483648"),
    ("mask_token_id", int, 2**31 - 1, "mask_token_id must be a token id, got 2147483648"),
    ("seconds", lambda n: [n] * 3, 10**6, "seconds must be moments, got [1000001, 1000001, 1000001]"),
    ("pieces", lambda n: spelled(n, ""), 262144, "pieces must be at most 262144, got dict of 262145"),
    (
        "pieces", lambda n: spelled(20, "a" * n), 512,
        f"pieces must be strings of at most 512 letters, got {{'0': {LONG[:-7]}…",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "of", "most", "sentence"), LIMITS, ids=[f"{name} {most}" for name, _, most, _ in LIMITS]
)
def test_a_limit_is_what_is_just_allowed(name: str, of: Callable[[int], Any], most: int, sentence: str):
    allowed = damaged({name: of(most)})
    assert json.loads(Trace.from_dict(allowed).to_json()) == allowed
    assert refusal(damaged({name: of(most + 1)})) == sentence


@pytest.mark.parametrize(
    ("name", "of", "most", "sentence"),
    [
        ("block", int, 0, "step 1 must be in a block, got 1"),
        ("confidence", lambda n: [n] * 6, 1, "step 1 must be of confidences from 0 to 1, got [2, 2, 2, 2, 2, 2]"),
        (
            "top_probs", lambda n: [0] * 29 + [n], 10000,
            f"step 1 must be of probabilities up to 10000, got [{'0, ' * 19}0,…",
        ),
    ],
)  # fmt: skip
def test_a_limit_of_a_step_is_what_is_just_allowed(name: str, of: Callable[[int], Any], most: int, sentence: str):
    allowed = damaged({"first": {name: of(most)}})
    assert json.loads(Trace.from_dict(allowed).to_json()) == allowed
    assert refusal(damaged({"first": {name: of(most + 1)}})) == sentence


@pytest.mark.parametrize("name", ["images", "thumbnails", "stop_sequences", "steps", "seconds"])
def test_what_must_be_a_list_is_refused_by_its_name(name: str):
    assert refusal(damaged({name: "abc"})) == f"{name} must be a list, got 'abc'"


@pytest.mark.parametrize("name", ["positions", "x0", "transfer_index", "top_ids", "top_probs", "revoked_index", "room"])
@pytest.mark.parametrize("value", ["012345", [-1], ["a"], [True], [2**31]], ids=str)
def test_a_step_is_made_of_lists_of_whole_numbers(name: str, value: object):
    sentence = f"step 1 must be made of lists of whole numbers, got {value!r}"
    assert refusal(damaged({"first": {name: value}})) == sentence


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ({"question": 5}, "question must be a string, got 5"),
        ({"model": None}, "model must be a string, got None"),
        ({"images": [5]}, "images must be hashes of 64 digits, got [5]"),
        ({"images": ["\ud800"]}, "images must be hashes of 64 digits, got ['\\ud800']"),
        (
            {"thumbnails": ["https://127.0.0.1/a.png"]},
            "thumbnails must be data URLs of JPEGs, of at most 65536 letters, got ['https://127.0.0.1/a.png']",
        ),
        (
            {"thumbnails": [THUMBNAIL + "\ud800"]},
            f"thumbnails must be data URLs of JPEGs, of at most 65536 letters, got ['{THUMBNAIL}\\ud800']",
        ),
        (
            {"thumbnails": [THUMBNAIL] * 2},
            f"thumbnails must be none, or one for each of images, got {[THUMBNAIL] * 2}",
        ),
        ({"stop_sequences": [["a"]]}, "stop_sequences must be ids, got [['a']]"),
        ({"prompt_length": -1}, "prompt_length must be a number of tokens, got -1"),
        ({"mask_token_id": "a"}, "mask_token_id must be a token id, got 'a'"),
        ({"finish_reason": "bored"}, 'finish_reason must be "stop", "length" or null, got \'bored\''),
        ({"seconds": []}, "seconds must be one more than steps, got []"),
        ({"seconds": ["soon"] * 3}, "seconds must be moments, got ['soon', 'soon', 'soon']"),
        ({"seconds": [0, 1, float("inf")]}, "seconds must be moments, got [0, 1, inf]"),
        ({"pieces": ["a"]}, "pieces must be a dictionary from ids to strings, got ['a']"),
        ({"pieces": {}}, "step 1 must be of tokens that pieces spells, got [5, 6, 7, 8, 9, 10]"),
        ({"steps": 5}, "steps must be a list, got 5"),
        ({"steps": [1] * 5000, "seconds": [0] * 5001}, "steps must be at most the 6 of config, got list of 5000"),
        ({"config": {"stop": ["a"] * 10**5}}, "stop must be at most 16 strings, got tuple of 100000"),
        ({"config": {"gen_length": 10**9}}, "gen_length must be at most 4096, got 1000000000"),
        ({"first": {"positions": [10**6]}}, f"step 1 {ABOUT_MASKS} [0, 1]"),
        ({"first": {"positions": [0, 0]}}, f"step 1 {ABOUT_MASKS} [0, 1]"),
        ({"first": {"transfer_index": [1, 1]}}, f"step 1 {ABOUT_MASKS} [1, 1]"),
        ({"first": {"x0": []}}, "step 1 must be of lists that go together, got [0, 6, 30, 30]"),
        ({"first": {"confidence": [1]}}, "step 1 must be of lists that go together, got [6, 1, 30, 30]"),
        ({"first": {"top_ids": []}}, "step 1 must be of lists that go together, got [6, 6, 0, 30]"),
        ({"first": {"top_probs": [1]}}, "step 1 must be of lists that go together, got [6, 6, 30, 1]"),
        ({"first": {"confidence": ["a"] * 6}}, f"step 1 must be of confidences from 0 to 1, got {['a'] * 6}"),
        ({"first": {"confidence": [-0.1] * 6}}, f"step 1 must be of confidences from 0 to 1, got {[-0.1] * 6}"),
        ({"first": {"block": -1}}, "step 1 must be in a block, got -1"),
    ],
    ids=str,
)
def test_a_damaged_trace_is_refused_in_words_that_tell_where(damage: dict, sentence: str):
    assert refusal(damaged(damage)) == sentence


def test_a_template_is_of_tokens_with_pieces():
    data = json.loads(written(replace(PLAIN, template=(30, *[None] * 5))).to_json())
    assert refusal(data) == "template must be of tokens that pieces spells, got (30, None, None, None, None, None)"


@pytest.mark.parametrize(
    "damage",
    [
        {"steps": [1], "seconds": [0, 1]},
        {"config": {"speed": 1}},
        {"extra": 1},
        {"carried": {"block": 0}},
        {"first": {"committed": [0]}},
    ],
    ids=str,
)
def test_other_keys_are_refused(damage: dict):
    assert refusal(damaged(damage)).startswith("its keys must be those of version 4: ")


@pytest.mark.parametrize("version", [3, 4])
def test_committed_was_the_name_up_to_the_second_version_only(version: int):
    data = json.loads(TRACE.to_json()) | {"version": version}
    for step in data["steps"]:
        step["committed"] = step.pop("transfer_index")
    assert refusal(data).startswith(f"its keys must be those of version {version}: ")
    assert Trace.from_dict(data | {"version": 2}) == TRACE


def test_a_piece_is_that_of_a_number():
    with pytest.raises(ValueError, match="'five'"):
        Trace.from_dict(damaged({"pieces": {"five": "a"}}))


def test_ids_to_print_are_those_of_steps_template_and_carried_and_the_mask_while_it_stands():
    proposed = {*FIRST.x0, *FIRST.top_ids, *SECOND.x0, *SECOND.top_ids}
    assert distinct_ids(PLAIN, MASK, [FIRST, SECOND]) == sorted({MASK, *proposed})  # position 5 stays masked
    last = told([2, 3, 5], [20, 21, 22], [2, 3, 5])
    assert MASK not in distinct_ids(PLAIN, MASK, [FIRST, SECOND, last])
    taken_back = replace(last, revoked_index=[0])
    assert MASK in distinct_ids(PLAIN, MASK, [FIRST, SECOND, taken_back])
    assert MASK not in distinct_ids(PLAIN, MASK, [FIRST, SECOND, taken_back, told([0], [5], [0])])
    filled = replace(PLAIN, template=(30, 31, 32, 33, None, 34))
    assert distinct_ids(filled, MASK, [told([4], [8], [4])]) == [*range(8, 13), *range(30, 35)]
    assert set(told([0], [40], [0]).top_ids) < {*distinct_ids(filled, MASK, [], told([0], [40], [0]))}


def test_a_step_about_no_position_changes_nothing():
    states = [*written(PLAIN, FIRST, told([], [], [])).replay()]
    for name in ("tokens", "mask_index"):
        before, after = (getattr(state, name) for state in states[1:])
        assert torch.equal(before, after)
    assert states[-1].top_ids.dtype == torch.long


def test_a_step_tells_what_it_asked_about_however_sure_it_was():
    sure = replace(told([0, 1], [5, 6], [0]), top_probs=[10_000, 0, 0, 0, 0] * 2)
    assert trace_step(*written(PLAIN, sure).replay()) == sure
