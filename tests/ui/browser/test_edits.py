"""Taking hold of an answer as a person does: marking, pinning, typing over, branching, filling in, undoing."""

import pytest
from helpers import OWN_LENGTH, Visit, held, letters

from lladav import LladaVPipeline

QUESTION = "What is this?"


@pytest.fixture
def asked(one_page: Visit) -> Visit:
    """A chat of its own with one answer, on a page that all of them share."""
    one_page.page.locator("#new-chat").click()
    one_page.page.locator("#canvas .tc[data-state=idle]").wait_for()
    one_page.ask(QUESTION)
    return one_page


def tokens(visit: Visit) -> list[str]:
    """What each position shows; ░ where it is masked."""
    return visit.page.evaluate(
        """() => [...document.querySelectorAll('#canvas .tc-tok')].map((el) =>
            el.classList.contains('tc-mask') ? '░' : el.querySelector('.tc-piece').textContent)"""
    )


def token(visit: Visit, position: int):
    return visit.canvas.locator(".tc-tok").nth(position)


def tool(visit: Visit, name: str):
    return visit.canvas.locator(f".tc-edit [data-edit={name}]")


def until_edited(visit: Visit, label: str) -> None:
    visit.canvas.locator("[data-out=edit]", has_text=label).wait_for()
    visit.until("done")


def given(visit: Visit) -> int:
    return visit.canvas.locator(".tc-template, .tc-carried").count()


def mark(visit: Visit, *positions: int) -> None:
    """Choose tokens for an edit."""
    for position in positions:
        token(visit, position).click(modifiers=["Shift"])


def remask(visit: Visit, *positions: int) -> None:
    mark(visit, *positions)
    tool(visit, "mask").click()
    until_edited(visit, f"re-masked {len(positions)} tokens")


def test_remasking_two_tokens_changes_only_those(asked: Visit):
    before = tokens(asked)
    remask(asked, 3, 7)
    after = tokens(asked)
    assert [text for at, text in enumerate(after) if at not in (3, 7)] == [
        text for at, text in enumerate(before) if at not in (3, 7)
    ]
    assert given(asked) == OWN_LENGTH - 2
    assert asked.canvas.locator("[data-out=committed]").inner_text().endswith("2 in all")
    assert letters(asked.canvas.locator(".tc-live").inner_text()) == letters(asked.bubble())


def test_a_pinned_token_outlives_a_new_answer(asked: Visit):
    kept = tokens(asked)[4]
    token(asked, 4).click()
    tool(asked, "keep").click()
    assert "kept" in token(asked, 4).get_attribute("aria-label")
    tool(asked, "rest").click()
    until_edited(asked, "rewrote all but 1 token")
    assert tokens(asked)[4] == kept
    assert "tc-kept" in token(asked, 4).get_attribute("class")
    assert given(asked) == 1
    assert asked.page.locator("#conversation .message.bot").count() == 1


def test_words_are_typed_over_tokens(asked: Visit):
    mark(asked, 2, 3, 4)
    tool(asked, "type").click()
    asked.page.keyboard.type("blue dog")
    asked.page.keyboard.press("Enter")
    until_edited(asked, "typed “blue dog”")
    assert "bluedog" in letters(asked.bubble())
    assert asked.canvas.locator(".tc-kept").count() > 0


def test_words_that_do_not_fit_change_nothing(asked: Visit):
    before = tokens(asked)
    token(asked, 2).click()
    tool(asked, "type").click()
    asked.canvas.locator(".tc-typing input").fill("dog " * 40)
    tool(asked, "put").click()
    asked.page.get_by_text("longer than its 16 tokens").first.wait_for()
    assert tokens(asked) == before
    assert QUESTION in asked.conversation(), "nothing covers the conversation"


def test_an_alternative_branches_off_at_the_step_on_show(asked: Visit):
    asked.canvas.locator(".tc-scrub").fill("4")
    before = tokens(asked)
    position = before.index("░")
    token(asked, position).click()
    taken = asked.canvas.locator(".tc-alt").nth(1).inner_text()
    asked.canvas.locator(".tc-row").nth(1).click()
    until_edited(asked, "at step 4")
    after = tokens(asked)
    assert taken in token(asked, position).get_attribute("aria-label")
    committed = {at: text for at, text in enumerate(before) if text != "░"}
    assert committed.items() <= dict(enumerate(after)).items()
    assert given(asked) == len(committed) + 1


