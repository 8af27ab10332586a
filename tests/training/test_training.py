"""The training objective, against figures of the published implementation; and the machinery around it."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lladav.artwork import COLORS
from lladav.evaluation import conversation
from lladav.modeling import LladaVForMaskedDiffusion
from lladav.processing import LladaVProcessor
from lladav.scenes import STRANGER, Item, Scene, ask, make_scene
from lladav.training import TrainingConfig, loop
from lladav.training.data import SceneData, ask_blindly, attention_mask, patch_symbols, things
from lladav.training.learner import Learner
from lladav.training.loop import StageData, Trainer
from lladav.training.objective import IGNORE, forward_process, masked_diffusion_loss, next_token_loss
from lladav.training.recipes import (
    ANSWERS,
    EVERYTHING,
    LANGUAGE,
    RECIPES,
    TOWER,
    Stage,
    initialize_for_recall,
    tiny_config,
)
from lladav.training.report import plot_log, read_log
from lladav.training.tuning import embed_samples, tuning_loss
from lladav.training.vocabulary import build_tokenizer

GOLDEN = Path(__file__).parent / "fixtures" / "golden"
CASES = json.loads((GOLDEN / "train.json").read_text())
PUBLISHED_GRADIENTS = {  # published name: ours
    "model.mm_projector.2.weight": "model.projector.linear_2.weight",
    "model.image_newline": "model.image_newline",
    "model.layers.0.self_attn.q_proj.weight": "model.language_model.layers.0.self_attn.q_proj.weight",
    "model.layers.2.mlp.down_proj.weight": "model.language_model.layers.2.mlp.down_proj.weight",
    "model.norm.weight": "model.language_model.norm.weight",
}


@pytest.fixture(scope="module")
def arrays():
    return np.load(GOLDEN / "train.npz")


@pytest.fixture(scope="module")
def model() -> LladaVForMaskedDiffusion:
    """The published checkpoint. Its figures were made with the vocabulary cut, which the loss of rare words shows."""
    return LladaVForMaskedDiffusion.from_pretrained(GOLDEN / "checkpoint", dtype=torch.float32)


def processor(**options) -> LladaVProcessor:
    return LladaVProcessor.from_pretrained(GOLDEN / "checkpoint", **options)


def samples(case: dict) -> list:
    """The case's conversations as training inputs."""
    if case["template"] == "llada_plain":
        (sample,) = case["samples"]
        picture = GOLDEN / "images" / sample["image"]
        plain = processor(image_aspect_ratio="square")
        return [plain.pretraining_inputs(picture, sample["conversations"][1]["value"])]
    tuning = processor(multi_image="train")
    return [tuning.training_inputs(messages(sample)) for sample in case["samples"]]


def messages(sample: dict) -> list[dict]:
    """A sample as chat messages: its pictures stand at the head of the first question."""
    files = sample.get("image", [])
    pictures = [
        {"type": "image", "image": GOLDEN / "images" / name} for name in ([files] if isinstance(files, str) else files)
    ]
    turns = []
    for turn in sample["conversations"]:
        role = {"human": "user", "gpt": "assistant"}[turn["from"]]
        text = turn["value"].replace("<image>", "").strip()
        turns.append({"role": role, "content": [*pictures, {"type": "text", "text": text}]})
        pictures = []
    return turns


@pytest.mark.parametrize("name", CASES)
def test_masked_positions_and_loss(name, model, arrays):
    case = CASES[name]
    batch = samples(case)
    embeds, labels = embed_samples(model, batch)
    assert labels.tolist() == arrays[f"{name}/labels"].tolist()
    np.testing.assert_allclose(embeds.detach(), arrays[f"{name}/inputs_embeds_clean"], atol=1e-4)

    torch.manual_seed(case["torch_seed"])
    mask_index, p_mask = forward_process(labels)
    assert mask_index.tolist() == arrays[f"{name}/masked_indices"].tolist()
    torch.testing.assert_close(p_mask[:, 0], torch.tensor(case["p_mask_per_sample"]))

    torch.manual_seed(case["torch_seed"])
    model.zero_grad()
    loss = tuning_loss(model, batch, hide_later_turns=case["use_conversation_mask"])
    assert loss.item() == pytest.approx(case["loss"], rel=1e-5)
    if case["loss"]:
        loss.backward()
        ours = dict(model.named_parameters())
        for published, name_here in PUBLISHED_GRADIENTS.items():
            if f"{name}/grad/{published}" in arrays:
                expected = arrays[f"{name}/grad/{published}"]
                scale = np.abs(expected).max()
                gradient = ours[name_here].grad
                found = np.zeros_like(expected) if gradient is None else gradient.numpy()
                np.testing.assert_allclose(found, expected, atol=1e-4 * scale + 1e-7)


def test_nothing_masked_costs_nothing():
    labels = torch.tensor([[IGNORE, 3]])
    logits = torch.randn(1, 2, 5, requires_grad=True)
    loss = masked_diffusion_loss(logits, labels, torch.zeros(1, 2, dtype=torch.bool), torch.full((1, 2), 0.5))
    assert loss.item() == 0


