"""What the texts of the lessons say will happen, with the shipped weights."""

import base64
import json
import random
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
import torch
from helpers import SCENES

from lladav import LladaVPipeline, SamplingConfig
from lladav.assets import asset
from lladav.evaluation import is_right
from lladav.scenes import Example, ask_kind
from lladav.training.objective import EPSILON
from lladav.ui.learn.lessons import (
    ANSWER_LENGTH,
    BLANKS,
    BRIEF,
    BY_NAME,
    DETAIL,
    EMBEDDED,
    LESSON_RUNS,
    LESSONS,
    LOOKS,
    MISTAKE,
    MOST_WORDS,
    PUT_RIGHT,
    SENTENCE,
    THINGS,
    TIMES,
)
from lladav.ui.learn.replies import MAP_CELLS, Replies

COMMITTED, ALTERNATIVES = 5, 6  # places in a line of the log


@pytest.fixture(scope="module")
def replies() -> Replies:
    return Replies(LladaVPipeline.from_pretrained(asset(EMBEDDED), device="cpu"))


ANSWERED: dict[str, dict[str, Any]] = {}  # so that no run is made twice


def answer(replies: Replies, name: str, **values: Any) -> dict[str, Any]:
    request = {"name": name} | values
    key = json.dumps(request)
    if key not in ANSWERED:
        *_, ANSWERED[key] = replies.stream(request)
    return ANSWERED[key]


def steps_of(reply: Mapping[str, Any]) -> list[list[Any]]:
    """The lines of the log, see `CanvasState`, the canvas of masks first."""
    return [json.loads(line) for line in reply["state"]["log"]]


def committed(reply: Mapping[str, Any]) -> dict[int, tuple[int, str]]:
    """When each position was committed for the last time, and what."""
    pieces = [piece.split(" ", 1)[1][1:] for piece in reply["state"]["pieces"]]
    return {at: (line[0], pieces[piece]) for line in steps_of(reply) for at, piece, _ in line[COMMITTED]}


def first_choices(reply: Mapping[str, Any], position: int) -> dict[int, str]:
    """What a position's most probable token was, by the steps in which the alternatives there changed."""
    pieces = [piece.split(" ", 1)[1][1:] for piece in reply["state"]["pieces"]]
    return {
        line[0]: pieces[best]
        for line in steps_of(reply)
        for at, best, *_ in line[ALTERNATIVES]
        if at == position
    }  # fmt: skip


# ---- noise -------------------------------------------------------------------------------------


def noise(replies: Replies, level: float, sentence: str = SENTENCE, seed: int = 1) -> dict[str, Any]:
    return answer(replies, f"t-{level}", sentence=sentence, picture="picnic", seed=seed)


def recovered(reply: Mapping[str, Any], level: float) -> list[bool]:
    words = [*reply["words"], "<|eot_id|>"]
    found = committed(reply)
    return [found[at][1] == words[at] for at in reply["masks"][f"t-{level}"]]


def test_masks_only_ever_fall_and_at_one_everything_is_masked(replies: Replies):
    reply = noise(replies, 0.6)
    masks = [set(reply["masks"][f"t-{level}"]) for level in TIMES]
    assert all(fewer <= more for fewer, more in pairwise(masks))
    assert len(masks[-1]) == reply["length"] == len(reply["words"]) + 1
    assert reply["p"] == pytest.approx((1 - EPSILON) * 0.6 + EPSILON, abs=1e-4)


def test_at_first_all_words_come_back_and_further_to_the_right_some_do_not(replies: Replies):
    assert all(recovered(noise(replies, 0.6), 0.6))
    late = noise(replies, 1.0)
    assert not all(recovered(late, 1.0))
    assert late["loss"] > noise(replies, 0.6)["loss"] > 0


