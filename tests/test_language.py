"""The language model is transformers' Llama, asked for some rows only."""

import pytest
import torch
from transformers import DynamicCache, LlamaConfig, LlamaModel

from lladav.language import LladaVLanguageModel

ROWS = [None, slice(3, 7), slice(-1, None), torch.tensor([0, 4, 9])]


def models(is_causal: bool) -> tuple[LladaVLanguageModel, LlamaModel]:
    config = LlamaConfig(
        vocab_size=20, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, initializer_range=0.2, is_causal=is_causal, attn_implementation="sdpa",
    )  # fmt: skip
    ours, llama = LladaVLanguageModel(config).eval(), LlamaModel(config).eval()
    llama.load_state_dict(ours.state_dict())
    for model in (ours, llama):
        for layer in model.layers:
            layer.self_attn.is_causal = is_causal
    return ours, llama


@torch.no_grad()
@pytest.mark.parametrize("rows", ROWS, ids=str)
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("is_causal", [False, True])
def test_rows_are_those_of_llama(rows, padded: bool, is_causal: bool):
    ours, llama = models(is_causal)
    ids = torch.arange(20).view(2, 10)
    mask = torch.tensor([[1] * 10, [0] * 2 + [1] * 8]) if padded else None
    chosen = torch.arange(10)[slice(None) if rows is None else rows]
    hidden = ours(ids, attention_mask=mask, rows=rows).last_hidden_state
    expected = llama(ids, attention_mask=mask, use_cache=False).last_hidden_state[:, chosen]
    torch.testing.assert_close(hidden[0], expected[0])
    behind = chosen >= 2 * padded  # what padding itself becomes does not matter
    torch.testing.assert_close(hidden[1, behind], expected[1, behind])


@torch.no_grad()
def test_rows_of_what_is_new_see_what_is_cached():
    ours, llama = models(is_causal=False)
    ids, caches = torch.arange(10)[None], (DynamicCache(), DynamicCache())
    for model, cache in zip((ours, llama), caches, strict=True):
        model(ids, past_key_values=cache)
    new = torch.tensor([[3, 1, 4, 1]])
    hidden = ours(new, past_key_values=caches[0], rows=torch.tensor([1, 3])).last_hidden_state
    torch.testing.assert_close(hidden, llama(new, past_key_values=caches[1]).last_hidden_state[:, [1, 3]])
    assert caches[0].get_seq_length() == 14


@torch.no_grad()
def test_the_last_block_is_run_only_where_it_is_asked_to(monkeypatch):
    ours, _ = models(is_causal=False)
    widths, forward = [], torch.nn.functional.linear
    monkeypatch.setattr(torch.nn.functional, "linear", lambda x, *w: widths.append(x.shape[1]) or forward(x, *w))
    ours(torch.arange(10)[None], rows=torch.tensor([2, 5]))
    assert widths == [10] * 7 * 2 + [10, 10] + [2] * 5  # keys, values; queries, output, feed-forward


@torch.no_grad()
@pytest.mark.parametrize("rows", ROWS, ids=str)
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("is_causal", [False, True])
def test_attention_is_that_of_llama_and_changes_nothing(rows, padded: bool, is_causal: bool):
    ours, llama = models(is_causal)
    llama.set_attn_implementation("eager")
    ids = torch.arange(20).view(2, 10)
    mask = torch.tensor([[1] * 10, [0] * 2 + [1] * 8]) if padded else None
    chosen = torch.arange(10)[slice(None) if rows is None else rows]
    output = ours(ids, attention_mask=mask, rows=rows, output_attentions=True)
    assert torch.equal(output.last_hidden_state, ours(ids, attention_mask=mask, rows=rows).last_hidden_state)
    expected = llama(ids, attention_mask=mask, use_cache=False, output_attentions=True).attentions
    assert len(output.attentions) == len(expected)
    for one, other in zip(output.attentions, expected, strict=True):
        for row, kept in enumerate((chosen >= 0, chosen >= 2 * padded)):  # what padding looks at does not matter
            torch.testing.assert_close(one[row, kept], other.mean(1)[row, chosen][kept])
            torch.testing.assert_close(one[row, kept].sum(-1), torch.ones(int(kept.sum())))


@torch.no_grad()
def test_attention_reaches_what_is_cached():
    ours, _ = models(is_causal=False)
    cache = DynamicCache()
    ours(torch.arange(10)[None], past_key_values=cache)
    output = ours(torch.tensor([[3, 1, 4, 1]]), past_key_values=cache, rows=torch.tensor([1]), output_attentions=True)
    assert [weights.shape for weights in output.attentions] == [(1, 1, 14)] * len(output.attentions)