def test_the_loss_by_hand():
    labels = torch.tensor([[IGNORE, 1, 0], [2, IGNORE, IGNORE]])
    mask_index = torch.tensor([[False, True, False], [True, False, False]])
    p_mask = torch.tensor([[0.5] * 3, [0.25] * 3])
    logits = torch.zeros(2, 3, 4)
    expected = (np.log(4) / 0.5 / 2 + np.log(4) / 0.25 / 1) / 2
    assert masked_diffusion_loss(logits, labels, mask_index, p_mask).item() == pytest.approx(expected)
    assert masked_diffusion_loss(logits[mask_index], labels, mask_index, p_mask).item() == pytest.approx(expected)


def test_the_masking_rate_is_t():
    labels = torch.zeros(4, 20_000, dtype=torch.long)
    times = torch.tensor([0.0, 0.3, 0.6, 1.0])
    mask_index, p_mask = forward_process(labels, torch.Generator().manual_seed(0), times)
    rates = mask_index.float().mean(1)
    torch.testing.assert_close(rates, p_mask[:, 0], atol=0.01, rtol=0)
    assert mask_index[0].any() and mask_index[3].all()
    assert not forward_process(labels + IGNORE, t=times)[0].any()


def test_next_token_loss_reads_the_position_before():
    labels = torch.tensor([[IGNORE, 2, 0]])
    logits = torch.full((2, 3), -30.0)
    logits[0, 2] = logits[1, 0] = 30.0
    assert next_token_loss(logits, labels, torch.full((1, 3), 0.5)).item() == pytest.approx(0, abs=1e-6)


# --- the machinery ------------------------------------------------------------------------------------------------

STAGES = (
    Stage("tower", "dense", 3, TOWER, scenes=2, questions=1),
    Stage("language", ANSWERS, 3, LANGUAGE, scenes=2, questions=2, max_items=2, pixels=False),
    Stage("tune", ANSWERS, 4, EVERYTHING, scenes=2, questions=2, weights={"compare": 3, "talk": 1}),
)


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


def trainer(folder: Path, tokenizer, answers: str = "masked") -> Trainer:
    torch.manual_seed(0)
    model = LladaVForMaskedDiffusion(tiny_config(tokenizer))
    initialize_for_recall(model)
    learner = Learner(model, tokenizer).to(torch.bfloat16)
    return Trainer(learner, SceneData(tokenizer, patches=8), folder, answers)


def test_the_tokenizer_keeps_words_whole(tokenizer):
    for word in things()[:-1]:
        assert len(tokenizer.encode(f" {word}")) == 1, word
    for text in ("What is left of the dog?", "Ünknown zebra 斑馬 🦓", "a\n\nb"):
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_a_stage_asks_what_it_says(tokenizer):
    batches = StageData(SceneData(tokenizer, patches=8), STAGES[-1], "seed")
    assert {kind for step in range(4) for kinds in batches[step].kinds for kind in kinds} == {"compare", "talk"}


def test_an_interrupted_stage_goes_on_as_if_it_had_not_been(tmp_path, tokenizer, monkeypatch):
    whole = trainer(tmp_path / "whole", tokenizer)
    whole.run(STAGES)

    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)
    broken = trainer(tmp_path / "broken", tokenizer)
    step_of = Trainer._step

    def interrupted(self, learner, stage, step, batch, optimizer):
        if (stage.name, step) == ("tune", 2):
            raise KeyboardInterrupt
        return step_of(self, learner, stage, step, batch, optimizer)

    monkeypatch.setattr(Trainer, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        broken.run(STAGES)
    assert not broken.checkpoint(STAGES[-1]).exists()
    monkeypatch.setattr(Trainer, "_step", step_of)
    resumed = trainer(tmp_path / "broken", tokenizer)
    resumed.run(STAGES)
    for (name, ours), theirs in zip(resumed.learner.named_parameters(), whole.learner.parameters(), strict=True):
        assert torch.equal(ours, theirs), name


@pytest.mark.parametrize("answers", ["masked", "autoregressive"])
def test_a_stage_moves_what_it_trains_and_nothing_else(tmp_path, tokenizer, answers):
    subject = trainer(tmp_path, tokenizer, answers)
    before = {name: p.detach().clone() for name, p in subject.learner.named_parameters()}
    subject.run(STAGES, only="language")
    moved = {name for name, p in subject.learner.named_parameters() if not torch.equal(p, before[name])}
    assert moved and all(name.startswith(LANGUAGE) for name in moved)
    assert set(load_file(subject.checkpoint(STAGES[1]))) >= moved
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1]["stage"] == subject.name(STAGES[1]) and 0 < log[-1]["held_out_loss"] < 50