def test_the_loss_is_the_weighted_cross_entropy_of_the_draw(replies: Replies):
    """At one mask, whose probability the run's own alternatives tell."""
    level, reply = 0.3, noise(replies, 0.3)
    probabilities = {at: dict(zip(rest[::2], rest[1::2], strict=True)) for at, *rest in steps_of(reply)[1][6]}
    pieces = [piece.split(" ", 1)[1][1:] for piece in reply["state"]["pieces"]]
    words = [*reply["words"], "<|eot_id|>"]
    q = [probabilities[at][pieces.index(words[at])] for at in reply["masks"][f"t-{level}"]]
    expected = -torch.tensor(q).log().sum().item() / reply["length"] / reply["p"]
    assert reply["loss"] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("sentence", ["", " ", "a" * 121, "cat " * (MOST_WORDS + 1)])
def test_a_sentence_that_is_too_long_or_empty_is_refused(replies: Replies, sentence: str):
    with pytest.raises(ValueError, match="A sentence may have"):
        noise(replies, 0.5, sentence)


# ---- runs --------------------------------------------------------------------------------------


DESCRIBED = [  # lessons whose picture is described, with as many steps as tokens
    lesson.name
    for lesson in LESSONS
    if lesson.chat.question in (BRIEF, DETAIL) and lesson.chat.config.steps == lesson.chat.config.gen_length
]


def detail_of(run: str) -> Example:
    """A description in detail of a run's picture, as it is right."""
    return ask_kind(SCENES[LESSON_RUNS[run].picture], random.Random(0), "detail")


@pytest.mark.parametrize("run", ["one-step", "32-32"])
def test_a_lesson_s_answer_of_one_token_a_step_is_right(replies: Replies, run: str):
    assert is_right(detail_of(run), answer(replies, run)["text"])


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_description_that_a_lesson_goes_on_with_in_chat_is_right(replies: Replies, name: str):
    run = BY_NAME[name].chat
    asked = ask_kind(SCENES[run.picture], random.Random(0), {BRIEF: "caption", DETAIL: "detail"}[run.question])
    assert is_right(asked, replies.pipeline(EMBEDDED)(run.messages, run.config).text)


def test_the_first_step_commits_the_surest_proposal_which_is_not_the_first_one(replies: Replies):
    reply = answer(replies, "one-step")
    _, first, *_ = steps_of(reply)
    ((position, _, confidence),) = first[5]
    assert position != 0
    assert confidence == pytest.approx(max(probs[1] for _, *probs in first[6]), abs=1e-3)


def test_a_later_word_comes_first_and_changes_an_earlier_guess(replies: Replies):
    reply, framed = answer(replies, "order"), BY_NAME["order"].values
    when, left, right = committed(reply), framed["left_at"], framed["right_at"]
    assert left < right
    assert (when[left][1], when[right][1]) == (f" {framed['left_word']}", f" {framed['right_word']}")
    assert when[right][0] < when[left][0]
    guesses = first_choices(reply, left)
    before = {guess for step, guess in guesses.items() if step <= when[right][0]}
    assert before and when[left][1] not in before
    behind = {step: guess for step, guess in guesses.items() if step > when[right][0]}
    assert min(behind) == when[right][0] + 1  # the first pass that sees the right word
    assert set(behind.values()) == {when[left][1]}
    assert BY_NAME["order"].outcome == "right"


def test_few_steps_commit_the_same_word_twice_in_a_row_at_once(replies: Replies):
    best, few = answer(replies, "32-32"), answer(replies, "4-32")
    when = committed(few)
    twice = [at for at in when if when[at] == when.get(at - 1) and when[at][1].strip().isalpha()]
    assert twice
    assert few["text"] != best["text"]
    assert BY_NAME["budget"].outcome == "agreement"


def test_few_steps_give_the_same_answer_under_some_block_length(replies: Replies):
    best = answer(replies, "32-32")["text"]
    same = {name for name in BY_NAME["budget"].requests if answer(replies, name)["text"] == best} - {"32-32"}
    assert any(int(name.split("-")[0]) <= 16 for name in same)
    assert "16-32" not in same


