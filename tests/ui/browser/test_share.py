"""Settings that travel in a link, in Debian's chromium; skipped where that is missing."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from helpers import Visit

from lladav.ui.texts import said

ANNOUNCED = re.compile(f"{said('share.copied')}|{said('share.by_hand')}")
NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined })"


def settings_of(address: str) -> dict[str, str]:
    return {name: text for name, (text,) in parse_qs(urlsplit(address).query).items()}


def share(visit: Visit) -> dict[str, str]:
    """Put the settings into the address, and read them there, once the button says that it has them."""
    visit.page.locator("#share").click()
    visit.page.locator("#share", has_text=ANNOUNCED).wait_for()
    return settings_of(visit.page.url)


def test_a_link_opens_the_page_as_it_was(open_page: Callable[..., Visit], url: str):
    visit = open_page(url, permissions=["clipboard-read", "clipboard-write"])
    visit.set_number("gen_length", 48)
    visit.show_settings()
    visit.until_number("block_length", 48)
    visit.set_number("block_length", 16)
    visit.page.locator("#preset input:checked").wait_for(state="detached")
    visit.set_number("temperature", 0.5)
    visit.set_number("seed", 11)
    visit.page.locator("#share").click()
    visit.page.get_by_text("Link copied").wait_for()
    link = visit.page.evaluate("navigator.clipboard.readText()")
    assert link == visit.page.url
    settings = settings_of(link)
    assert (settings["tab"], settings["gen_length"], settings["block_length"]) == ("chat", "48", "16")
    assert (settings["temperature"], settings["seed"], settings["refresh_interval"]) == ("0.5", "11", "4")

    other = open_page(link)
    other.until_number("gen_length", 48)
    other.show_settings()
    other.until_number("block_length", 16)
    other.until_number("temperature", 0.5)
    other.until_number("seed", 11)
    other.until_number("refresh_interval", 4)
    assert not other.page.locator("#note").is_visible()


def test_a_link_carries_a_method_with_its_numbers(open_page: Callable[..., Visit], url: str):
    visit = open_page(f"{url}?gen_length=24&method=prophet&gap_thresholds=9,5,2.5")
    visit.page.locator("#gap_thresholds").wait_for()
    visit.page.locator("#gap_thresholds input").last.fill("2")
    visit.page.keyboard.press("Tab")
    visit.until_quiet()
    settings = share(visit)
    assert (settings["method"], settings["gap_thresholds"], settings["gen_length"]) == ("prophet", "9,5,2", "24")
    other = open_page(visit.page.url)
    other.page.locator("#gap_thresholds").wait_for()
    assert [float(box.input_value()) for box in other.page.locator("#gap_thresholds input").all()] == [9, 5, 2]


def test_a_link_opens_its_tab_with_the_settings_of_both_sides(open_page: Callable[..., Visit], url: str):
    visit = open_page(f"{url}?tab=compare&a-steps=8&b-steps=4&b-temperature=0.25", opens="#compare")
    assert visit.page.locator("[role=tab][aria-selected=true]").inner_text() == "Compare"
    visit.show_settings("a-")
    visit.until_number("a-steps", 8)
    visit.show_settings("b-")
    visit.until_number("b-steps", 4)
    settings = share(visit)
    assert (settings["tab"], settings["b-steps"], settings["b-temperature"]) == ("compare", "4", "0.25")
    assert "steps" not in settings


def test_without_a_clipboard_the_link_is_shown_selected(open_page: Callable[..., Visit], url: str):
    visit = open_page(url)
    visit.page.evaluate(NO_CLIPBOARD)
    visit.page.locator("#share").click()
    field = visit.page.locator("#share-link")
    field.wait_for()
    assert field.input_value() == visit.page.url
    assert visit.page.evaluate("getSelection().toString()") == visit.page.url
    assert settings_of(visit.page.url)["steps"] == "8"


def test_a_link_that_asks_for_too_much_is_answered_in_a_sentence(open_page: Callable[..., Visit], url: str):
    visit = open_page(f"{url}?steps=7&gen_length=32&block_length=16&cfg_scale=<img src=x>&seed=3&tab=nowhere")
    visit.page.get_by_text(
        "CFG scale in the link was left out: it has to be a number. Denoising steps moved to 8"
    ).wait_for()
    visit.show_settings()
    visit.until_number("steps", 8)
    assert visit.page.locator("#note img").count() == 0
    assert visit.page.locator("[role=tab][aria-selected=true]").inner_text() == "Chat"
