"""Batches of scenes: what is packed, labelled and seen."""

import random

import pytest
import torch

from lladav.configuration import IGNORE
from lladav.evaluation import conversation
from lladav.processing import LladaVProcessor
from lladav.scenes import COLORS, STRANGER, Item, Scene, ask, make_scene
from lladav.scenes.signs import CHARACTERS, LONGEST_SIGN, SIGN_COLUMNS, Sign
from lladav.training.data import SceneData, ask_blindly, conversations, patch_symbols, things
from lladav.training.loop import stage_batch
from lladav.training.recipes import ANSWERS, EVERYTHING, Stage


def test_training_prompts_are_those_of_the_chat(tokenizer):
    """What is trained on, token for token and place for place, is what the processor writes for the same messages."""
    data = SceneData(tokenizer, patches=8)
    chat = LladaVProcessor(tokenizer, image_aspect_ratio="square", image_size=128, patch_size=16)
    for seed in range(60):
        rng = random.Random(seed)
        scene = make_scene(rng)
        shown = seed % 3 > 0
        example = ask(scene, rng) if shown else ask_blindly(scene, rng)
        row = data._row([example], shown, random.Random(0 if seed % 2 else 3))  # neither changes a question's spelling
        ids, labels, positions, segments, image_index, weights = row
        messages = conversation(scene, example)
        if not shown:
            messages[0]["content"] = example.turns[0][0]
        prompt = chat.apply_chat_template(messages)["input_ids"][0].tolist()
        seen = segments >= 0
        trained = [(-200 if image else token) for token, image in zip(ids[seen], image_index[seen], strict=True)]
        trained = [token for index, token in enumerate(trained) if token != -200 or trained[index - 1] != -200]
        answer = tokenizer.encode(example.turns[-1][1])
        assert trained[: len(prompt)] == prompt
        assert trained[len(prompt) : len(prompt) + len(answer)] == answer
        ends = len(trained) - len(prompt) - len(answer)
        answered = [token for token in labels if token != IGNORE]
        assert answered[-len(answer) - ends :] == [*answer, *[data.eot] * ends] and ends > 0
        assert weights[-ends] == pytest.approx(10 * weights[-1]) or ends == 1
        assert positions[seen].tolist() == list(range(seen.sum()))


def test_many_answers_are_as_long_as_the_page_asks_for(tokenizer):
    """The gap to be filled must not say how long the answer is, so short ones are among them."""
    batch = SceneData(tokenizer, patches=8).batch("lengths", scenes=32, questions=4, max_items=3, pixels=False)
    ends = batch.labels == tokenizer.convert_tokens_to_ids("<|eot_id|>")
    asked = [(batch.segments == segment) & (batch.labels != IGNORE) for segment in range(1, 5)]
    words = torch.cat([(one & ~ends).sum(1) for one in asked])
    lengths = torch.cat([one.sum(1) for one in asked])
    full = lengths == 64
    assert 0.15 < full.float().mean() < 0.35
    assert words[full].min() < 5 and 0.3 < (lengths - words < 5).float().mean() < 0.6


def test_conversations_of_a_batch_are_found_by_length():
    segments = torch.tensor([[0, 0, 1, 1, 1, 2, -1], [0, 0, 1, 2, 2, 2, 2]])
    groups = list(conversations(segments, groups=2))
    assert [rows.tolist() for rows, _, _ in groups] == [[0, 1], [0, 1]]
    found = [columns[index][own[index]].tolist() for _, columns, own in groups for index in range(len(columns))]
    assert found == [[5], [2], [2, 3, 4], [3, 4, 5, 6]]


def test_patches_say_what_lies_on_them():
    items = (Item("dog", "", "noto", 0.25, 0.25, 0.4), Item("circle", "red", "", 0.75, 0.7, 0.3))
    stranger = Item("snake", "", "noto", 0.2, 0.8, 0.2)
    names, colors, strength, centers = (
        figure.reshape(8, 8) for figure in patch_symbols(Scene((*items, stranger), style=0), 8)
    )
    said = [("", *things())[name] for name in (names[2, 2], names[5, 6], names[6, 1], names[0, 7])]
    assert said == ["dog", "circle", STRANGER, ""]
    assert [("", *COLORS)[color] for color in (colors[2, 2], colors[5, 6])] == ["", "red"]
    assert centers.sum() == 3 and centers[5, 5] == 1
    assert strength.max() <= 1 and strength[5, 6] > strength[6, 6] > 0 == strength[0, 7]


def test_characters_are_what_patches_show(tokenizer):
    sign = Scene((), 5, Sign("A7", 1.5 / SIGN_COLUMNS, 2.5 / SIGN_COLUMNS, 0.14))
    names, colors, _, centers = (values.reshape(8, 8) for values in patch_symbols(sign, 8))
    assert [things()[name - 1] for name in names[2, 1:3]] == ["A", "7"] and centers.sum() == centers[2, 1:3].sum() == 2
    assert (names > 0).sum() == 2 and not colors.any()


@pytest.mark.parametrize(("share", "signs"), [(0.0, 0), (1.0, 4)])
def test_a_share_of_pictures_are_signs(tokenizer, share: float, signs: int):
    batch = SceneData(tokenizer, patches=8).batch("seed", 4, 2, 3, False, sign_share=share)
    characters = 1 + torch.arange(len(things()) - len(CHARACTERS), len(things()))
    assert torch.isin(batch.names, characters).any(1).sum() == signs


@pytest.mark.parametrize("longest", [1, 2, LONGEST_SIGN])
def test_signs_are_as_long_as_a_stage_wants_them(tokenizer, longest: int):
    data = SceneData(tokenizer, patches=8)
    sizes = {"scenes": 40, "questions": 1, "max_items": 3, "pixels": False, "sign_share": 1.0}
    stage = Stage("spell", ANSWERS, 1, EVERYTHING, longest_sign=longest, **sizes)
    for batch in (data.batch("seed", longest_sign=longest, **sizes), stage_batch(data, stage, "seed")):
        assert {int(length) for length in batch.centers.sum(1)} == set(range(1, longest + 1))
    if longest == LONGEST_SIGN:
        assert torch.equal(data.batch("seed", **sizes).input_ids, batch.input_ids)
