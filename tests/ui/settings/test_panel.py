"""The settings as a panel: what its parts stand for, and what follows when one of them changes."""

from typing import Any

import gradio as gr
import pytest
from helpers import by_name

from lladav import LladaVPipeline, SamplingConfig
from lladav.sampling import METHODS
from lladav.ui.capabilities import Capabilities
from lladav.ui.settings.knobs import Decoding
from lladav.ui.settings.panel import SEEDS, Settings, SettingsPanel
from lladav.ui.settings.snapping import NOTHING_RUNS, own, preset
from lladav.ui.texts import said


@pytest.fixture(scope="module")
def panel(tiny_pipeline: LladaVPipeline) -> SettingsPanel:
    with gr.Blocks():
        return SettingsPanel(Capabilities.of(tiny_pipeline), None)


def data_of(panel: SettingsPanel, **changed: Any) -> dict[Any, Any]:
    """The values of a panel that nobody has touched but for these, by name."""
    values = {part: part.value for part in (panel.preset, *panel.components)}
    return values | {getattr(panel, name): value for name, value in changed.items()} | {panel.latency: None}


def test_a_panel_that_nobody_has_touched_is_the_first_preset_with_a_seed_of_its_own(panel: SettingsPanel):
    settings = panel.read(data_of(panel))
    plan = preset(panel.first_preset, panel.usual_length)
    assert settings.config == plan.config(temperature=0, cfg_scale=0, seed=settings.config.seed)
    assert (settings.thinking, settings.note) == (None, "")
    seeds = {panel.read(data_of(panel)).config.seed for _ in range(20)}
    assert len(seeds) > 1 and all(0 <= seed < SEEDS for seed in seeds)
    assert {type(panel.read(data_of(panel, seed=seed)).config.seed) for seed in (None, 3.0)} == {int}
    assert panel.read(data_of(panel, seed=0)).config.seed == 0


@pytest.mark.parametrize(("said_so", "meant"), [("Auto", None), ("Think", True), ("No think", False)])
def test_thinking_is_asked_for_forbidden_or_left_to_the_model(panel: SettingsPanel, said_so: str, meant: bool | None):
    assert panel.read(data_of(panel, thinking=said_so)).thinking is meant


def test_what_is_read_fits_together_and_says_what_had_to_move(panel: SettingsPanel):
    settings = panel.read(data_of(panel, gen_length=32, block_length=24, steps=32, temperature=0.5, cfg_scale=1.5))
    config = settings.config
    assert (config.gen_length, config.block_length, config.steps) == (32, 32, 32)
    assert (config.temperature, config.cfg_scale) == (0.5, 1.5)
    assert settings.note.startswith("Block length moved to 32")
    shown = by_name(panel, panel.fitted(settings))
    assert shown["block_length"] == 32 and shown["note"] == settings.note


def test_settling_moves_what_does_not_fit_and_leaves_the_rest_alone(panel: SettingsPanel):
    """What fits may have been changed again while the page waited for the answer."""
    sizes = {"gen_length": 32, "block_length": 32, "steps": 16, "refresh_interval": 7}
    method = Decoding("exact", {}, fitted=False).written()
    fitting = data_of(panel, **sizes, method=method)
    assert by_name(panel, panel.settle(fitting)) == {"preset": None, "note": ""}
    moved = by_name(panel, panel.settle(fitting | {panel.steps: 99}))
    assert {name: moved[name] for name in moved if name != "note"} == {"preset": None, "steps": 32}
    assert moved["note"].startswith("Denoising steps moved to 32")


def test_a_preset_keeps_the_length_and_a_length_the_preset(panel: SettingsPanel):
    chosen = by_name(panel, panel.use_preset(data_of(panel, preset="Balanced", gen_length=32)))
    assert (chosen["gen_length"], chosen["steps"], chosen["refresh_interval"]) == (32, 16, 4)
    longer = by_name(panel, panel.use_length(data_of(panel, preset="Balanced", gen_length=48)))
    assert (longer["gen_length"], longer["steps"], longer["preset"]) == (48, 24, "Balanced")
    most = by_name(panel, panel.use_length(data_of(panel, preset="Quality", gen_length=10 * panel.longest)))
    assert most["gen_length"] == most["steps"] == panel.longest
    assert by_name(panel, panel.use_length(data_of(panel, preset="Quality", gen_length=0)))["gen_length"] == 1


