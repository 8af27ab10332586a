"""The page in another language than English, as its visitor's browser asks for it."""

import re
from collections.abc import Callable
from pathlib import Path

from helpers import PAGES_OWN, Visit, letters

from lladav import LladaVPipeline
from lladav.evaluation.results import FIGURES
from lladav.sampling import METHODS
from lladav.ui.compare.comparisons import about_methods
from lladav.ui.explore.tab import ANSWER_COLUMNS
from lladav.ui.texts import texts

QUESTION = "What is this?"
DUTCH = [*texts("nl").values(), *about_methods("nl").values()]
NAMES = {"GIF", "MP4 (VP9)", "PNG", "HTML", "JSON", "LLaDA-V", *ANSWER_COLUMNS, *FIGURES}
NAMES |= {title for method in METHODS.values() for title in (method.title, method.paper)}
PANES = {"chat": "chat-tab", "compare": "sides", "explore": "explore"}  # of tabs: what they have
LEAST = 8  # letters of a text whose values may be anything; those of a shorter one are numbers
# What the page's parts say, but for what a model says, code, and what gradio says itself, which is Dutch only in part.
SAID = """() => {
    const parts = `[role=tab], label, button, summary, p, h1, h2, th, li, i, figcaption, .tc-read, .label-wrap,
        [data-testid=block-info], [placeholder], [title]`;
    const others = `#badge, footer, code, select, table, .cm-editor, .tc-tok, .tc-card, .ga-card, .st-words, .examples,
        .table-wrap, [data-testid*=dataframe], .toolbar, .icon-button-wrapper`;
    const shown = [...document.querySelectorAll(parts)].filter((el) =>
        el.checkVisibility() && !el.closest(others) && (el.role === "tab" || el.closest("#top, [role=tabpanel]")));
    const texts = shown.flatMap((el) => el.matches(".wo") ? [el] : [
        ...[...el.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE),
        ...[...el.querySelectorAll("span")].filter((one) => !one.childElementCount && !one.closest(".wo, .or")),
    ]).map(({ textContent }) => textContent);
    const written = shown.flatMap((el) => [el.getAttribute("placeholder"), el.getAttribute("title")]);
    const all = [...texts, ...written].map((text) => (text ?? "").trim());
    return [...new Set(all)].filter((text) => /[a-z]{2}/i.test(text));
}"""


def pattern_of(text: str) -> str:
    """A text as a pattern, whatever its values are."""
    parts = re.split(r"\{\w+\}", text)
    return (".+" if len("".join(parts)) >= LEAST else r"[\d.]+").join(map(re.escape, parts))


# Texts without their asterisks, and what stands for itself in them: lines, and what is between asterisks.
PATTERNS = {
    pattern_of(part.strip())
    for text in DUTCH
    for part in (text.replace("**", ""), *re.split(r"\*\*|\n", text.removeprefix("# ")))
    if part.strip()
}


def said_in_dutch(text: str) -> bool:
    """Whether a text is one of the Dutch file, with any values, or a name."""
    return text in NAMES or any(re.fullmatch(pattern, text, re.DOTALL) for pattern in PATTERNS)


def test_a_dutch_browser_is_shown_dutch_and_gets_the_same_answer(
    open_page: Callable[..., Visit], url: str, picture: Path, tiny_pipeline: LladaVPipeline
):
    visit = open_page(url, locale="nl-NL")
    assert visit.page.evaluate("document.documentElement.lang") == "nl"
    visit.fix_seed()
    visit.upload(picture)
    content = [{"type": "image", "image": str(picture)}, {"type": "text", "text": QUESTION}]
    assert letters(visit.ask(QUESTION)) == letters(
        tiny_pipeline([{"role": "user", "content": content}], PAGES_OWN).text
    )
    visit.set_number("gen_length", 7)
    visit.page.locator("#method select").select_option("wino")
    visit.page.locator("#method").get_by_text(texts("nl")["methods.wino"]).wait_for()
    visit.page.locator("#new-chat").click()
    visit.page.locator("#retry").wait_for()
    visit.until_quiet()
    for tab, pane in PANES.items():
        visit.page.locator(f"#tabs [role=tab][data-tab-id={tab}]").click()
        visit.page.locator(f"#{pane}").wait_for()
        visit.until_quiet()
        found = visit.page.evaluate(SAID)
        assert len(found) > 20
        assert [text for text in found if not said_in_dutch(text)] == [], tab
