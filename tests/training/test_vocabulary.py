"""The tokenizer, and words moved from one vocabulary to another."""

from lladav.training.data import things


def test_the_tokenizer_keeps_words_whole(tokenizer):
    for word in things()[:-1]:
        assert len(tokenizer.encode(f" {word}")) == 1, word
    for text in ("What is left of the dog?", "Ünknown zebra 斑馬 🦓", "a\n\nb"):
        assert tokenizer.decode(tokenizer.encode(text)) == text
