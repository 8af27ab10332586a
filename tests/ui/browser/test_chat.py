"""The page as a person meets it, in Debian's chromium; skipped where that or playwright is missing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import OWN_LENGTH, PAGES_OWN, PATIENCE, Visit, ends, held, letters, slow
from PIL import Image

from lladav import LladaVPipeline
from lladav.pipeline import MASK_SIGN

QUESTION = "What is this?"


def about_picture(picture: Path, text: str) -> list[dict]:
    return [{"type": "image", "image": str(picture)}, {"type": "text", "text": text}]


def test_masks_fall_to_zero_step_by_step(visit: Visit, picture: Path):
    visit.upload(picture)
    visit.ask(QUESTION)
    seen = visit.seen()
    steps = [shown["step"] for shown in seen]
    masks = [shown["masks"] for shown in seen]
    assert sorted(set(steps)) == list(range(PAGES_OWN.steps + 1)), "the canvas has to show every step"
    assert steps == sorted(steps)
    assert masks == sorted(masks, reverse=True)
    assert (masks[0], masks[-1]) == (OWN_LENGTH, 0)
    live = [shown for shown in seen if shown["live"] and shown["step"] > 0]
    assert {shown["step"] for shown in live} >= set(range(1, PAGES_OWN.steps))
    assert all(shown["bubble"] == shown["text"] for shown in live), "the bubble refines with the canvas"
    assert MASK_SIGN in live[0]["text"]


def test_the_answer_is_the_pipelines_and_the_next_keeps_the_picture(
    visit: Visit, picture: Path, tiny_pipeline: LladaVPipeline
):
    visit.fix_seed()
    visit.upload(picture)
    messages = [{"role": "user", "content": about_picture(picture, QUESTION)}]
    first = tiny_pipeline(messages, PAGES_OWN).text
    assert letters(visit.ask(QUESTION)) == letters(first)
    messages += [{"role": "assistant", "content": first}, {"role": "user", "content": "Is it red?"}]
    assert letters(visit.ask("Is it red?")) == letters(tiny_pipeline(messages, PAGES_OWN).text)
    assert visit.page.locator("#conversation .message.user img").count() == 1


def test_an_example_is_asked_by_a_click(visit: Visit):
    example = visit.page.locator("#conversation .example").first
    question = example.inner_text().strip()
    visit.through(example.click)
    assert question in visit.conversation()
    assert visit.page.locator("#conversation .message.user img").count() == 1


def test_a_new_seed_each_time_unless_one_is_set(visit: Visit):
    seed = visit.canvas.locator("[data-out=seed]")
    visit.ask(QUESTION)
    first = seed.inner_text()
    visit.show_settings()
    visit.ask(QUESTION)
    assert seed.inner_text() != first
    visit.set_number("seed", 0)
    visit.ask(QUESTION)
    assert seed.inner_text() == "0"


def test_a_later_picture_joins(visit: Visit, picture: Path, tmp_path: Path):
    Image.new("RGB", (50, 50), "blue").save(tmp_path / "blue.png")
    visit.upload(picture)
    visit.ask(QUESTION)
    visit.upload(tmp_path / "blue.png")
    visit.ask("And this?")
    assert visit.page.locator("#conversation .message.user img").count() == 2


def test_stop_keeps_what_is_shown(open_page: Callable[..., Visit], url: str):
    """Of an answer that the model may have written to its end already."""
    visit = open_page(f"{url}?gen_length=64")
    visit.until_number("gen_length", 64)
    visit.send(QUESTION)
    visit.until_step(5)
    visit.page.locator("#stop").click()
    visit.until("done")
    visit.page.wait_for_function("document.querySelectorAll('#conversation [data-refining]').length === 0")
    visit.until_quiet()
    visit.page.locator("#conversation .message.bot", has_text=MASK_SIGN).wait_for()  # the server has heard of it
    kept = visit.bubble()
    # Random weights write parts of letters, which are put together otherwise where they are decoded as one.
    plain = [
        [sign for sign in text if sign == MASK_SIGN or "!" <= sign <= "~"] for text in (kept, visit.seen()[-1]["text"])
    ]
    assert plain[0] == plain[1]
    assert visit.page.locator("#canvas .tc-chip").inner_text() == "stopped"
    visit.ask("And now?")
    assert kept in visit.conversation()


@pytest.mark.parametrize(
    ("end", "state", "ask"),
    [
        ("#stop", "done", "#retry"),
        ("#new-chat", "idle", "#conversation .example"),
    ],
)
def test_what_is_asked_right_behind_the_end_of_a_run_is_answered(
    visit: Visit, tiny_pipeline: LladaVPipeline, end: str, state: str, ask: str
):
    """Even where the server's answer about the end takes as long as the new run needs to get under way."""
    asked_to_cancel: list[Any] = []  # playwright's routes
    with held(tiny_pipeline, steps=2):
        visit.send(QUESTION)
        visit.until_step(2)
        visit.page.route("**/cancel", lambda request: asked_to_cancel.append(request), times=1)
        visit.page.locator(end).click()
        visit.until(state)
        with visit.page.expect_response("**/queue/join*"):
            visit.page.locator(ask).first.click()
        (request,) = asked_to_cancel
        request.continue_()
    visit.canvas.locator(".tc-chip", has_text="finished").wait_for()
    assert visit.canvas.locator(".tc-mask").count() == 0
    assert visit.page.locator("#conversation .message.bot").count() == 1


