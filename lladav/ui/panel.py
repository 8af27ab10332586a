"""The knobs of a run as a panel: its layout, how its parts follow each other, and the settings it stands for."""

import random
from typing import Any

import gradio as gr

from lladav.pipeline import LladaVPipeline
from lladav.sampling import REMASKING, SamplingConfig
from lladav.trace import Trace
from lladav.ui import about, knobs, pace

LONGEST_ANSWER = 512
FIRST_LENGTH = 32  # tokens of an answer until the visitor chooses
SHORT_BLOCK = 8  # tokens in which a model of scenes says its first words early; the published one wants one block
ANY_SEED = -1
LARGEST_SEED = 2**53 - 1  # the largest that a browser tells from its neighbours
SEEDS = 1_000_000  # few enough that one can be noted down
PLANNED = ("gen_length", "block_length", "steps", "refresh_interval", "threshold")  # the knobs that a `Plan` fits
LINKED = {  # what the knobs are called in a link
    "length": "gen_length", "block": "block_length", "steps": "steps", "refresh": "refresh_interval",
    "threshold": "threshold", "temperature": "temperature", "guidance": "cfg_scale", "remasking": "remasking",
    "seed": "seed", "thinking": "thinking",
}  # fmt: skip
THINKING = {"Auto": None, "Think": True, "No think": False}
QUICK: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}

Updates = dict[Any, Any]


