"""The tokenizer of the embedded default: byte-level BPE over the language of the scenes and common English words."""

import random
from collections.abc import Iterator

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from lladav.scenes import ASKERS, COLORS, SHAPES, ask, class_names, make_scene, plural, stranger_names
from lladav.scenes.signs import CHARACTERS
from lladav.training.english import WORDS

SPECIAL_TOKENS = {  # named as the published model names them
    "bos_token": "<|startoftext|>",
    "eos_token": "<|endoftext|>",
    "pad_token": "<|endoftext|>",
    "mask_token": "<|mdm_mask|>",
}
HEADERS = ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]

EVEN = dict.fromkeys(ASKERS, 1)
VOCAB_SIZE = 2048
COMMON, NAMED = 100, 200  # how often a common word, and a name, is read


def corpus(conversations: int = 60_000, seed: int = 0) -> Iterator[str]:
    """Conversations about scenes, of every kind alike; and words: all names often enough to become one token each."""
    rng = random.Random(seed)
    for index in range(conversations):
        example = ask(make_scene(rng), rng, rng.choice(list(ASKERS)), EVEN, everyday_share=index % 2)
        for question, answer in example.turns:
            yield from (question, answer)
    for word in WORDS:
        yield from [f"a {word}"] * COMMON
    for noun in (*class_names(), *SHAPES):
        yield from [f"a {noun} {plural(noun)}"] * NAMED
    for noun in stranger_names():
        yield from [f"a {noun} {plural(noun)}"] * COMMON
    for character in CHARACTERS:
        yield from [f"a {character} {character}"] * NAMED
    for color in COLORS:
        yield from [f"a {color} {color.capitalize()}"] * NAMED
    for role in ("user", "assistant", "system"):
        yield from [role] * NAMED


def build_tokenizer(vocab_size: int = VOCAB_SIZE) -> PreTrainedTokenizerFast:
    """Trains the tokenizer. Any text can be encoded: what is no known word falls back to pieces and bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=20,
        special_tokens=[*dict.fromkeys(SPECIAL_TOKENS.values()), *HEADERS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, extra_special_tokens=HEADERS, **SPECIAL_TOKENS)


def moved_vectors(vectors: Tensor, old: PreTrainedTokenizerFast, new: PreTrainedTokenizerFast) -> Tensor:
    """Word vectors (V, D) of one vocabulary for another, of shape (V', D).

    A token that both have keeps its vector; a new one begins as the mean of the old tokens that it is written with
    (after FOCUS, arXiv 2305.14481, without its search for neighbors), and noise as large as they are: tokens that share
    a piece, as " A" and " B" do, are told apart from the start. The noise is the same whatever the vectors are, so that
    what a model reads a token by, and writes it by, begin alike.
    """
    known, write = old.get_vocab(), old.backend_tokenizer.model.tokenize
    rows = vectors.new_empty(len(new), vectors.shape[1])
    for token, index in new.get_vocab().items():
        if token in known:
            rows[index] = vectors[known[token]]
            continue
        written = torch.tensor([piece.id for piece in write(token)])
        noise = torch.randn(rows.shape[1], generator=torch.Generator().manual_seed(index))
        rows[index] = vectors[written].mean(0) + vectors.std() * noise
    return rows