@pytest.mark.parametrize("leave", [lambda visit: visit.page.locator("#stop").click(), lambda visit: visit.page.close()])
def test_stop_and_leaving_end_the_model_within_a_step(visit: Visit, tiny_pipeline: LladaVPipeline, leave: Callable):
    visit.set_number("gen_length", 128)
    visit.page.locator("#preset label", has_text="Quality").click()
    visit.page.get_by_text("128 forward passes").wait_for()
    passes, release = slow(tiny_pipeline, 0.4)
    try:
        with ends(tiny_pipeline) as ended:
            visit.send(QUESTION)
            visit.until_step(2)
            leave(visit)
            assert ended.wait(PATIENCE / 1000)
        assert 2 <= len(passes) < 128
    finally:
        release()


def test_a_screen_reader_hears_the_final_text_once(answered: Visit):
    # Gradio says for a second that something is loading.
    answered.page.wait_for_function("!document.querySelector('.sr-only[role=status]').textContent.trim()")
    heard = answered.page.locator("[aria-live=polite]").all_inner_texts()
    assert [letters(text) for text in heard if text.strip()] == [letters(answered.bubble())]


def test_scrubbing_asks_nothing_of_the_server(answered: Visit):
    visit = answered
    visit.until_quiet()
    asked = len(visit.requests)
    scrub = visit.canvas.locator(".tc-scrub")
    scrub.focus()
    scrub.press("Home")
    assert visit.canvas.locator(".tc-mask").count() == OWN_LENGTH
    scrub.press("ArrowRight")
    assert visit.canvas.locator(".tc-mask").count() == OWN_LENGTH - 2
    visit.canvas.locator("[data-do=last]").click()
    assert visit.canvas.locator(".tc-mask").count() == 0
    visit.canvas.locator("[data-do=play]").click()
    visit.until("playing")
    visit.until("done")
    assert len(visit.requests) == asked


def test_scrubbing_works_while_the_model_decodes(visit: Visit, tiny_pipeline: LladaVPipeline):
    _, release = slow(tiny_pipeline, 0.15)
    try:
        visit.send(QUESTION)
        visit.until_step(4)
        visit.canvas.locator("[data-do=first]").click()
        visit.page.wait_for_function("document.querySelector('#canvas .tc-scrub').max >= 7")
        assert visit.canvas.get_attribute("data-state") == "paused"
        assert visit.canvas.locator(".tc-mask").count() == OWN_LENGTH
        visit.canvas.locator("[data-do=play]").click()
        visit.until("done")
    finally:
        release()
    assert visit.canvas.locator(".tc-mask").count() == 0


def test_pointing_at_a_token_tells_what_was_weighed(visit: Visit, tiny_pipeline: LladaVPipeline):
    visit.fix_seed()
    visit.ask(QUESTION)
    *_, last = tiny_pipeline.stream([{"role": "user", "content": QUESTION}], PAGES_OWN)
    visit.canvas.locator(".tc-tok").nth(7).hover()
    card = visit.canvas.locator(".tc-card")
    shares = [round(100 * share) for share in last.top_probs[7].tolist()]
    shown = card.locator(".tc-percent").all_inner_texts()
    assert len(shown) == 5
    for text, share in zip(shown, shares, strict=True):
        assert abs(int(text.strip("<%")) - share) <= 2
    facts = card.inner_text()
    assert f"id {last.tokens[7].item()}" in facts
    assert "position 7" in facts
    assert f"confidence {100 * last.confidence[7].item():.0f}%" in facts


