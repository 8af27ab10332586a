"""What a link to the page sets."""

import base64
import json
import re
import zlib
from dataclasses import asdict

import gradio as gr
import pytest
from helpers import by_name

from lladav import LladaVPipeline, SamplingConfig
from lladav.sampling import METHODS
from lladav.ui.capabilities import Capabilities
from lladav.ui.limits import LIMITS
from lladav.ui.settings.knobs import Decoding
from lladav.ui.settings.panel import SettingsPanel
from lladav.ui.settings.snapping import own
from lladav.ui.share import LONGEST_LINK, packed, read_number, restored, unpacked


def packed_text(text: str) -> str:
    return base64.urlsafe_b64encode(zlib.compress(text.encode())).decode()


@pytest.fixture(scope="module")
def panel(tiny_pipeline: LladaVPipeline) -> SettingsPanel:
    with gr.Blocks():
        return SettingsPanel(Capabilities.of(tiny_pipeline), None, prefix="a-")


def values_of(panel: SettingsPanel, query: dict[str, str]) -> dict[str, object]:
    """By name, what a link makes of each part of a panel."""
    updates = restored(panel, {f"a-{name}": text for name, text in query.items()})
    return by_name(panel, updates)


def test_every_setting_is_in_the_link(panel: SettingsPanel):
    assert set(panel.linked.values()) == set(panel.components)


def test_a_link_sets_the_settings_it_names(panel: SettingsPanel):
    given = {
        "gen_length": "64", "block_length": "16", "steps": "32", "refresh_interval": "8",
        "method": "klass", "threshold": "0.8", "kl_steps": "3",
        "temperature": "0.5", "cfg_scale": "1.5", "seed": "12", "thinking": "No think",
    }  # fmt: skip
    assert values_of(panel, given) == {
        "gen_length": 64, "block_length": 16, "steps": 32, "refresh_interval": 8,
        "method": Decoding("klass", {"threshold": 0.8, "kl_threshold": 0.01, "kl_steps": 3}, fitted=False).written(),
        "temperature": 0.5, "cfg_scale": 1.5, "seed": 12, "thinking": "No think",
        "preset": None, "note": "",
    }  # fmt: skip


def test_a_link_that_names_none_changes_nothing(panel: SettingsPanel):
    assert restored(panel, {"steps": "8", "b-steps": "8", "__theme": "dark", "tab": "chat"}) == {}


def test_what_a_link_leaves_open_fits_what_it_names(panel: SettingsPanel):
    values = values_of(panel, {"gen_length": "64"})
    assert (values["gen_length"], values["block_length"], values["steps"]) == (64, 64, 32)
    assert (values["preset"], values["note"]) == ("Balanced", "")


@pytest.mark.parametrize(
    ("query", "setting", "value", "said"),
    [
        ({"steps": "many"}, "steps", 8, "Denoising steps in the link was left out: it has to be a number."),
        ({"steps": "nan"}, "steps", 8, "it has to be a number"),
        ({"steps": "-inf"}, "steps", 8, "it has to be a number"),
        ({"steps": "1e9"}, "steps", 16, "Denoising steps moved to 256: it goes from 1 to 256."),
        ({"block_length": "20"}, "block_length", 16, "Block length moved to 16"),
        ({"temperature": "9"}, "temperature", 2, "Temperature moved to 2"),
        ({"seed": "-5"}, "seed", -1, "Seed moved to -1"),
        (
            {"method": "<b>"},
            "preset",
            "Balanced",
            "Decoding method in the link was left out: it has to be one of exact",
        ),
        ({"method": "wino", "threshold": "x"}, "preset", "Balanced", "left out: its settings have to be numbers."),
        ({"method": "wino", "refresh_interval": "4"}, "refresh_interval", 1, "WINO runs without this cache"),
        ({"method": "klass", "kl_steps": "0"}, "steps", 16, "kl_steps must be a positive whole number, got 0"),
    ],
)
def test_what_cannot_be_is_moved_or_left_out_with_a_sentence(
    panel: SettingsPanel, query: dict, setting: str, value: object, said: str
):
    values = values_of(panel, query)
    assert values[setting] == value
    assert said in str(values["note"])


def test_sentences_do_not_repeat_what_a_link_says(panel: SettingsPanel):
    evil = "![x](http://example.org/x.png)<img src=x>"
    assert "example" not in str(values_of(panel, dict.fromkeys(panel.linked, evil))["note"])


@pytest.mark.parametrize("name", METHODS)
def test_a_link_carries_every_number_of_a_method(panel: SettingsPanel, name: str):
    """As static/share.js writes it."""
    knobs = own(name, 32).knobs
    query = {knob: str(value).strip("[]").replace(" ", "") for knob, value in knobs.items()} | {"method": name}
    written = values_of(panel, query | {"gen_length": "32"})["method"]
    assert json.loads(written) == json.loads(Decoding(name, knobs).written())


def test_a_tab_may_add_a_part_of_its_own(tiny_pipeline: LladaVPipeline):
    with gr.Blocks():
        panel = SettingsPanel(Capabilities.of(tiny_pipeline), None, prefix="b-")
        panel.linked["model"] = gr.Radio(["one", "other"])
    assert restored(panel, {"b-model": "other"})[panel.linked["model"]] == "other"


def test_whole_numbers_stay_whole(panel: SettingsPanel):
    value, note = read_number(panel.gen_length, "32.4")
    assert (value, type(value), note) == (32, int, "")


def test_a_run_travels_in_a_link(tiny_pipeline: LladaVPipeline):
    config = SamplingConfig(gen_length=8, block_length=8, steps=8, seed=0)
    trace = tiny_pipeline([{"role": "user", "content": "What is this?"}], config).trace
    text = packed(trace)
    assert re.fullmatch(r"[\w-]+", text)
    assert unpacked(text) == trace


@pytest.mark.parametrize(
    "text", ["", "?!", "AAAA", "x" * (LONGEST_LINK + 1), None, 7, packed_text("{}"), packed_text("[" * 10_000)]
)
def test_what_is_no_run_in_a_link_is_refused(text: object):
    with pytest.raises(ValueError):
        unpacked(text)


def test_a_run_in_a_link_has_the_bounds_of_one_in_a_file(tiny_pipeline: LladaVPipeline):
    config = SamplingConfig(gen_length=8, block_length=8, steps=8, seed=0)
    data = asdict(tiny_pipeline([{"role": "user", "content": "What is this?"}], config).trace)
    data["steps"] = data["steps"][:1] * (LIMITS.trace_steps + 1)
    with pytest.raises(ValueError, match=f"it has {LIMITS.trace_steps + 1} steps, more than"):
        unpacked(packed_text(json.dumps(data)))


def test_a_link_that_unfolds_without_end_is_refused_early():
    text = base64.urlsafe_b64encode(zlib.compress(b" " * (LIMITS.trace_bytes + 1), 9)).decode()
    assert len(text) < LONGEST_LINK
    with pytest.raises(ValueError, match="longer than any run"):
        unpacked(text)
