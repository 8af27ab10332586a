"""What a link to the page sets."""

import gradio as gr
import pytest

from lladav import LladaVPipeline
from lladav.ui.panel import KnobPanel
from lladav.ui.share import read_number, restored


@pytest.fixture(scope="module")
def panel(tiny_pipeline: LladaVPipeline) -> KnobPanel:
    with gr.Blocks():
        return KnobPanel(tiny_pipeline, prefix="a-")


def values_of(panel: KnobPanel, query: dict[str, str]) -> dict[str, object]:
    """By name, what a link makes of each part of a panel."""
    updates = restored(panel, {f"a-{name}": text for name, text in query.items()})
    named = {part: name for name, part in vars(panel).items() if isinstance(part, gr.components.Component)}
    return {named[part]: value["value"] if isinstance(value, dict) else value for part, value in updates.items()}


def test_every_knob_is_in_the_link(panel: KnobPanel):
    assert set(panel.linked.values()) == set(panel.components)


def test_a_link_sets_the_knobs_it_names(panel: KnobPanel):
    given = {
        "length": "64", "block": "16", "steps": "32", "refresh": "8", "threshold": "0.8", "temperature": "0.5",
        "guidance": "1.5", "remasking": "low_confidence", "seed": "12", "thinking": "No think",
    }  # fmt: skip
    assert values_of(panel, given) == {
        "gen_length": 64, "block_length": 16, "steps": 32, "refresh_interval": 8, "threshold": 0.8,
        "temperature": 0.5, "cfg_scale": 1.5, "remasking": "low_confidence", "seed": 12, "thinking": "No think",
        "preset": None, "note": "",
    }  # fmt: skip


def test_a_link_that_names_none_changes_nothing(panel: KnobPanel):
    assert restored(panel, {"steps": "8", "b-steps": "8", "__theme": "dark", "tab": "chat"}) == {}


def test_what_a_link_leaves_open_fits_what_it_names(panel: KnobPanel):
    values = values_of(panel, {"length": "64"})
    assert (values["gen_length"], values["block_length"], values["steps"]) == (64, 64, 32)
    assert (values["preset"], values["note"]) == ("Balanced", "")


@pytest.mark.parametrize(
    ("query", "knob", "value", "said"),
    [
        ({"steps": "many"}, "steps", 16, "Steps in the link was left out: it has to be a number."),
        ({"steps": "nan"}, "steps", 16, "it has to be a number"),
        ({"steps": "-inf"}, "steps", 16, "it has to be a number"),
        ({"steps": "1e9"}, "steps", 32, "Steps moved to 256: it goes from 1 to 256."),
        ({"block": "20"}, "block_length", 16, "Block length moved to 16"),
        ({"temperature": "9"}, "temperature", 2, "Temperature moved to 2"),
        ({"seed": "-5"}, "seed", -1, "Seed moved to -1"),
        ({"remasking": "<b>"}, "preset", "Balanced", "Remasking in the link was left out: it has to be one of low"),
        ({"remasking": "random", "threshold": "0.9"}, "threshold", 1, "Sure above moved to 1"),
    ],
)
def test_what_cannot_be_is_moved_or_left_out_with_a_sentence(
    panel: KnobPanel, query: dict, knob: str, value: object, said: str
):
    values = values_of(panel, query)
    assert values[knob] == value
    assert said in str(values["note"])


def test_sentences_do_not_repeat_what_a_link_says(panel: KnobPanel):
    evil = "![x](http://example.org/x.png)<img src=x>"
    assert "example" not in str(values_of(panel, dict.fromkeys(panel.linked, evil))["note"])


def test_a_tab_may_add_a_part_of_its_own(tiny_pipeline: LladaVPipeline):
    with gr.Blocks():
        panel = KnobPanel(tiny_pipeline, prefix="b-")
        panel.linked["model"] = gr.Radio(["one", "other"])
    assert restored(panel, {"b-model": "other"})[panel.linked["model"]] == "other"


def test_whole_numbers_stay_whole(panel: KnobPanel):
    value, note = read_number(panel.gen_length, "32.4")
    assert (value, type(value), note) == (32, int, "")