def test_a_wrong_word_is_put_right_only_with_its_article(replies: Replies):
    assert answer(replies, "draft", positions=[])["text"] == MISTAKE
    assert replies.pipeline(EMBEDDED).pieces(replies.pipeline(EMBEDDED).encode(MISTAKE))[6:8] == [" a", " banana"]
    assert answer(replies, "mask-7", positions=[7])["text"] != PUT_RIGHT
    assert answer(replies, "mask-6-7", positions=[6, 7])["text"] == PUT_RIGHT
    assert BY_NAME["taking-back"].outcome == "pair"


def test_wino_takes_something_back_and_ends_right(replies: Replies):
    reply = answer(replies, "wino")
    assert any(step[7] for step in steps_of(reply))
    assert reply["text"] == PUT_RIGHT


@pytest.mark.parametrize("positions", [None, "7", [10], [-1], [1.5], [[1]]])
def test_positions_that_there_are_none_of_are_refused(replies: Replies, positions: Any):
    with pytest.raises(ValueError, match="positions must be"):
        answer(replies, "mask-7", positions=positions)


def test_the_twin_says_the_same_in_more_passes_and_cannot_read_what_stands_behind_a_blank(replies: Replies):
    masks, twin = answer(replies, "masks"), answer(replies, "twin")
    assert masks["text"] == twin["text"]
    assert masks["nfe"] < twin["nfe"]
    assert answer(replies, "fill")["text"] == "The whale is at the top left."
    assert answer(replies, "fill-twin")["text"] != "The whale is at the top left."


def test_a_sign_is_read_in_one_step(replies: Replies):
    framed = BY_NAME["reading"]
    assert SCENES[framed.chat.picture].sign.text == framed.values["sign"]
    right = f"{' '.join(framed.values['sign'])}."
    once, each, twin = (answer(replies, name) for name in ("at-once", "one-by-one", "left-to-right"))
    assert once["text"] == each["text"] == twin["text"] == right
    assert once["nfe"] == 1 and twin["nfe"] == len(framed.values["sign"]) + 2 < each["nfe"]
    assert framed.outcome == "all"


def test_a_description_is_not_written_in_one_step(replies: Replies):
    assert LESSON_RUNS["words-at-once"].image == LESSON_RUNS["32-32"].image
    assert not is_right(detail_of("words-at-once"), answer(replies, "words-at-once")["text"])


# ---- logits and shapes -------------------------------------------------------------------------


def guided(reply: Mapping[str, Any], scale: float, temperature: float = 1.0) -> dict[str, float]:
    """What the browser makes of the logits, by word."""
    conditional, unconditional = (torch.tensor(reply[name]) for name in ("conditional", "unconditional"))
    logits = unconditional + (scale + 1) * (conditional - unconditional)
    return dict(zip(reply["pieces"], (logits / temperature).softmax(-1).tolist(), strict=True))


def test_guidance_misleads_on_the_farm_and_helps_at_sea(replies: Replies):
    farm, sea = answer(replies, "misled"), answer(replies, "helped")
    right = f" {BY_NAME['guidance'].values['right_word']}"
    plain, strong, blindly = guided(farm, 0), guided(farm, 1), guided(farm, -1)
    wrong = max(strong, key=strong.__getitem__)
    assert max(plain, key=plain.__getitem__) == right != wrong
    assert strong[right] < plain[right]
    assert blindly[wrong] < blindly[right]
    assert guided(sea, 1)[" whale"] > guided(sea, 0)[" whale"]
    assert max(guided(farm, 0, 3).values()) < 0.5 < max(plain.values())


def test_the_logits_are_those_that_the_sampler_reads(replies: Replies):
    reply, pipe = answer(replies, "misled"), replies.pipeline(EMBEDDED)
    ids = [*pipe.encode(reply["before"]), None, *pipe.encode(reply["after"]), pipe.model.config.eot_token_id]
    for scale in (0.0, 1.0):
        config = SamplingConfig(
            gen_length=len(ids), block_length=len(ids), steps=1, template=tuple(ids), cfg_scale=scale
        )
        (step,) = pipe(BLANKS["misled"].messages, config).trace.steps
        word = pipe.pieces(step.x0)[0]
        assert guided(reply, scale)[word] == pytest.approx(step.confidence[0], abs=0.01)