def longest_answer(pipe: LladaVPipeline) -> int:
    """The most tokens that this page lets an answer have."""
    return min(LONGEST_ANSWER, pipe.max_length // 2)


def usual_block(pipe: LladaVPipeline) -> int | None:
    """The block length that the presets use; None for one block, however long the answer."""
    return SHORT_BLOCK if about.abilities(pipe) else None


def first_preset(pipe: LladaVPipeline) -> str:
    """The preset that a page for this model opens with: a model of scenes is quick enough to skip nothing."""
    return "Faithful" if about.abilities(pipe) else "Balanced"


def first_plan(pipe: LladaVPipeline) -> knobs.Plan:
    """The sizes that a page for this model opens with."""
    return knobs.preset(first_preset(pipe), min(FIRST_LENGTH, longest_answer(pipe)), usual_block(pipe))


class KnobPanel:
    """The knobs, laid out in the current context. It keeps nothing about a visitor.

    Attributes:
        components: the knobs, in the order in which `config` takes their values.
        outputs: the components that `fitted` updates.
        linked: by name, the parts whose values a link to the page carries; a tab may add parts of its own.
        pace: what the runs of this visitor's session have shown of the machine's pace, or None.

    Args:
        pipe: the model that the settings are for.
        prefix: of every `elem_id`, so that two panels can stand on one page.
    """

    def __init__(self, pipe: LladaVPipeline, prefix: str = ""):
        self.prefix = prefix
        self.longest = longest_answer(pipe)
        self.usual_block = usual_block(pipe)
        self.start = first_plan(pipe)
        self.first_preset = first_preset(pipe)
        self.pace = gr.State(pace.first_pace(pipe))
        with gr.Group(elem_id=self._id("knobs"), elem_classes="knobs"):
            self._main_knobs(about.can_think(pipe))
        with gr.Accordion("More knobs", open=False, elem_id=self._id("more-knobs"), elem_classes="knobs"):
            self._more_knobs()
        self.planned: list[gr.Slider] = [getattr(self, name) for name in PLANNED]
        self.components = [
            self.gen_length, self.block_length, self.steps, self.temperature, self.cfg_scale, self.remasking,
            self.seed, self.thinking, self.refresh_interval, self.threshold,
        ]  # fmt: skip
        self.outputs = [*self.planned, self.note]
        self.linked = {name: getattr(self, knob) for name, knob in LINKED.items()}

    # ---- layout --------------------------------------------------------------------------------

    def _main_knobs(self, can_think: bool) -> None:
        start, longest = self.start, self.longest
        with gr.Row():
            self.preset = gr.Radio(
                list(knobs.PRESETS), value=self.first_preset, label="Preset", elem_id=self._id("preset"), min_width=240,
                info=knobs.PRESETS[self.first_preset].words,
            )  # fmt: skip
            self.thinking = gr.Radio(
                list(THINKING), value="Auto", label="Reasoning", elem_id=self._id("thinking"), min_width=200,
                info="ask for it, or for none", visible=can_think,
            )  # fmt: skip
        with gr.Row():
            self.gen_length = self._slider("Answer length", "gen_length", 1, longest, start.gen_length, "masks to fill")
            self.block_length = self._slider(
                "Block length", "block_length", 1, longest, start.block_length, "left to right"
            )
            self.steps = self._slider("Steps", "steps", 1, longest, start.steps, "at most, in all")
        self.note = gr.Markdown(elem_id=self._id("note"), elem_classes="knob-note", visible=False)
        cost = pace.in_words(start, 0, self.pace.value)
        self.cost = gr.Markdown(cost, elem_id=self._id("cost"), elem_classes="knob-cost")

    def _more_knobs(self) -> None:
        with gr.Row():
            self.refresh_interval = self._slider(
                "Look again every", "refresh_interval", knobs.EXACT, knobs.SLOWEST_REFRESH,
                self.start.refresh_interval, "steps, at picture and question; 1: each",
            )  # fmt: skip
            self.threshold = self._slider(
                "Sure above", "threshold", knobs.LOWEST_THRESHOLD, knobs.NEVER_SURE, self.start.threshold,
                "commits at once all above it; 1: off", 0.01,
            )  # fmt: skip
        with gr.Row():
            self.temperature = self._slider("Temperature", "temperature", 0, 2, 0, "0: always the most probable", 0.05)
            self.cfg_scale = self._slider("Guidance", "cfg_scale", 0, 4, 0, "0: off; more: closer to the prompt", 0.1)
        with gr.Row():
            self.remasking = gr.Radio(
                list(REMASKING), value=REMASKING[0], label="Remasking", elem_id=self._id("remasking"),
                info="which proposals are kept in a step",
            )  # fmt: skip
            self.seed = gr.Number(
                value=ANY_SEED, minimum=ANY_SEED, maximum=LARGEST_SEED, precision=0, label="Seed",
                elem_id=self._id("seed"),
                info=f"{ANY_SEED}: a new one each time; matters with temperature or random remasking",
            )  # fmt: skip

    def _slider(
        self, label: str, name: str, low: float, high: float, value: float, info: str, step: float = 1
    ) -> gr.Slider:
        return gr.Slider(
            low, high, value=value, step=step, label=label, info=info, elem_id=self._id(name), min_width=150
        )

    def _id(self, name: str) -> str:
        return self.prefix + name

    # ---- settings ------------------------------------------------------------------------------

    def config(
        self, length: float, block: float, steps: float, temperature: float, cfg_scale: float, remasking: str,
        seed: float | None, thinking: str, refresh_interval: float, threshold: float,
    ) -> tuple[SamplingConfig, bool | None, str]:  # fmt: skip
        """The settings that the values of `components` stand for, moved to the nearest that fit together.

        Returns:
            The settings, with a seed of their own if any will do; whether to ask for reasoning; and a sentence for
            each knob that has to move.
        """
        plan = knobs.snap(length, block, steps, self.longest, refresh_interval, threshold, remasking)
        config = SamplingConfig(
            gen_length=plan.gen_length, block_length=plan.block_length, steps=plan.steps,
            temperature=temperature, cfg_scale=cfg_scale, remasking=remasking,
            seed=random.randrange(SEEDS) if seed in (None, ANY_SEED) else int(seed),
            refresh_interval=None if plan.refresh_interval == knobs.EXACT else plan.refresh_interval,
            threshold=None if plan.threshold == knobs.NEVER_SURE else plan.threshold,
        )  # fmt: skip
        return config, THINKING[thinking], plan.note

    def fitted(self, config: SamplingConfig, note: str) -> Updates:
        """Updates that show the settings a run has, and why they are not those that were asked for."""
        return {
            self.gen_length: config.gen_length,
            self.block_length: config.block_length,
            self.steps: config.steps,
            self.refresh_interval: config.refresh_interval or knobs.EXACT,
            self.threshold: knobs.NEVER_SURE if config.threshold is None else config.threshold,
            self.note: gr.update(value=note, visible=bool(note)),
        }

    # ---- events --------------------------------------------------------------------------------

    def wire(self) -> None:
        """Let the knobs follow each other, and the cost of a run follow the knobs."""
        settled = [self.preset, *self.outputs]
        deciding = [*self.planned, self.remasking]
        self.preset.input(self.use_preset, [self.preset, self.gen_length, self.remasking], settled, **QUICK)
        self.gen_length.release(self.use_length, [self.preset, *deciding], settled, **QUICK)
        releases = [knob.release for knob in self.planned[1:]]
        gr.on([*releases, self.remasking.input], self.settle, deciding, settled, **QUICK)
        changes = [knob.change for knob in (*self.planned, self.cfg_scale)]
        gr.on(changes, self.describe_cost, self._costing(), self.cost, trigger_mode="always_last", **QUICK)

    def _costing(self) -> list[Any]:
        """The components whose values `describe_cost` takes."""
        return [*self.planned, self.cfg_scale, self.pace]

    def follow(self, run: Any, trace: gr.State) -> None:
        """Learn the pace from the trace that a run leaves behind.

        Args:
            run: the event of the run.
            trace: where the run has left its `Trace`.
        """
        learned = run.success(self.learn, [trace, self.pace], self.pace, **QUICK)
        learned.then(self.describe_cost, self._costing(), self.cost, **QUICK)

    def learn(self, trace: Trace | None, known: pace.Pace | None) -> pace.Pace | None:
        """The pace after a run, unless it was broken off or had nothing to fill in."""
        return pace.learn(trace, known) if trace and trace.steps and trace.finish_reason else known

    def use_preset(self, name: str, gen_length: float, remasking: str) -> Updates:
        """The settings of a preset."""
        length = knobs.snap(gen_length, gen_length, gen_length, self.longest).gen_length
        plan = knobs.preset(name, length, self.usual_block)
        return self.settle(gen_length, plan.block_length, plan.steps, plan.refresh_interval, plan.threshold, remasking)

    def use_length(self, name: str | None, gen_length: float, *others: Any) -> Updates:
        """Another answer length, under the preset that is on, if one is."""
        if name is not None:
            return self.use_preset(name, gen_length, others[-1])
        return self.settle(gen_length, *others)

    def settle(
        self, gen_length: float, block: float, steps: float, refresh_interval: float, threshold: float, remasking: str
    ) -> Updates:
        """Move the knobs to the nearest settings that fit together."""
        plan = knobs.snap(gen_length, block, steps, self.longest, refresh_interval, threshold, remasking)
        name = knobs.preset_of(plan, self.usual_block)
        words = knobs.PRESETS[name].words if name else knobs.OWN_WORDS
        return {
            self.preset: gr.update(value=name, info=words),
            self.gen_length: plan.gen_length,
            self.block_length: plan.block_length,
            self.steps: plan.steps,
            self.refresh_interval: plan.refresh_interval,
            self.threshold: plan.threshold,
            self.note: gr.update(value=plan.note, visible=bool(plan.note)),
        }

    def set_to(self, values: Updates, note: str) -> Updates:
        """Set knobs to these values; those that a `Plan` fits and that are not among them follow the first preset.

        Args:
            note: a sentence to show before those about knobs that have to move.
        """
        length = values.get(self.gen_length, self.start.gen_length)
        usual = vars(knobs.preset(self.first_preset, length, self.usual_block))
        wanted = [values.get(getattr(self, name), usual[name]) for name in PLANNED]
        settled = self.settle(*[*wanted, values.get(self.remasking, REMASKING[0])])
        notes = " ".join(filter(None, [note, settled[self.note]["value"]]))
        return values | settled | {self.note: gr.update(value=notes, visible=bool(notes))}

    def describe_cost(
        self, length: float, block: float, steps: float, refresh_interval: float, threshold: float,
        cfg_scale: float, known: pace.Pace | None,
    ) -> str:  # fmt: skip
        """What a run with these knobs will take."""
        plan = knobs.snap(length, block, steps, self.longest, refresh_interval, threshold)
        return pace.in_words(plan, cfg_scale, known)