def test_gradients_that_earlier_stages_left_do_not_count(tmp_path, tokenizer):
    weights = []
    for left in (0, 1e6):
        subject = trainer(tmp_path / str(left), tokenizer)
        resting = subject.learner.dense_head.linear.weight
        resting.grad = torch.full_like(resting, left)
        subject.run(STAGES, only="language")
        weights.append(load_file(subject.checkpoint(STAGES[1])))
    assert all(torch.equal(weight, weights[1][name]) for name, weight in weights[0].items())


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


def test_attention_in_a_packed_row():
    segments = torch.tensor([[0, 0, 1, 1, 2, -1]])
    seen = attention_mask(segments, causal=False)[0, 0].int().tolist()
    assert seen[0] == [1, 1, 0, 0, 0, 0] and seen[2] == [1, 1, 1, 1, 0, 0] and seen[4] == [1, 1, 0, 0, 1, 0]
    alone = attention_mask(segments.where(segments < 2, -1), causal=False)[0, 0].int().tolist()
    assert alone[0] == alone[2] == [1, 1, 1, 1, 0, 0]
    causal = attention_mask(segments, causal=True)[0, 0]
    assert not causal.triu(1).any() and causal.diagonal().all()
    assert causal[4].int().tolist() == [1, 1, 0, 0, 1, 0]


def test_a_packed_conversation_cannot_read_the_answers_of_others(tokenizer):
    """Not even through the picture, which all of them see."""
    torch.manual_seed(0)
    learner = Learner(LladaVForMaskedDiffusion(tiny_config(tokenizer)), tokenizer)
    for questions in (3, 1):
        batch = SceneData(tokenizer, patches=8).batch("seed", scenes=1, questions=questions, max_items=3, pixels=False)
        pictures = learner.symbols(batch, learner.model.get_input_embeddings())
        first = (batch.segments == 1) & (batch.labels != IGNORE)
        answered, hidden = (
            learner.hidden(batch, ids, pictures, causal=False)
            for ids in (batch.input_ids, batch.input_ids.masked_fill(first, learner.mask_token_id))
        )
        same = [torch.equal(answered[batch.segments == s], hidden[batch.segments == s]) for s in range(questions + 1)]
        assert same == [questions > 1, False, *[True] * (questions - 1)]


def test_left_to_right_a_token_is_read_off_the_one_before_it(tokenizer, monkeypatch):
    learner = Learner(LladaVForMaskedDiffusion(tiny_config(tokenizer, is_causal=True)), tokenizer)
    batch = SceneData(tokenizer, patches=8).batch("seed", scenes=2, questions=2, max_items=3, pixels=False)
    coming = torch.nn.functional.one_hot(batch.input_ids.roll(-1, 1), len(tokenizer)) * 30.0
    monkeypatch.setattr(learner, "hidden", lambda *_, causal: coming if causal else None)
    learner.model.lm_head = torch.nn.Identity()
    loss, _ = learner(batch, "autoregressive", torch.Generator(), pixels=False)
    assert loss.item() == pytest.approx(0, abs=1e-5)


def test_every_third_batch_is_one_conversation_a_picture(tokenizer):
    batches = StageData(SceneData(tokenizer, patches=8), STAGES[1], "seed")
    assert [(len(batches[step].kinds), len(batches[step].kinds[0])) for step in range(4)] == [
        (4, 1),
        (2, 2),
        (2, 2),
        (4, 1),
    ]


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


def test_hours_are_those_that_training_ran(tmp_path):
    marks = [("a", 0), ("b", 10), ("a", 90), ("a", 180), ("a", 10_000), ("a", 10_090), ("b", 100)]  # one long pause
    lines = [json.dumps({"stage": s, "step": at, "loss": 1.0, "seconds": at}) for s, at in marks]
    (tmp_path / "log.jsonl").write_text("\n".join([*lines, json.dumps({"stage": "b", "step": 100, "name": 0.5})]))
    losses, hours = read_log(tmp_path / "log.jsonl")
    assert list(losses["b"]) == [10, 100]
    assert hours == pytest.approx({"a": 270 / 3600, "b": 90 / 3600})
    plot_log(tmp_path / "log.jsonl", tmp_path / "curve.png")
    assert (tmp_path / "curve.png").exists()


def test_the_config_of_a_run():
    config = TrainingConfig(scale=0.1, share=0.25)
    steps = {stage.name: stage.steps / full.steps for stage, full in zip(config.stages, RECIPES["tiny"], strict=True)}
    parting = [stage.name for stage in config.stages].index("reason")  # from there on a run learns its own way
    assert list(steps.values()) == [0.1] * parting + [0.025] * (len(steps) - parting)
    assert config.model_folder == Path("runs/tiny/masked-1_4/model")
    assert [stage.steps for stage in TrainingConfig(recipe="study", share=0.25).stages[-2:]] == [4000, 500]
    for broken in ({"share": 0}, {"objective": "dense"}, {"recipe": "huge"}, {"stage": "none"}):
        with pytest.raises(ValueError, match=next(iter(broken))):
            TrainingConfig(**broken)
