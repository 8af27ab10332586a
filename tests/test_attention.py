"""What words look at: weights that sum to one, of the pass that the next step makes, laid over the picture."""

from dataclasses import replace

import pytest
import torch
from helpers import CONVERSATIONS, GOLDEN, picture_message

from lladav import LladaVForMaskedDiffusion, LladaVPipeline, LladaVProcessor, SamplingConfig
from lladav.attention import centre_of_gravity, spread, within

CONFIG = SamplingConfig(gen_length=8, block_length=8, steps=4)


@pytest.fixture(scope="module")
def twin(tiny_random) -> LladaVPipeline:
    model = LladaVForMaskedDiffusion.from_pretrained(tiny_random, is_causal=True).eval()
    return LladaVPipeline(model, LladaVProcessor.from_pretrained(tiny_random), "twin")


@pytest.fixture(scope="module")
def golden(golden_model, golden_processor) -> LladaVPipeline:
    """The published layout."""
    processor = LladaVProcessor.from_pretrained(GOLDEN / "checkpoint")
    return LladaVPipeline(golden_model, processor, "golden")


def test_rows_sum_to_one_for_every_kind_of_model(tiny_pipeline, twin):
    for pipe in (tiny_pipeline, twin):
        for messages in CONVERSATIONS:
            trace = pipe([*messages], CONFIG).trace
            attention = pipe.attention([*messages], trace, 2)
            layers = pipe.model.config.text_config.num_hidden_layers
            assert attention.weights.shape == (layers, 8, trace.prompt_length + 8)
            torch.testing.assert_close(attention.weights.sum(-1), torch.ones(layers, 8))


def test_the_published_layout_is_watched_as_it_is_packed(golden):
    wide = GOLDEN / "images" / "wide900x300.png"
    messages = [{"role": "user", "content": [{"type": "image", "image": wide}, {"type": "text", "text": "What?"}]}]
    trace = golden(messages, replace(CONFIG, stop=())).trace
    attention = golden.attention(messages, trace, 0, [3, 5])
    (tokens,) = attention.pictures
    assert attention.weights.shape[1:] == (2, trace.prompt_length + 8)
    assert trace.prompt_length - len(tokens.boxes) == golden.prepare(messages).inputs["input_ids"].shape[1] - 1
    maps = attention.maps(5)
    assert maps.shape[1:] == (16, 48)
    newlines = torch.tensor([box is None for box in tokens.boxes])
    assert int(newlines.sum()) == 27  # of a grid of 27 rows
    torch.testing.assert_close(maps.sum((1, 2)), attention.on_picture()[:, 1, ~newlines].sum(-1), rtol=0.02, atol=0)


def test_it_is_the_pass_that_the_next_step_makes(tiny_pipeline, monkeypatch):
    """The weights are those of a model that sees the prompt and the canvas after that step."""
    messages = [picture_message("What is this?")]
    trace = tiny_pipeline(messages, CONFIG).trace
    seen = []
    forward = tiny_pipeline.model.forward
    monkeypatch.setattr(
        tiny_pipeline.model, "forward", lambda **given: seen.append(given["inputs_embeds"].clone()) or forward(**given)
    )
    tiny_pipeline.attention(messages, trace, 2)
    *_, last = tiny_pipeline.stream(messages, CONFIG)
    of_attention, _, _, third, _ = seen
    assert torch.equal(of_attention, third)
    assert last.step == 4


def test_a_twin_looks_where_it_reads_the_word_before(twin):
    messages = [picture_message("What is this?")]
    trace = twin(messages, CONFIG).trace
    attention = twin.attention(messages, trace, len(trace.steps))
    for row in range(8):
        behind = trace.prompt_length + row
        assert attention.weights[:, row, behind:].abs().max() == 0 < attention.weights[:, row, behind - 1].min()


def test_the_second_picture_stands_behind_the_first(tiny_pipeline):
    first, second = picture_message("Is it red?"), picture_message("And this?", "blue")
    messages = [first, {"role": "assistant", "content": "Yes."}, second]
    trace = tiny_pipeline(messages, CONFIG).trace
    one, two = tiny_pipeline.attention(messages, trace, 0).pictures
    inputs = tiny_pipeline.prepare(messages).inputs
    embeds, _ = tiny_pipeline.model.embed_prompt(**inputs)
    features = tiny_pipeline.model.get_image_features(
        **{name: inputs[name] for name in tiny_pipeline.processor.image_processor.model_input_names}
    )
    for tokens, expected in zip((one, two), features, strict=True):
        torch.testing.assert_close(embeds[0, tokens.start : tokens.start + len(tokens.boxes)], expected)


def test_a_growing_answer_is_watched_as_long_as_it_is(tiny_pipeline):
    messages = [picture_message("What is this?")]
    config = SamplingConfig.method("daedal", gen_length=16, start_length=4)
    trace = tiny_pipeline(messages, config).trace
    assert tiny_pipeline.attention(messages, trace, 0).weights.shape[1:] == (4, trace.prompt_length + 4)


def test_weights_are_spread_evenly_over_their_boxes():
    boxes = [(0.0, 0.0, 100.0, 50.0), None, (100.0, 25.0, 200.0, 100.0)]
    maps = spread(torch.tensor([[0.25, 0.5, 0.25], [1.0, 0.0, 0.0]]), boxes, (200, 100))
    assert maps.shape == (2, 24, 48)
    torch.testing.assert_close(maps.sum((1, 2)), torch.tensor([0.5, 1.0]))
    torch.testing.assert_close(maps[1, :12, :24], torch.full((12, 24), 1 / 288))
    torch.testing.assert_close(centre_of_gravity(maps)[1], torch.tensor([0.25, 0.25]))
    torch.testing.assert_close(centre_of_gravity(maps)[0], torch.tensor([0.5, (0.25 + 0.625) / 2]))


def test_the_share_of_a_box_counts_cells_that_lie_in_it_by_their_part():
    even = torch.full((2, 24, 48), 1 / (24 * 48)) * torch.tensor([1.0, 0.5])[:, None, None]
    torch.testing.assert_close(within(even, (0.1, 0.2, 0.6, 0.41)), torch.tensor([0.105, 0.0525]))
    torch.testing.assert_close(within(even, (-1.0, 0.5, 2.0, 2.0)), torch.tensor([0.5, 0.25]))
    corner = torch.zeros(1, 4, 4)
    corner[0, 0, 3] = 1
    assert within(corner, (0.75, 0.0, 1.0, 0.25)) == 1 and within(corner, (0.0, 0.0, 0.75, 1.0)) == 0


@pytest.mark.parametrize(
    ("messages", "step", "positions", "words"),
    [
        ([picture_message("And this?")], 0, None, "messages must be those that the trace answers"),
        ([picture_message("What is this?")], 5, None, "step must lie between 0 and 4, the steps of the trace, got 5"),
        ([picture_message("What is this?")], 0, [8], "positions must lie between 0 and 7, the end of the answer"),
    ],
)
def test_what_is_not_there_is_refused(tiny_pipeline, messages, step, positions, words):
    trace = tiny_pipeline([picture_message("What is this?")], replace(CONFIG, stop=())).trace
    with pytest.raises(ValueError, match=words):
        tiny_pipeline.attention(messages, trace, step, positions)
