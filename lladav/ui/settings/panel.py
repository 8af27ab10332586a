"""The settings of a run as a panel: its layout, how its parts follow each other, and what they stand for."""

import random
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Any

import gradio as gr

from lladav.sampling import SamplingConfig, method_of
from lladav.ui.capabilities import Capabilities
from lladav.ui.components import LATEST, QUICK, Data, Updates, html_component, words_component
from lladav.ui.settings import latency, snapping
from lladav.ui.settings.knobs import Decoding, usual_knobs
from lladav.ui.settings.latency import Latency
from lladav.ui.settings.snapping import EXACT, PRESETS, Plan
from lladav.ui.texts import label

ANY_SEED = -1
LARGEST_SEED = 2**53 - 1  # the largest that a browser tells from its neighbours
SEEDS = 1_000_000  # few enough that one can be noted down
SIZES = ("gen_length", "block_length", "steps", "refresh_interval")
PLANNED = (*SIZES, "method")  # what a `Plan` fits
THINKING = {"Auto": None, "Think": True, "No think": False}
UNPLANNED: dict[str, Any] = {"temperature": 0, "cfg_scale": 0, "seed": 0, "thinking": "Auto"}
LINKED = (*PLANNED, *UNPLANNED)  # what a link carries


@dataclass(frozen=True)
class Settings:
    """What a panel stands for, moved to the nearest settings that fit together.

    Attributes:
        config: with a seed of its own if any will do.
        thinking: whether to ask for reasoning; None leaves it to the model.
        note: a sentence for each setting that had to move.
    """

    config: SamplingConfig
    thinking: bool | None
    note: str


