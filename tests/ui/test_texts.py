"""The texts of the page: the same in every language, each asked for, and none asked for that is not there."""

import ast
import json
import re
from typing import Any

import pytest
from helpers import ROOT, parsed

from lladav import LladaVPipeline
from lladav.loading import CAPABILITIES
from lladav.ui.app import build_app
from lladav.ui.compare.comparisons import about_methods
from lladav.ui.texts import LANGUAGES, OF_LESSONS, TEXTS, key_behind, label, said, texts

UI = ROOT / "lladav" / "ui"
OTHERS = [language for language in LANGUAGES if language != "en"]
NAMES = re.compile(r"\{\w+\}")
SECTIONS = {key.partition(".")[0] for key in texts("en")}
KEY = re.compile(rf"(?:{'|'.join(SECTIONS)})(?:\.(?:\w|\*)+)+")  # in which * stands for what is put in
PUT_IN = re.compile(r"\$\{[^}]*\}")
WRITTEN = re.compile(r"""["'`]([\w.*]+)["'`]""")  # in scripts and markups


def leaves(part: Any, path: str = "") -> dict[str, str]:
    """The texts of a file by their places in it."""
    if isinstance(part, str):
        return {path: part}
    inner = part.items() if isinstance(part, dict) else enumerate(part)
    return {place: text for name, one in inner for place, text in leaves(one, f"{path}.{name}").items()}


def file(language: str) -> dict[str, Any]:
    return json.loads((TEXTS / f"{language}.json").read_text(encoding="utf-8"))


def names(text: str) -> list[str]:
    return sorted(NAMES.findall(text))


def by_modules() -> set[str]:
    """What may be keys in the page's modules."""
    nodes = [node for path in UI.rglob("*.py") for node in ast.walk(parsed(path))]
    plain = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    joined = [node.values for node in nodes if isinstance(node, ast.JoinedStr)]
    parts = {"".join(str(one.value) if isinstance(one, ast.Constant) else "*" for one in some) for some in joined}
    return {text for text in plain | parts if KEY.fullmatch(text)}


def by_scripts() -> set[str]:
    """The keys in scripts and markups."""
    files = [path for path in (ROOT / "lladav").glob("*/static/**/*") if path.suffix in (".js", ".html")]
    written = {text for path in files for text in WRITTEN.findall(PUT_IN.sub("*", path.read_text(encoding="utf-8")))}
    return {text for text in written if KEY.fullmatch(text)}


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_says_the_same_with_the_same_values(language: str):
    english, other = texts("en") | about_methods("en"), texts(language) | about_methods(language)
    assert {key: names(text) for key, text in english.items()} == {key: names(text) for key, text in other.items()}
    assert all(other.values())


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_lessons_with_the_same_values(language: str):  # but for the glossary of its own
    english, other = (
        {place: {*names(text)} for name in OF_LESSONS[:-1] for place, text in leaves(file(code)[name], name).items()}
        for code in ("en", language)
    )
    assert english == other


def test_every_text_is_asked_for_and_every_one_that_scripts_ask_for_is_there():
    known, models = {*texts("en"), *about_methods("en")}, [*(ROOT / "assets").glob(f"*/{CAPABILITIES}")]
    assert {key for key in by_scripts() if "*" not in key} <= known
    wanted = re.compile("|".join(re.escape(key).replace(r"\*", r"\w+") for key in by_modules() | by_scripts()))
    capable = [json.loads(path.read_text(encoding="utf-8")) for path in models]
    of_models = {words for one in capable for words in (one["summary"], *one["knows"])}
    assert {key for key in known if not wanted.fullmatch(key) and texts("en").get(key) not in of_models} == set()


def test_the_parts_of_the_page_have_texts_in_every_language(tiny_pipeline: LladaVPipeline):
    written = json.dumps(build_app(tiny_pipeline).get_config_file()["components"], default=str)
    keys = set(re.findall(r'translation_metadata[\\"]+, [\\"]+key[\\"]+: [\\"]+([\w.]+)', written))
    assert len(keys) > 80
    for language in LANGUAGES:
        assert keys <= {*texts(language), *about_methods(language)}


def test_a_label_is_read_back():
    assert key_behind(label("chat.stop")) == "chat.stop"
    assert said("said.many_files", most=4, has=6).startswith("A message may have 4 files, this one has 6")
