"""The tokenizer of the embedded default: byte-level BPE over the language of the scenes."""

import random
from collections.abc import Iterator

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from lladav.artwork import COLORS, SHAPES, class_names
from lladav.scenes import KINDS, ask, make_scene, plural

SPECIAL_TOKENS = {  # named as the published model names them
    "bos_token": "<|startoftext|>",
    "eos_token": "<|endoftext|>",
    "pad_token": "<|endoftext|>",
    "mask_token": "<|mdm_mask|>",
}
HEADERS = ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]

EVEN = dict.fromkeys(KINDS, 1)


def corpus(conversations: int = 60_000, seed: int = 0) -> Iterator[str]:
    """Questions and answers of scenes, of every kind alike, and every name often enough to become one token."""
    rng = random.Random(seed)
    for _ in range(conversations):
        kind = rng.choice(list(KINDS))
        for question, answer in ask(make_scene(rng), rng, kind, EVEN).turns:
            yield from (question, answer, question.lower())
    for noun in (*class_names(), *SHAPES):
        yield from [f"a {noun} {plural(noun)}"] * 50
    for color in COLORS:
        yield from [f"a {color} {color.capitalize()}"] * 50
    for role in ("user", "assistant", "system"):
        yield from [role] * 50


def build_tokenizer(vocab_size: int = 1024) -> PreTrainedTokenizerFast:
    """Trains the tokenizer. Any text can be encoded: what is no known word falls back to bytes."""
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
