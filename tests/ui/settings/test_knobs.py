"""The numbers of methods as the page shows them."""

import pytest

from lladav import SamplingConfig
from lladav.sampling import METHODS
from lladav.ui.settings.knobs import KNOBS, Decoding, goes_with, knobs_of, offered_methods


@pytest.mark.parametrize("name", METHODS)
def test_every_number_of_a_method_can_be_turned_and_stands_within_its_slider(name: str):
    method, entry = METHODS[name], offered_methods()[name]
    numbers = {
        setting
        for setting, value in method.settings.items()
        if not isinstance(value, (str, bool)) and setting != "delimiters"
    }
    assert set(knobs_of(name)) == numbers == entry["knobs"].keys()
    assert (entry["equation"], entry["arxiv"]) == (method.equation, method.arxiv)
    for knob in entry["knobs"].values():
        values = knob["value"] if isinstance(knob["value"], list) else [knob["value"]]
        assert all(knob["low"] <= value <= knob["high"] for value in values)


def test_what_a_component_holds_becomes_settings_of_its_method_alone():
    text = '{"method": "prophet", "knobs": {"gap_thresholds": [9, 5.5, 2], "temperature": 9}, "fitted": true}'
    assert Decoding.read(text).settings() == {"gap_thresholds": (9, 5.5, 2)}
    assert Decoding.read(text).written() == text
    with pytest.raises(ValueError, match=r"method must be one of exact, .*, got 'magic'"):
        Decoding.read(text.replace("prophet", "magic"))


def test_ends_of_sliders_are_values_that_the_library_takes():
    for name in METHODS:
        for knob in knobs_of(name):
            for end in (KNOBS[knob].low, KNOBS[knob].high):
                value = (end,) * 3 if knob == "gap_thresholds" else end
                assert getattr(SamplingConfig.method(name, gen_length=256, **{knob: value}), knob) == value


def test_methods_say_what_they_lack():
    assert not goes_with("wino", "refresh_interval") and goes_with("wino", "block_length")
    assert offered_methods()["daedal"]["lacks"] == ["block_length", "refresh_interval"]
    assert offered_methods()["exact"]["lacks"] == []
