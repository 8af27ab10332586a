"""The tokenizer, and words moved from one vocabulary to another."""

from functools import partial

import torch

from lladav.scenes import STRANGER
from lladav.training import vocabulary
from lladav.training.data import things
from lladav.training.english import WORDS
from lladav.training.vocabulary import VOCAB_SIZE, build_tokenizer, corpus, moved_vectors


def test_the_tokenizer_keeps_words_whole(tokenizer):
    for word in {*things()} - {STRANGER}:
        assert len(tokenizer.encode(f" {word}")) == 1, word
    for text in ("What is left of the dog?", "Ünknown zebra 斑馬 🦓", "a\n\nb"):
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_words_keep_their_vectors_in_another_vocabulary(tokenizer, monkeypatch):
    monkeypatch.setattr(vocabulary, "corpus", partial(corpus, conversations=1000))
    old = build_tokenizer(vocab_size=400)
    vectors = torch.randn(len(old), 8)
    moved = moved_vectors(vectors, old, tokenizer)
    assert moved.shape == (len(tokenizer), 8)
    shared = set(old.get_vocab()) & set(tokenizer.get_vocab())
    assert len(shared) > 300
    for token in shared:
        assert torch.equal(moved[tokenizer.convert_tokens_to_ids(token)], vectors[old.convert_tokens_to_ids(token)])
    assert len(moved.unique(dim=0)) == len(moved)  # no two words begin as the same
    new = next(token for token in tokenizer.get_vocab() if token not in shared and token.isalpha())
    pieces = [piece.id for piece in old.backend_tokenizer.model.tokenize(new)]
    index = tokenizer.convert_tokens_to_ids(new)
    noise = torch.randn(8, generator=torch.Generator().manual_seed(index))
    torch.testing.assert_close(moved[index], vectors[pieces].mean(0) + vectors.std() * noise)


def test_common_words_take_few_tokens(tokenizer):
    lengths = [len(tokenizer.encode(f" {word}")) for word in WORDS]
    assert len(tokenizer) == VOCAB_SIZE and sum(lengths) / len(lengths) < 1.75 and max(lengths) <= 6