class SettingsPanel:
    """The settings, laid out in the current context. It keeps nothing about a visitor.

    Attributes:
        components: what `read` reads.
        outputs: the components that `fit`, `of_config` and `apply` update.
        linked: by name, the parts whose values a link to the page carries; a tab may add parts of its own. That of
            "method" holds a `Decoding`.
        latency: what the runs of this visitor's session have shown of the machine, or None.

    Args:
        capabilities: of the model that the settings are for.
        measured: how quickly this machine runs it, if that is known.
        prefix: of every `elem_id`, so that several panels can stand on one page.
        values: of settings, where they differ from those of the model's first preset.
    """

    def __init__(
        self,
        capabilities: Capabilities,
        measured: Latency | None,
        prefix: str = "",
        values: Mapping[str, Any] | None = None,
    ):
        self.prefix = prefix
        self.longest = capabilities.longest_answer
        self.first_preset = capabilities.preset
        self.usual_length = min(capabilities.gen_length, self.longest)
        plan = self._plan_of(values or {})
        self.values = UNPLANNED | {"seed": ANY_SEED} | vars(plan) | dict(values or {})
        self.latency = gr.State(measured)
        with gr.Group(elem_id=self._id("settings"), elem_classes="settings"):
            self._presets(plan, capabilities.can_think)
            self.method = html_component(
                "decoding", plan.decoding.written(), {"prefix": self.prefix}, elem_id=self._id("method"),
                label=label("settings.method"), container=False, padding=False,
            )  # fmt: skip
            self.cost = words_component(
                latency.in_words(plan.config(cfg_scale=self.values["cfg_scale"]), measured),
                elem_id=self._id("cost"), elem_classes="settings-cost",
            )  # fmt: skip
            self.note = words_component(elem_id=self._id("note"), elem_classes="settings-note", visible=False)
            with gr.Accordion(
                label("settings.title"), open=False, elem_id=self._id("more-settings"), elem_classes="settings"
            ):
                self._sliders()
        self.linked = {name: getattr(self, name) for name in LINKED}
        self.components = set(self.linked.values())
        self.outputs = {self.preset, self.note, *self.components}

    # ---- layout --------------------------------------------------------------------------------

    def _presets(self, plan: Plan, can_think: bool) -> None:
        with gr.Row(elem_classes="settings-row"):
            name = snapping.preset_of(plan)
            self.preset = gr.Radio(
                [(label(f"settings.{one.lower()}"), one) for one in PRESETS], value=name,
                label=label("settings.preset"), elem_id=self._id("preset"), min_width=240, info=_meaning(name),
            )  # fmt: skip
            self.gen_length = self._slider("gen_length", 1, self.longest)
            self.thinking = gr.Radio(
                [(label(f"settings.{one.lower().replace(' ', '_')}"), one) for one in THINKING],
                value=self.values["thinking"], label=label("settings.thinking"), elem_id=self._id("thinking"),
                min_width=200, info=label("settings.thinking_info"), visible=can_think,
            )  # fmt: skip

    def _sliders(self) -> None:
        with gr.Row():
            self.block_length = self._slider("block_length", 1, self.longest)
            self.steps = self._slider("steps", 1, self.longest)
        with gr.Row():
            self.refresh_interval = self._slider("refresh_interval", EXACT, snapping.SLOWEST_REFRESH)
        with gr.Row():
            self._seed()
            self.temperature = self._slider("temperature", 0, 2, 0.05)
            self.cfg_scale = self._slider("cfg_scale", 0, 4, 0.1)

    def _seed(self) -> None:
        self.seed = gr.Number(
            value=self.values["seed"], minimum=ANY_SEED, maximum=LARGEST_SEED, precision=0,
            label=label("settings.seed"), info=label("settings.seed_info"), elem_id=self._id("seed"), min_width=150,
        )  # fmt: skip

    def _slider(self, name: str, low: float, high: float, step: float = 1) -> gr.Slider:
        return gr.Slider(
            low, high, value=self.values[name], step=step, label=label(f"settings.{name}"),
            info=label(f"settings.{name}_info"), elem_id=self._id(name), min_width=150, elem_classes=f"knob-{name}",
        )  # fmt: skip

    def _id(self, name: str) -> str:
        return self.prefix + name

    # ---- settings ------------------------------------------------------------------------------

    def read(self, data: Data) -> Settings:
        """The settings that the values of `components`, in `data`, stand for.

        Raises:
            ValueError: a number of the decoding method makes no sense.
        """
        values = self._values(data)
        plan, seed = self._plan(values), values["seed"]
        config = plan.config(
            temperature=values["temperature"], cfg_scale=values["cfg_scale"],
            seed=random.randrange(SEEDS) if seed in (None, ANY_SEED) else int(seed),
        )  # fmt: skip
        return Settings(config, THINKING[values["thinking"]], plan.note)

    def _values(self, data: Data) -> dict[str, Any]:
        return {name: data[self.linked[name]] for name in LINKED}

    def _plan(self, values: Mapping[str, Any]) -> Plan:
        """The plan that the parts stand for."""
        decoding = Decoding.read(values["method"])
        return self._snapped(values, decoding.method, decoding.knobs)

    def _snapped(self, sizes: Mapping[str, Any], method: str, knobs: Mapping[str, Any]) -> Plan:
        return snapping.snap(
            sizes["gen_length"], sizes["block_length"], sizes["steps"], self.longest, sizes["refresh_interval"],
            method, knobs,
        )  # fmt: skip

    def _plan_of(self, values: Mapping[str, Any]) -> Plan:
        """The plan of some settings by name, of which "method" is a name; the others are those of the method, or where
        none is named of the first preset."""
        length = self._length(values.get("gen_length", self.usual_length))
        method = values.get("method")
        usual = snapping.own(method, length) if method else snapping.preset(self.first_preset, length)
        knobs = {name: values.get(name, value) for name, value in usual.knobs.items()}
        return self._snapped(vars(usual) | dict(values), usual.method, knobs)

    def _length(self, wanted: float) -> int:
        return round(min(max(1, wanted), self.longest))

    def fitted(self, settings: Settings) -> Updates:
        """Updates that show the settings a run has, and why they are not those that were asked for."""
        plan = self._plan_that_made(settings.config, settings.note)
        return {} if plan is None else self._shown(plan)

    def fit(self, data: Data) -> Updates:
        """Updates that show the settings a run has where they are not those that were asked for. Where they are, only
        the note of an earlier choice is taken away: the rest may have been changed again since the run began."""
        updates = self.settle(data)
        moved = updates.keys() - {self.preset, self.note}
        return updates if moved else {self.note: updates[self.note]}

    def of_config(self, config: SamplingConfig) -> Updates:
        """Updates that set every part to what a run had, so that the next one has the same."""
        own = {"temperature": config.temperature, "cfg_scale": config.cfg_scale}
        seed = ANY_SEED if config.seed is None else config.seed
        parts = {self.linked[name]: value for name, value in (own | {"seed": seed}).items()}
        return parts | self.fitted(Settings(config, None, ""))

    def _plan_that_made(self, config: SamplingConfig, note: str) -> Plan | None:
        """The plan of a run's settings; None where they are of no method."""
        method = method_of(config)
        if method is None:
            return None
        sizes = config.gen_length, config.block_length, config.steps, config.refresh_interval or EXACT
        return Plan(*sizes, method, usual_knobs(method, config), note)

    def _shown(self, plan: Plan) -> Updates:
        name = snapping.preset_of(plan)
        note = " ".join(filter(None, [plan.note, plan.refusal]))
        return {self.linked[part]: getattr(plan, part) for part in SIZES} | {
            self.method: plan.decoding.written(),
            self.preset: gr.update(value=name, info=_meaning(name)),
            self.note: gr.update(value=note, visible=bool(note)),
        }

    # ---- events --------------------------------------------------------------------------------

    def wire(self) -> None:
        """Let the settings follow each other, and the cost of a run follow the settings."""
        triggers = {
            "preset": self.preset.input,
            "method": self.method.choose,
            "length": self.gen_length.release,
            "sizes": partial(gr.on, [self.linked[name].release for name in SIZES[1:]]),
            "knob": self.method.turn,
        }
        panel = self._id("method")
        for choice, rule in self._rules().items():
            script = f"(...values) => lladav.asked('{panel}', '{choice}', values)"
            triggers[choice](self._handler(choice, rule), **self._event(script), **LATEST)
        self.method.again(self.again, **self._event(f"() => lladav.missed('{panel}')"), trigger_mode="multiple")
        changes = [part.change for part in (*(self.linked[name] for name in PLANNED), self.cfg_scale)]
        gr.on(changes, None, js=f"() => window.lladav.stale('{self._id('cost')}')", **QUICK)
        costing = {self.latency, *self.components}
        self.cost.stale(self.describe_cost, costing, self.cost, **QUICK, **LATEST)

    def _rules(self) -> dict[str, Callable[[Data], Updates]]:
        """By which rule the settings follow a choice, by its name."""
        return {
            "preset": self.use_preset,
            "method": self.use_method,
            "length": self.use_length,
            "sizes": self.settle,
            "knob": self.settle,
        }

    def _handler(self, choice: str, rule: Callable[[Data], Updates]) -> Callable[[Data], Updates]:
        """A handler that answers a choice by a rule, whose name it has. What the rule does not move is left out of the
        answer: by the time that it reaches the page, it may have been changed again."""

        @wraps(rule)
        def handler(data: Data) -> Updates:
            updates = rule(data)
            if updates[self.preset]["value"] == data[self.preset]:
                updates[self.preset] = gr.update(info=updates[self.preset]["info"])
            return self._marked(self._moved(data, updates), choice)

        return handler

    def _event(self, script: str) -> dict[str, Any]:
        """Arguments of an event that answers a choice, after a script that says what is sent for it."""
        settled = [self.preset, self.note, *(self.linked[part] for part in PLANNED)]
        return {"inputs": {self.preset, *self.components}, "outputs": settled, "js": script} | QUICK

    def _marked(self, updates: Updates, choice: str, number: int | None = None) -> Updates:
        """An answer that tells the page what it answers, as answers to choices that are made at once come in any order.
        The page notices only a prop that has changed: hence the random part.

        Args:
            number: which of the page's choices it is; None stands for the last one of that name.
        """
        method = {"value": updates[self.method]} if self.method in updates else {}
        return updates | {self.method: gr.update(answered=[choice, number, secrets.token_hex(4)], **method)}

    def follow(self, run: Any, trace_of: Any) -> None:
        """Learn from the run that an event leaves behind how quickly the machine is.

        Args:
            run: the event.
            trace_of: a state, and a function from its value to the run's `Trace` or None.
        """
        state, get = trace_of

        def learned(data: Data) -> Updates:
            seen = latency.observe(get(data[state]), data[self.latency])
            return {self.latency: seen, self.cost: self.describe_cost({**data, self.latency: seen})}

        run.success(learned, {state, self.latency, *self.components}, [self.latency, self.cost], **QUICK)

    def use_preset(self, data: Data) -> Updates:
        """The settings of the preset that was chosen. Where the answer to an earlier choice took it away before this
        one was sent, the settings that are there stay."""
        if data[self.preset] is None:
            return self.settle(data)
        return self._shown(snapping.preset(data[self.preset], self._length(data[self.gen_length])))

    def use_method(self, data: Data) -> Updates:
        """The settings of the method that was chosen, as its paper has them."""
        method = Decoding.read(data[self.method]).method
        return self._shown(self._plan_of({"method": method, "gen_length": data[self.gen_length]}))

    def use_length(self, data: Data) -> Updates:
        """Another length, under the preset that is on, or with the sizes of the method where those were on."""
        if data[self.preset] is not None:
            return self.use_preset(data)
        decoding = Decoding.read(data[self.method])
        if not decoding.fitted:
            return self.settle(data)
        named = {"method": decoding.method, "gen_length": data[self.gen_length]}
        return self._shown(self._plan_of(decoding.knobs | named))

    def settle(self, data: Data) -> Updates:
        """Move the settings to the nearest ones that fit together, and leave those that fit alone."""
        return self._moved(data, self._shown(self._plan(self._values(data))))

    def again(self, event: gr.EventData, data: Data) -> Updates:
        """All that follows from the last of several choices that were made at once, together with the values that were
        sent for it: answers to the others may have come after the one to it. A length that fits is the visitor's alone,
        who may be typing the next one."""
        sent = {self.linked[name]: data[self.linked[name]] for name in PLANNED}
        updates = sent | self._rules()[event.choice](data)
        if updates[self.gen_length] == data[self.gen_length]:
            del updates[self.gen_length]
        return self._marked(updates, "again", event.number)

    def _moved(self, data: Data, updates: Updates) -> Updates:
        """Those of some updates that move a setting, and all that are a `gr.update`."""

        def moves(part: Any, value: Any) -> bool:
            if part is self.method:  # whose text the page writes with other spaces
                return Decoding.read(value) != Decoding.read(data[part])
            return data.get(part) != value

        return {part: value for part, value in updates.items() if moves(part, value)}

    def apply(self, values: Mapping[str, Any], note: str = "") -> Updates:
        """Set the parts to these values, by name: those of `UNPLANNED`, and what `_plan_of` takes.

        Args:
            values: of settings.
            note: a sentence to show before those about settings that have to move.
        """
        plan = self._plan_of(values)
        others = {self.linked[name]: value for name, value in values.items() if name in UNPLANNED}
        return others | self._shown(replace(plan, note=" ".join(filter(None, [note, plan.note]))))

    def describe_cost(self, data: Data) -> str:
        """What a run with these settings will take."""
        try:
            return latency.in_words(self.read(data).config, data[self.latency])
        except ValueError:
            return snapping.NOTHING_RUNS


def _meaning(preset: str | None) -> str:
    """What is said below a preset, or where none is on."""
    return label(f"settings.{preset.lower()}_words" if preset else "settings.own_words")
