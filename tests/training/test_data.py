"""Batches of scenes: what is packed, labelled and seen."""

import random

import pytest
import torch

from lladav.configuration import IGNORE
from lladav.evaluation import conversation
from lladav.processing import LladaVProcessor
from lladav.scenes import COLORS, STRANGER, Item, Scene, ask, make_scene
from lladav.training.data import SceneData, ask_blindly, conversations, patch_symbols, things


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
