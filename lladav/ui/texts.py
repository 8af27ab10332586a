"""What the page says, by key: in `i18n/`, one file a language.

Gradio's parts are given keys, which it looks up in the browser, in the visitor's language. What the server says while
it works is English, which logs and programs read, too: painters recognize its sentences by their English texts, see
`translated` in the viewer's texts.js, and write them in the visitor's language.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from gradio.i18n import I18nData

from lladav import viewer
from lladav.sampling import METHODS

TEXTS = Path(__file__).parent / "i18n"
LANGUAGES = {"en": "English", "nl": "Nederlands"}
OF_LESSONS = ("page", "pictures", "lessons", "teach", "quiz", "glossary")  # which the lessons read from the files
MARK = "__i18n__"  # before a key, in what gradio takes for a text of a part


def label(key: str) -> str:
    """A text of one of gradio's parts, which it shows in the visitor's language."""
    return str(I18nData(key))


def key_behind(text: str) -> str:
    """The key that a text of one of gradio's parts stands for."""
    return json.loads(text.removeprefix(MARK))["key"]


def said(key: str, **values: Any) -> str:
    """A text in English, with {names} replaced. Raises KeyError where there is none with that key."""
    return texts("en")[key].format(**values)


@cache
def texts(language: str) -> dict[str, str]:
    """All that the page says in a language but for the lessons, by key: "chat.stop". What the viewer and the methods of
    decoding say of themselves in English stands beside their code."""
    written = json.loads((TEXTS / f"{language}.json").read_text(encoding="utf-8"))
    own = dict(_flat("", {name: part for name, part in written.items() if name not in OF_LESSONS}))
    if language == "en":
        own |= viewer.english() | {f"methods.{name}": method.rule for name, method in METHODS.items()}
    return own


def _flat(above: str, part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, inner in part.items():
        if isinstance(inner, str):
            yield above + name, inner
        else:
            yield from _flat(f"{above}{name}.", inner)
