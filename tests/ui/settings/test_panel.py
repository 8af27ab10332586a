"""The settings as a panel: what its parts stand for, and what follows when one of them changes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
from helpers import by_name

from lladav import LladaVPipeline, SamplingConfig
from lladav.sampling import METHODS
from lladav.ui.capabilities import Capabilities
from lladav.ui.settings.knobs import Decoding
from lladav.ui.settings.latency import Latency, in_words, learn
from lladav.ui.settings.panel import ANY_SEED, LARGEST_SEED, LINKED, PLANNED, SEEDS, Settings, SettingsPanel
from lladav.ui.settings.snapping import NOTHING_RUNS, PRESETS, SLOWEST_REFRESH, own, preset
from lladav.ui.texts import label, said


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
    of_its_own = data_of(panel, preset=None, gen_length=12, block_length=32, steps=32, method=turned.written())
    shown = by_name(panel, panel.use_length(of_its_own))
    assert (shown["block_length"], shown["steps"]) == (12, 12)
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
    assert (shown["temperature"], shown["cfg_scale"], shown["seed"], shown["note"]) == (0.5, 1.0, -1, "")
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
    assert by_name(panel, panel.apply({"gen_length": 20, "block_length": 20, "steps": 20}))["note"] == ""


def test_the_cost_of_settings_that_make_no_sense_is_that_nothing_runs(panel: SettingsPanel):
    nonsense = Decoding("klass", {"kl_steps": 0}).written()
    assert panel.describe_cost(data_of(panel, method=nonsense)) == NOTHING_RUNS
    with pytest.raises(ValueError, match="kl_steps must be a positive whole number, got 0"):
        panel.read(data_of(panel, method=nonsense))
    exact = data_of(panel, gen_length=16, block_length=16, steps=16, refresh_interval=1)
    passes = said("said.passes_single", passes=said("said.passes_many", most=16))
    assert panel.describe_cost(exact) == said("said.cost_unknown", passes=passes)


def test_what_follows_a_setting_is_known_at_once_too(panel: SettingsPanel):
    """The words below a preset, a sentence that is there or takes no room, and a cost in seconds."""
    balanced = panel.use_preset(data_of(panel, preset="Balanced", gen_length=32))
    assert balanced[panel.preset]["info"] == label("settings.balanced_words")
    assert (balanced[panel.note]["value"], balanced[panel.note]["visible"]) == ("", False)
    moved = panel.settle(data_of(panel, gen_length=32, block_length=5, steps=99))
    assert moved[panel.preset]["info"] == label("settings.own_words") and moved[panel.note]["visible"] is True
    assert ". Denoising steps moved to" in moved[panel.note]["value"]
    config = panel.read(data_of(panel)).config
    known = Latency(fixed=0.1, per_position=0)
    assert panel.describe_cost(data_of(panel) | {panel.latency: known}) == in_words(config, known)


RANGES = {  # of the sliders, in the units of the settings: least, most, and how far apart two values are
    "gen_length": (1, None, 1),
    "block_length": (1, None, 1),
    "steps": (1, None, 1),
    "refresh_interval": (1, SLOWEST_REFRESH, 1),
    "temperature": (0, 2, 0.05),
    "cfg_scale": (0, 4, 0.1),
}


@pytest.mark.parametrize("prefix", ["", "b-"])
def test_every_part_says_what_it_is_and_takes_what_makes_sense(tiny_pipeline: LladaVPipeline, prefix: str):
    known = Latency(0.01, 0)
    capabilities = replace(Capabilities.of(tiny_pipeline), can_think=bool(prefix))
    with gr.Blocks() as blocks:
        panel = SettingsPanel(capabilities, known, *filter(None, [prefix]))
    for name, (least, most, step) in RANGES.items():
        slider = getattr(panel, name)
        assert (slider.minimum, slider.maximum, slider.step) == (least, most or panel.longest, step), name
        assert slider.elem_classes == [f"knob-{name}"]
    seed = panel.seed
    assert (seed.minimum, seed.maximum, seed.precision, seed.value) == (ANY_SEED, LARGEST_SEED, 0, ANY_SEED)
    for name in (*RANGES, "seed", "thinking"):
        part = getattr(panel, name)
        assert (part.label, part.info) == (label(f"settings.{name}"), label(f"settings.{name}_info")), name
        assert part.min_width >= 150 and part.elem_id == prefix + name
    thinking = [(label("settings.auto"), "Auto"), (label("settings.think"), "Think")]
    assert panel.thinking.choices == [*thinking, (label("settings.no_think"), "No think")]
    assert panel.thinking.visible is capabilities.can_think and panel.thinking.value == "Auto"
    presets = [(label(f"settings.{name.lower()}"), name) for name in PRESETS]
    assert (panel.preset.choices, panel.preset.label) == (presets, label("settings.preset"))
    assert panel.preset.info == label(f"settings.{panel.first_preset.lower()}_words")
    assert panel.preset.value == panel.first_preset
    assert (panel.method.label, panel.latency.value) == (label("settings.method"), known)
    assert panel.cost.value == in_words(preset(panel.first_preset, panel.usual_length).config(), known)
    assert panel.note.visible is False and panel.outputs == panel.components | {panel.preset, panel.note}
    of_page = [block.elem_id for block in blocks.blocks.values() if block.elem_id]
    folded = ["gen_length", "block_length", "steps", "refresh_interval", "seed", "temperature", "cfg_scale"]
    first = ["settings", "preset", folded[0], "thinking", "method", "cost", "note", "more-settings"]
    assert of_page == [prefix + name for name in (*first, *folded[1:])]
    (more,) = (block for block in blocks.blocks.values() if isinstance(block, gr.Accordion))
    assert (more.label, more.open) == (label("settings.title"), False)
    styled = {block.elem_id: block.elem_classes for block in blocks.blocks.values() if block.elem_id}
    assert [styled[prefix + name] for name in ("settings", "more-settings")] == [["settings"], ["settings"]]
    assert [styled[prefix + name] for name in ("cost", "note")] == [["settings-cost"], ["settings-note"]]


def test_settings_follow_each_other_without_a_line_to_wait_in(tiny_pipeline: LladaVPipeline):
    with gr.Blocks() as blocks:
        panel = SettingsPanel(Capabilities.of(tiny_pipeline), None, "b-")
        panel.wire()
        run, trace = gr.Button(), gr.State()
        panel.follow(run.click(lambda: None), (trace, lambda value: value))
    names = {part._id: name for name, part in vars(panel).items() if isinstance(part, gr.components.Component)}
    followed = [fn for fn in blocks.fns.values() if not fn.queue]
    wired = {
        (names[part], event): (fn, {names[one._id] for one in fn.inputs if one._id in names})
        for fn in followed
        for part, event in fn.targets
        if part in names
    }  # fmt: skip
    planned, settled = {"gen_length", "block_length", "steps", "refresh_interval", "method"}, {"preset", "note"}
    handlers = {("preset", "input"): "use_preset", ("method", "choose"): "use_method", ("method", "turn"): "settle"}
    handlers[("gen_length", "release")] = "use_length"
    handlers |= {(name, "release"): "settle" for name in ("block_length", "steps", "refresh_interval")}
    for trigger, handler in handlers.items():
        fn, given = wired[trigger]
        assert fn.name == handler and given == {"preset", *LINKED}, trigger
        assert {names[part._id] for part in fn.outputs} == planned | settled and fn.trigger_mode == "always_last"
    cost, given = wired["cost", "stale"]
    assert cost.name == "describe_cost" and given == {"latency", *LINKED} and cost.trigger_mode == "always_last"
    assert [names[part._id] for part in cost.outputs] == ["cost"]
    script = "() => window.lladav.stale('b-cost')"
    asked_anew = [trigger for trigger, (fn, _) in wired.items() if fn.js == script]
    assert {part for part, event in asked_anew if event == "change"} == planned | {"cfg_scale"}
    learned = followed[-1]
    assert {part._id for part in learned.inputs} == {one._id for one in (trace, panel.latency, *panel.components)}
    assert [part._id for part in learned.outputs] == [panel.latency._id, panel.cost._id]
    assert learned.trigger_only_on_success
    state = Latency(1.0, 0.0)
    config = SamplingConfig(gen_length=8, block_length=8, steps=8)
    finished = tiny_pipeline([{"role": "user", "content": "Hi"}], config).trace
    given = {part: getattr(part, "value", None) for part in panel.components}
    for seen, known in ((None, state), (finished, learn(finished, state))):
        told = learned.fn({**given, trace: seen, panel.latency: state})
        assert told == {panel.latency: known, panel.cost: panel.describe_cost({**given, panel.latency: known})}


def wired(pipe: LladaVPipeline) -> tuple[SettingsPanel, dict[tuple[str, str], Callable]]:
    """A panel, and what its events call, by a part's name and an event's."""
    with gr.Blocks() as blocks:
        panel = SettingsPanel(Capabilities.of(pipe), None)
        panel.wire()
    names = {part._id: name for name, part in vars(panel).items() if isinstance(part, gr.components.Component)}
    return panel, {(names[part], event): fn.fn for fn in blocks.fns.values() for part, event in fn.targets if fn.fn}


def test_an_answer_leaves_alone_what_it_does_not_move_and_says_what_it_answers(tiny_pipeline: LladaVPipeline):
    panel, events = wired(tiny_pipeline)
    as_a_browser_writes_it = Decoding("exact", {}, fitted=False).written().replace(" ", "")
    fitting = data_of(
        panel, gen_length=32, block_length=32, steps=16, refresh_interval=4, method=as_a_browser_writes_it
    )
    choices = {
        ("preset", "input"): "preset", ("gen_length", "release"): "length", ("steps", "release"): "sizes",
        ("block_length", "release"): "sizes", ("refresh_interval", "release"): "sizes", ("method", "turn"): "knob",
    }  # fmt: skip
    for event, choice in choices.items():
        answer = events[event](fitting)
        assert answer.keys() == {panel.preset, panel.note, panel.method}
        assert answer[panel.preset] == gr.update(info=label("settings.balanced_words"))
        assert "value" not in answer[panel.method] and answer[panel.method]["answered"][:2] == [choice, None]
        assert answer[panel.method]["answered"] != events[event](fitting)[panel.method]["answered"]
    chosen = events["method", "choose"](fitting)
    assert chosen[panel.preset]["value"] == "Quality" and chosen[panel.method]["answered"][:2] == ["method", None]


def test_what_is_answered_once_more_is_answered_in_full(tiny_pipeline: LladaVPipeline):
    panel, events = wired(tiny_pipeline)
    data = data_of(panel, preset="Balanced", gen_length=32, block_length=32, steps=16, refresh_interval=4)
    for choice, steps in (("preset", 16), ("length", 16), ("sizes", 16), ("knob", 16), ("method", 32)):
        event = gr.EventData(None, {"choice": choice, "number": 7})
        answer = events["method", "again"](event, data)
        moved = {getattr(panel, name) for name in ("preset", "note", *PLANNED) if name != "gen_length"}
        assert answer.keys() == moved and answer[panel.steps] == steps
        assert answer[panel.preset]["value"] == ("Quality" if choice == "method" else "Balanced")
        assert Decoding.read(answer[panel.method]["value"]).method == "exact"
        assert answer[panel.method]["answered"][:2] == ["again", 7]
        too_long = events["method", "again"](event, data | {panel.gen_length: 10 * panel.longest})
        assert too_long[panel.gen_length] == panel.longest


def test_settings_are_shown_as_a_run_has_them_and_left_alone_where_they_are_so(panel: SettingsPanel):
    """A preset that is chosen while a run begins is not undone."""
    for name in PRESETS:
        assert by_name(panel, panel.fit(data_of(panel, preset=name))) == {"note": ""}
    moved = by_name(panel, panel.fit(data_of(panel, gen_length=32, block_length=24, steps=32)))
    assert (moved["block_length"], moved["preset"]) == (32, None) and "gen_length" not in moved
    assert moved["note"].startswith("Block length moved to 32")
    nonsense = panel.fit(data_of(panel, method=Decoding("klass", {"kl_steps": 0}).written()))
    assert "kl_steps must be a positive whole number, got 0" in by_name(panel, nonsense)["note"]


def test_a_preset_that_an_answer_took_away_before_it_was_sent_leaves_the_settings_as_they_are(panel: SettingsPanel):
    sizes = {"gen_length": 32, "block_length": 32, "steps": 5, "refresh_interval": 4}
    method = Decoding("exact", {}, fitted=False).written()
    assert by_name(panel, panel.use_preset(data_of(panel, preset=None, **sizes, method=method)))["preset"] is None