def test_a_length_goes_with_the_sizes_of_a_method_that_has_them_still(panel: SettingsPanel):
    plan = own("klass", 32)
    turned = Decoding("klass", plan.knobs | {"kl_steps": 3})
    of_its_own = data_of(panel, preset=None, gen_length=16, block_length=32, steps=32, method=turned.written())
    shown = by_name(panel, panel.use_length(of_its_own))
    assert (shown["block_length"], shown["steps"]) == (16, 16)
    assert Decoding.read(shown["method"]).knobs["kl_steps"] == 3
    others = Decoding("klass", plan.knobs, fitted=False)
    sizes = data_of(panel, preset=None, gen_length=16, block_length=8, steps=4, method=others.written())
    assert by_name(panel, panel.use_length(sizes)).keys().isdisjoint({"block_length", "steps"})  # they fit, and stay


@pytest.mark.parametrize("name", METHODS)
def test_a_method_comes_as_its_paper_has_it(panel: SettingsPanel, name: str):
    method = Decoding(name).written()
    shown = by_name(panel, panel.use_method(data_of(panel, gen_length=32, steps=5, method=method)))
    plan = own(name, 32)
    assert (shown["block_length"], shown["steps"], shown["note"]) == (plan.block_length, plan.steps, "")
    assert Decoding.read(shown["method"]) == Decoding(name, plan.knobs)


def test_a_runs_settings_come_back_and_those_of_no_method_but_what_every_run_has(panel: SettingsPanel):
    config = SamplingConfig.method("wino", gen_length=32, temperature=0.5, cfg_scale=1.0, seed=None)
    shown = by_name(panel, panel.of_config(config))
    assert (shown["temperature"], shown["cfg_scale"], shown["seed"]) == (0.5, 1.0, -1)
    assert Decoding.read(shown["method"]).method == "wino" and shown["refresh_interval"] == 1
    unnamed = SamplingConfig(gen_length=32, block_length=32, steps=32, factor=1.0, threshold=None, entropy_bound=None)
    named = by_name(panel, panel.of_config(unnamed))
    assert Decoding.read(named["method"]).method == "factor" and named["seed"] == -1
    nameless = SamplingConfig(gen_length=32, block_length=32, steps=32, remasking="margin", threshold=0.9, seed=4)
    assert by_name(panel, panel.of_config(nameless)) == {"temperature": 0.0, "cfg_scale": 0.0, "seed": 4}
    assert panel.fitted(Settings(nameless, None, "moved")) == {}


def test_values_that_a_panel_begins_with_and_those_it_is_given_later(tiny_pipeline: LladaVPipeline):
    with gr.Blocks():
        panel = SettingsPanel(Capabilities.of(tiny_pipeline), None, "b-", {"steps": 4, "temperature": 1})
    assert (panel.steps.value, panel.temperature.value, panel.preset.value) == (4, 1, None)
    assert panel.steps.elem_id == "b-steps"
    shown = by_name(panel, panel.apply({"gen_length": 20, "block_length": 8, "seed": 5}, note="Look."))
    assert shown["seed"] == 5 and shown["gen_length"] == 20 and "temperature" not in shown
    assert shown["note"].startswith("Look. Block length moved to 10")


def test_the_cost_of_settings_that_make_no_sense_is_that_nothing_runs(panel: SettingsPanel):
    nonsense = Decoding("klass", {"kl_steps": 0}).written()
    assert panel.describe_cost(data_of(panel, method=nonsense)) == NOTHING_RUNS
    with pytest.raises(ValueError, match="kl_steps must be a positive whole number, got 0"):
        panel.read(data_of(panel, method=nonsense))
    exact = data_of(panel, gen_length=16, block_length=16, steps=16, refresh_interval=1)
    passes = said("said.passes_single", passes=said("said.passes_many", most=16))
    assert panel.describe_cost(exact) == said("said.cost_unknown", passes=passes)