def test_an_alternative_can_be_taken_while_the_model_decodes(visit: Visit, tiny_pipeline: LladaVPipeline):
    with held(tiny_pipeline, steps=4) as (gate, passes):
        visit.send(QUESTION)
        visit.until_step(4)
        visit.canvas.locator(".tc-mask").first.click()
        visit.canvas.locator(".tc-row").nth(1).click()
        gate.set()
        until_edited(visit, "at step 4")
    assert given(visit) == 2 * 4 + 1
    assert len(passes) <= 4 + 1 + 12 + 1, "the first run has to end where it was left"


def test_a_template_is_filled(asked: Visit):
    asked.page.locator("#template textarea, #template input").first.fill("What is {3} a red ___.")
    asked.page.locator("#fill-in").click()
    until_edited(asked, "filled blanks")
    assert asked.bubble().startswith("What is")
    assert "a red" in asked.bubble()
    assert "░" not in tokens(asked)
    asked.page.locator("#template textarea, #template input").first.fill("no blank")
    asked.page.locator("#fill-in").click()
    asked.page.get_by_text("There is no blank to fill").first.wait_for()


def test_undo_goes_back_edit_by_edit(asked: Visit):
    first, bubble = tokens(asked), asked.bubble()
    undo = asked.page.locator("#undo")
    assert undo.is_disabled()
    remask(asked, 1, 2)
    second = tokens(asked)
    remask(asked, 5, 6, 8)
    undo.click()
    asked.canvas.locator("[data-out=edit]", has_text="re-masked 2 tokens").wait_for()
    assert tokens(asked) == second
    undo.click()
    asked.page.wait_for_function("document.querySelector('#canvas [data-out=edit]').textContent === ''")
    assert tokens(asked) == first
    assert letters(asked.bubble()) == letters(bubble)
    asked.page.wait_for_function("document.querySelector('#undo').disabled")
    remask(asked, 3, 4)


def test_a_stopped_answer_can_be_gone_on_with(visit: Visit, tiny_pipeline: LladaVPipeline):
    with held(tiny_pipeline, steps=4):
        visit.send(QUESTION)
        visit.until_step(4)
        visit.page.locator("#stop").click()
        visit.until("done")
    before = tokens(visit)
    assert before.count("░") == OWN_LENGTH - 2 * 4
    visit.canvas.locator(".tc-mask").first.click()
    assert tool(visit, "mask").inner_text() == "Go on from here"
    tool(visit, "mask").click()
    until_edited(visit, "went on")
    after = tokens(visit)
    assert all(old in ("░", new) for old, new in zip(before, after, strict=True))
    assert after.count("░") < before.count("░")


def test_everything_by_keyboard(asked: Visit):
    keyboard = asked.page.keyboard
    token(asked, 0).focus()
    before = tokens(asked)
    for key in ("ArrowRight", " ", "ArrowRight", " ", "Tab"):
        keyboard.press(key)
    assert asked.page.evaluate("document.activeElement.textContent") == "Mask 2 again"
    keyboard.press("Enter")
    until_edited(asked, "re-masked 2 tokens")
    assert tokens(asked)[3:] == before[3:]
    token(asked, 1).focus()
    keyboard.press("2")
    until_edited(asked, "took")
    assert "kept" in token(asked, 1).get_attribute("aria-label")
    token(asked, 0).focus()
    keyboard.press("Control+z")
    asked.canvas.locator("[data-out=edit]", has_text="re-masked 2 tokens").wait_for()
    token(asked, 4).focus()
    keyboard.press("k")
    assert "kept" in token(asked, 4).get_attribute("aria-label")
    keyboard.press("t")
    keyboard.type("red")
    keyboard.press("Escape")
    assert asked.canvas.locator(".tc-marked").count() == 0


def test_a_screen_reader_hears_an_edited_answer_once(asked: Visit):
    asked.page.evaluate(
        """() => {
            window.heard = [];
            const live = document.querySelector('#canvas .tc-live');
            new MutationObserver(() => window.heard.push(live.textContent)).observe(live, {childList: true});
        }"""
    )
    remask(asked, 3, 7)
    assert [letters(text) for text in asked.page.evaluate("window.heard")] == [letters(asked.bubble())]


def test_touch_targets_are_large(open_page, url: str):
    visit = open_page(url, width=390, height=844, has_touch=True, is_mobile=True)
    visit.ask(QUESTION)
    token(visit, 3).tap()
    for name in ("mask", "keep", "type", "several", "clear"):
        box = tool(visit, name).bounding_box()
        assert box["height"] >= 44
    assert token(visit, 3).bounding_box()["height"] >= 44
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_another_question_starts_afresh(asked: Visit):
    remask(asked, 3, 7)
    asked.ask("And now?")
    assert given(asked) == 0
    assert asked.page.locator("#undo").is_disabled()
    assert asked.canvas.locator("[data-out=edit]").inner_text() == ""
