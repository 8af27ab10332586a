"""The settings of a run as a panel: its layout, how its parts follow each other, and what they stand for."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lladav.sampling import REMASKING, SamplingConfig
from lladav.ui.capabilities import Capabilities
from lladav.ui.components import QUICK, Data, Updates
from lladav.ui.settings import latency, snapping
from lladav.ui.settings.latency import Latency
from lladav.ui.settings.snapping import EXACT, NEVER_SURE, PRESETS, Plan

ANY_SEED = -1
LARGEST_SEED = 2**53 - 1  # the largest that a browser tells from its neighbours
SEEDS = 1_000_000  # few enough that one can be noted down
PLANNED = ("gen_length", "block_length", "steps", "refresh_interval", "threshold")  # what a `Plan` fits
LINKED = (*PLANNED, "temperature", "cfg_scale", "remasking", "seed", "thinking")  # what a link carries
THINKING = {"Auto": None, "Think": True, "No think": False}
UNPLANNED: dict[str, Any] = {"temperature": 0, "cfg_scale": 0, "remasking": REMASKING[0], "seed": 0, "thinking": "Auto"}


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
        outputs: the components that `fitted` and `apply` update.
        linked: by name, the parts whose values a link to the page carries; a tab may add parts of its own.
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
        self.start = snapping.preset(capabilities.preset, min(capabilities.gen_length, self.longest))
        self.values = UNPLANNED | {"seed": ANY_SEED} | vars(self.start) | dict(values or {})
        self.latency = gr.State(measured)
        plan = self._plan(self.values)
        with gr.Group(elem_id=self._id("settings"), elem_classes="settings"):
            self._presets(plan, capabilities.can_think)
            self.cost = gr.Markdown(
                latency.in_words(plan, self.values["cfg_scale"], measured),
                elem_id=self._id("cost"), elem_classes="settings-cost",
            )  # fmt: skip
            self.note = gr.Markdown(elem_id=self._id("note"), elem_classes="settings-note", visible=False)
            with gr.Accordion("Settings", open=False, elem_id=self._id("more-settings"), elem_classes="settings"):
                self._sliders()
                self._choices()
        self.linked = {name: getattr(self, name) for name in LINKED}
        self.components = set(self.linked.values())
        self.outputs = {self.preset, self.note, *self.components}

    # ---- layout --------------------------------------------------------------------------------

    def _presets(self, plan: Plan, can_think: bool) -> None:
        with gr.Row(elem_classes="settings-row"):
            name = snapping.preset_of(plan)
            self.preset = gr.Radio(
                list(PRESETS), value=name, label="Preset", elem_id=self._id("preset"), min_width=240,
                info=PRESETS[name].words if name else snapping.OWN_WORDS,
            )  # fmt: skip
            self.gen_length = self._slider("Max new tokens", "gen_length", 1, self.longest, "masks to begin with")
            self.thinking = gr.Radio(
                list(THINKING), value=self.values["thinking"], label="Reasoning", elem_id=self._id("thinking"),
                min_width=200, info="ask for it, or for none", visible=can_think,
            )  # fmt: skip

    def _sliders(self) -> None:
        with gr.Row():
            self.block_length = self._slider(
                "Block length", "block_length", 1, self.longest, "finished from left to right"
            )
            self.steps = self._slider("Denoising steps", "steps", 1, self.longest, "forward passes at most, in all")
        with gr.Row():
            self.refresh_interval = self._slider(
                "Cache refresh interval", "refresh_interval", EXACT, snapping.SLOWEST_REFRESH,
                "steps from one look at picture and question to the next; 1: no cache",
            )  # fmt: skip
            self.threshold = self._slider(
                "Confidence threshold", "threshold", snapping.LOWEST_THRESHOLD, NEVER_SURE,
                "commit at once all above it; 1: off", 0.01,
            )  # fmt: skip
        with gr.Row():
            self.temperature = self._slider("Temperature", "temperature", 0, 2, "0: always the most probable", 0.05)
            self.cfg_scale = self._slider("CFG scale", "cfg_scale", 0, 4, "0: off; more: closer to the prompt", 0.1)

    def _choices(self) -> None:
        with gr.Row():
            self.remasking = gr.Radio(
                list(REMASKING), value=self.values["remasking"], label="Remasking strategy",
                elem_id=self._id("remasking"), info="which proposals of a step are kept",
            )  # fmt: skip
            self.seed = gr.Number(
                value=self.values["seed"], minimum=ANY_SEED, maximum=LARGEST_SEED, precision=0, label="Seed",
                elem_id=self._id("seed"),
                info=f"{ANY_SEED}: a new one each time; matters with temperature or random remasking",
            )  # fmt: skip

    def _slider(self, label: str, name: str, low: float, high: float, info: str, step: float = 1) -> gr.Slider:
        value = self.values[name]
        return gr.Slider(
            low, high, value=value, step=step, label=label, info=info, elem_id=self._id(name), min_width=150
        )

    def _id(self, name: str) -> str:
        return self.prefix + name

    # ---- settings ------------------------------------------------------------------------------

    def read(self, data: Data) -> Settings:
        """The settings that the values of `components`, in `data`, stand for."""
        values = self._values(data)
        plan = self._plan(values)
        seed = values["seed"]
        config = SamplingConfig(
            gen_length=plan.gen_length, block_length=plan.block_length, steps=plan.steps,
            temperature=values["temperature"], cfg_scale=values["cfg_scale"], remasking=values["remasking"],
            seed=random.randrange(SEEDS) if seed in (None, ANY_SEED) else int(seed),
            refresh_interval=None if plan.refresh_interval == EXACT else plan.refresh_interval,
            threshold=None if plan.threshold == NEVER_SURE else plan.threshold,
        )  # fmt: skip
        return Settings(config, THINKING[values["thinking"]], plan.note)

    def _values(self, data: Data) -> dict[str, Any]:
        return {name: data[component] for name, component in self.linked.items() if name in LINKED}

    def _plan(self, values: Mapping[str, Any]) -> Plan:
        sizes = values["gen_length"], values["block_length"], values["steps"]
        speed = values["refresh_interval"], values["threshold"], values["remasking"]
        return snapping.snap(*sizes, self.longest, *speed)

    def fitted(self, settings: Settings) -> Updates:
        """Updates that show the settings a run has, and why they are not those that were asked for."""
        config = settings.config
        plan = Plan(
            config.gen_length, config.block_length, config.steps,
            config.refresh_interval or EXACT, config.threshold or NEVER_SURE, settings.note,
        )  # fmt: skip
        return self._shown(plan)

    def of_config(self, config: SamplingConfig) -> Updates:
        """Updates that set every part to what a run had, so that the next one has the same."""
        own = {name: getattr(config, name) for name in UNPLANNED if name != "thinking"}
        plan = Plan(
            config.gen_length, config.block_length, config.steps,
            config.refresh_interval or EXACT, config.threshold or NEVER_SURE,
        )  # fmt: skip
        seed = ANY_SEED if config.seed is None else config.seed
        return {self.linked[name]: value for name, value in (own | {"seed": seed}).items()} | self._shown(plan)

    def _shown(self, plan: Plan) -> Updates:
        name = snapping.preset_of(plan)
        words = PRESETS[name].words if name else snapping.OWN_WORDS
        planned = {self.linked[part]: getattr(plan, part) for part in PLANNED}
        return planned | {
            self.preset: gr.update(value=name, info=words),
            self.note: gr.update(value=plan.note, visible=bool(plan.note)),
        }

    # ---- events --------------------------------------------------------------------------------

    def wire(self) -> None:
        """Let the settings follow each other, and the cost of a run follow the settings."""
        settled = [self.preset, self.note, *(self.linked[name] for name in PLANNED)]
        inputs = {self.preset, *self.components}
        self.preset.input(self.use_preset, inputs, settled, **QUICK)
        self.gen_length.release(self.use_length, inputs, settled, **QUICK)
        releases = [self.linked[name].release for name in PLANNED[1:]]
        gr.on([*releases, self.remasking.input], self.settle, inputs, settled, **QUICK)
        changes = [part.change for part in (*(self.linked[name] for name in PLANNED), self.cfg_scale)]
        costing = {self.latency, *self.components}
        gr.on(changes, self.describe_cost, costing, self.cost, trigger_mode="always_last", **QUICK)

    def follow(self, run: Any, trace_of: Any) -> None:
        """Learn from the run that an event leaves behind how quickly the machine is.

        Args:
            run: the event.
            trace_of: a state, and a function from its value to the run's `Trace` or None.
        """
        state, get = trace_of

        def learned(data: Data) -> Latency | None:
            return latency.observe(get(data[state]), data[self.latency])

        following = run.success(learned, {state, self.latency}, self.latency, **QUICK)
        following.then(self.describe_cost, {self.latency, *self.components}, self.cost, **QUICK)

    def use_preset(self, data: Data) -> Updates:
        """The settings of the preset that was chosen."""
        length = round(min(max(1, data[self.gen_length]), self.longest))
        plan = vars(snapping.preset(data[self.preset], length))
        return self._shown(self._plan(self._values(data) | plan))

    def use_length(self, data: Data) -> Updates:
        """Another length, under the preset that is on, if one is."""
        return self.settle(data) if data[self.preset] is None else self.use_preset(data)

    def settle(self, data: Data) -> Updates:
        """Move the settings to the nearest ones that fit together."""
        return self._shown(self._plan(self._values(data)))

    def apply(self, values: Mapping[str, Any], note: str = "") -> Updates:
        """Set the parts to these values, by name; those that a `Plan` fits and that are not among them follow the
        first preset.

        Args:
            note: a sentence to show before those about settings that have to move.
        """
        length = round(min(max(1, values.get("gen_length", self.start.gen_length)), self.longest))
        usual = UNPLANNED | {"seed": ANY_SEED} | vars(snapping.preset(self.first_preset, length))
        plan = self._plan(usual | dict(values))
        notes = " ".join(filter(None, [note, plan.note]))
        others = {self.linked[name]: value for name, value in values.items() if name not in PLANNED}
        return others | self._shown(plan) | {self.note: gr.update(value=notes, visible=bool(notes))}

    def describe_cost(self, data: Data) -> str:
        """What a run with these settings will take."""
        values = self._values(data)
        return latency.in_words(self._plan(values), values["cfg_scale"], data[self.latency])
