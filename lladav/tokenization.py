"""Text to token ids, so that what people type is text: a control token that is typed does not become one."""

import re
from collections.abc import Iterable
from typing import Any

MARK = "\ufdd0"  # a code point that is no character: Unicode keeps it free for use inside programs


def clean(text: str) -> str:
    """`text` as it can be stored, sent and shown: what is no character, or half of one, is replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace(MARK, "\ufffd")


def encode_text(text: str, tokenizer: Any) -> list[int]:
    """The ids of `text`, none of which is that of a control token, whatever is written there.

    It keeps no state, as `split_special_tokens` of transformers does, so threads may share the tokenizer. One that is
    not transformers' own is asked to `encode`.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return tokenizer.encode(text, add_special_tokens=False)
    normalized = backend.normalizer.normalize_str(clean(text)) if backend.normalizer else clean(text)
    words = backend.pre_tokenizer.pre_tokenize_str(normalized)
    return [token.id for word, _ in words for token in backend.model.tokenize(word)]


def encode_stop(text: str, tokenizer: Any) -> list[int]:
    """The ids of a stop string: one that is the name of a control token stands for it, anything else is text."""
    if hasattr(tokenizer, "get_added_vocab") and text in tokenizer.get_added_vocab():
        return [tokenizer.get_added_vocab()[text]]
    return encode_text(text, tokenizer)


def marked(text: str, tokens: Iterable[str]) -> str:
    """`text` in which none of `tokens` can be found, not even joined to other text; `unmarked` undoes it."""
    beginnings = "".join({re.escape(token[0]) for token in tokens})
    return re.sub(f"[{beginnings}]", lambda letter: letter[0] + MARK, clean(text))


def unmarked(text: str) -> str:
    """What `marked` was given."""
    return text.replace(MARK, "")