def test_tokens_are_reached_by_keyboard(answered: Visit):
    answered.canvas.locator(".tc-tok").first.focus()
    answered.page.keyboard.press("ArrowRight")
    answered.page.keyboard.press("ArrowDown")
    assert answered.page.evaluate("document.activeElement.dataset.position") == "9"
    assert "position 9" in answered.canvas.locator(".tc-card").inner_text()


def test_order_of_reveal(answered: Visit):
    answered.canvas.get_by_text("Unmasking order").click()
    orders = [int(text) for text in answered.canvas.locator(".tc-order").all_inner_texts()]
    assert sorted(orders) == sorted([*range(1, PAGES_OWN.steps + 1)] * 2)


def test_markup_is_shown_as_text(visit: Visit):
    text = "<img src=x onerror=alert(1)> <b>b</b> **bold** $x^2$ $$y$$ `code` ${1+1} {{value}}"
    visit.ask(text)
    assert visit.page.locator("#conversation .message.user .message-content").inner_text().strip() == text
    assert visit.page.locator("#conversation .message img, #conversation .message b").count() == 0


def test_a_refusal_is_a_notice_and_keeps_what_was_typed_and_attached(visit: Visit, picture: Path, tmp_path: Path):
    visit.ask("Hello")
    before = visit.conversation()
    (tmp_path / "note.png").write_text("This is no picture.")
    visit.upload(picture, tmp_path / "note.png")
    visit.send(QUESTION)
    visit.page.locator("#notice").get_by_text("note.png: This is not a picture that can be read").wait_for()
    assert visit.page.locator("#question textarea").input_value() == QUESTION
    assert visit.page.locator("#question .thumbnail-item").count() == 2
    assert visit.conversation() == before
    visit.page.locator("#question .thumbnail-item button").last.click()
    assert visit.ask(QUESTION)
    assert not visit.page.locator("#notice .no").is_visible()
    visit.send("word " * 780)
    visit.page.locator("#notice").get_by_text("must fit into 512 tokens").wait_for()
    assert visit.page.locator("#question textarea").input_value().startswith("word ")
    assert visit.ask("Still there?")


def test_settings_snap_and_say_so(visit: Visit):
    visit.show_settings()
    visit.set_number("block_length", 10)
    visit.page.get_by_text("Block length moved to 8").wait_for()
    assert (visit.number("block_length"), visit.number("steps")) == (8, 8)
    visit.page.locator("#preset label", has_text="Quality").click()
    visit.page.get_by_text("16 forward passes of 1 token each").wait_for()
    visit.ask(QUESTION)
    visit.page.locator("#cost").get_by_text("about").wait_for()
    assert visit.canvas.locator("[data-out=nfe]").inner_text() == "16"


def test_retry_and_new_chat(visit: Visit):
    visit.ask(QUESTION)
    visit.through(visit.page.locator("#retry").click)
    assert visit.conversation().count(QUESTION) == 1
    visit.page.locator("#new-chat").click()
    visit.page.locator("#canvas .tc[data-state=idle]").wait_for()
    assert visit.page.locator("#conversation .message").count() == 0


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_reduced_motion_shows_steps_as_they_come(
    open_page: Callable[..., Visit], url: str, tiny_pipeline: LladaVPipeline, motion: str
):
    visit = open_page(url, reduced_motion=motion)
    visit.still.evaluate("style => style.remove()")
    moving = "document.querySelector('#canvas .tc').getAnimations({subtree: true}).length"
    with held(tiny_pipeline, steps=4) as (gate, _):
        visit.send(QUESTION)
        visit.until_step(4)
        assert (visit.page.evaluate(moving) > 0) == (motion == "no-preference")
        gate.set()
        visit.until("done")
    assert visit.page.evaluate(moving) == 0 or motion == "no-preference"


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_nothing_sticks_out(open_page: Callable[..., Visit], url: str, width: int, scheme: str):
    visit = open_page(url, width=width, color_scheme=scheme)
    visit.ask("A long question " * 8)
    visit.nothing_sticks_out()
    assert ("dark" in visit.page.evaluate("document.body.className")) == (scheme == "dark")


def test_the_embedded_model_names_what_it_sees(open_page: Callable[..., Visit], embedded: str):
    visit = open_page(embedded)
    visit.through(visit.page.locator("#conversation .example", has_text="What is this?").first.click)
    assert "frog" in visit.bubble().lower()
    assert visit.ask("Where is it?")