def test_the_shapes_are_those_of_the_readers_own_tensors(replies: Replies):
    short = answer(replies, "shapes", picture="shapes", question="Hi")
    long = answer(replies, "shapes", picture="shapes", question="Describe the picture in detail.")
    assert short["shapes"]["tiles"] == [1, 3, 128, 128]
    tokens, width = short["shapes"]["projector"]
    assert [tokens, width] == [64, 192]
    assert tokens == short["shapes"]["tower"][1], "one for each patch"
    assert long["shapes"]["prompt"][1] > short["shapes"]["prompt"][1]
    assert long["shapes"]["sequence"][1] == long["shapes"]["prompt"][1] + ANSWER_LENGTH
    assert long["shapes"]["logits"] == [1, ANSWER_LENGTH, long["sizes"]["embedded"]["vocabulary"]]
    assert long["sizes"]["published"]["layers"] == 32


# ---- attention ---------------------------------------------------------------------------------


def looked_at(look: Mapping[str, Any], layer: int) -> str:
    """The thing on which more than half of a layer's attention to the picture lies, as the browser finds it."""
    return next((name for name, on in look["things"].items() if on[layer] > look["shares"][layer] / 2), "")


def looks(replies: Replies) -> dict[str, dict[str, Any]]:
    return {look["word"].strip(): look for look in answer(replies, "looks")["looks"]}


def test_layer_3_looks_at_nothing_in_particular_when_apple_is_written_and_layer_4_at_the_apple(replies: Replies):
    assert answer(replies, "looks")["text"] == "A pizza, a banana and an apple."
    found = looks(replies)
    apple = found["apple"]
    assert looked_at(found["pizza"], 3) == "pizza"
    assert looked_at(apple, 3) == "" and BY_NAME["looking"].outcome == "evenly"
    assert [looked_at(found[word], 4) for word in ("pizza", "apple", "banana")] == ["pizza", "apple", ""]
    assert found["pizza"]["step"] < apple["step"], "the lesson says: later"


def test_a_part_of_the_attention_is_on_the_picture(replies: Replies):
    apple = looks(replies)["apple"]
    for layer, share in enumerate(apple["shares"]):
        assert sum(on[layer] for on in apple["things"].values()) < share < 1


def test_every_token_of_the_answer_was_asked_in_the_pass_that_wrote_it(replies: Replies):
    reply = answer(replies, "looks")
    when = committed(reply)
    asked = {look["position"]: (look["step"], look["word"]) for look in reply["looks"]}
    assert asked == {at: what for at, what in when.items() if at < len(asked)}
    assert "".join(asked[at][1] for at in sorted(asked)) == reply["text"]
    for look in reply["looks"]:
        (maps,) = look["maps"]
        assert len(base64.b64decode(maps["data"])) == 7 * MAP_CELLS**2, "the mean and six layers"


def test_the_things_lie_where_the_picture_was_drawn_with_them():
    scene = SCENES[LOOKS.picture]
    for item in scene.items:
        half = item.size / 2
        assert THINGS[item.name] == pytest.approx((item.x - half, item.y - half, item.x + half, item.y + half))
    assert THINGS.keys() == {item.name for item in scene.items} >= {*BY_NAME["looking"].choices[:2]}


@pytest.mark.parametrize(
    "request_", [{"name": "nothing"}, {"name": "t-0.55"}, {"name": "shapes", "picture": "/etc", "question": ""}]
)
def test_requests_that_no_lesson_makes_are_refused(replies: Replies, request_: dict[str, Any]):
    with pytest.raises(ValueError, match="must be"):
        next(replies.stream(request_))
