"""The knobs of a run as a panel: its layout, how its parts follow each other, and the settings it stands for."""

import random
from typing import Any

import gradio as gr

from lladav.pipeline import LladaVPipeline
from lladav.sampling import REMASKING, SamplingConfig
from lladav.ui import about, knobs

LONGEST_ANSWER = 512
FIRST_LENGTH, SHORT_LENGTH = 32, 24  # tokens of an answer until the visitor chooses; a model of scenes says little
ANY_SEED = -1
SEEDS = 1_000_000  # few enough that one can be noted down
THINKING = {"Auto": None, "Think": True, "No think": False}
QUICK: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}

Updates = dict[Any, Any]


def longest_answer(pipe: LladaVPipeline) -> int:
    """The most tokens that this page lets an answer have."""
    return min(LONGEST_ANSWER, pipe.max_length // 2)


def first_plan(pipe: LladaVPipeline) -> knobs.Plan:
    """The sizes that a page for this model opens with."""
    longest = longest_answer(pipe)
    length = min(SHORT_LENGTH if about.abilities(pipe) else FIRST_LENGTH, longest)
    return knobs.snap(length, *knobs.preset("Balanced", length), longest)


class KnobPanel:
    """The knobs, laid out in the current context. It keeps nothing about a visitor.

    Attributes:
        components: the knobs, in the order in which `config` takes their values.
        outputs: the components that `fitted` updates.
        pace: the seconds a forward pass took in this visitor's session; a run writes them here.

    Args:
        pipe: the model that the settings are for.
        prefix: of every `elem_id`, so that two panels can stand on one page.
    """

    def __init__(self, pipe: LladaVPipeline, prefix: str = ""):
        self.prefix = prefix
        self.longest = longest_answer(pipe)
        self.start = first_plan(pipe)
        self.pace = gr.State(None)
        with gr.Group(elem_id=self._id("knobs"), elem_classes="knobs"):
            self._main_knobs(about.can_think(pipe))
        with gr.Accordion("More knobs", open=False, elem_id=self._id("more-knobs"), elem_classes="knobs"):
            self._more_knobs()
        self.sizes = [self.gen_length, self.block_length, self.steps]
        self.components = [
            *self.sizes, self.temperature, self.cfg_scale, self.remasking, self.seed, self.thinking
        ]  # fmt: skip
        self.outputs = [*self.sizes, self.note]

    # ---- layout --------------------------------------------------------------------------------

    def _main_knobs(self, can_think: bool) -> None:
        start, longest = self.start, self.longest
        with gr.Row():
            self.preset = gr.Radio(
                list(knobs.PRESETS), value="Balanced", label="Preset", elem_id=self._id("preset"), min_width=240,
                info="4, 2 or 1 tokens a step, all in one block",
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
            self.steps = self._slider("Steps", "steps", 1, longest, start.steps, "over the whole answer")
        self.note = gr.Markdown(elem_id=self._id("note"), elem_classes="knob-note", visible=False)
        self.cost = gr.Markdown(knobs.cost(start, 0, None), elem_id=self._id("cost"), elem_classes="knob-cost")

    def _more_knobs(self) -> None:
        with gr.Row():
            self.temperature = self._slider("Temperature", "temperature", 0, 2, 0, "0: always the most probable", 0.05)
            self.cfg_scale = self._slider("Guidance", "cfg_scale", 0, 4, 0, "0: off; more: closer to the prompt", 0.1)
        with gr.Row():
            self.remasking = gr.Radio(
                list(REMASKING), value=REMASKING[0], label="Remasking", elem_id=self._id("remasking"),
                info="which proposals are kept in a step",
            )  # fmt: skip
            self.seed = gr.Number(
                value=ANY_SEED, minimum=ANY_SEED, precision=0, label="Seed", elem_id=self._id("seed"),
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
        self, length: float, block: float, steps: float,
        temperature: float, cfg_scale: float, remasking: str, seed: float, thinking: str,
    ) -> tuple[SamplingConfig, bool | None, str]:  # fmt: skip
        """The settings that the values of `components` stand for, moved to the nearest that fit together.

        Returns:
            The settings, with a seed of their own if any will do; whether to ask for reasoning; and a sentence for
            each knob that has to move.
        """
        plan = knobs.snap(length, block, steps, self.longest)
        config = SamplingConfig(
            gen_length=plan.gen_length, block_length=plan.block_length, steps=plan.steps,
            temperature=temperature, cfg_scale=cfg_scale, remasking=remasking,
            seed=random.randrange(SEEDS) if seed == ANY_SEED else int(seed),
        )  # fmt: skip
        return config, THINKING[thinking], plan.note

    def fitted(self, config: SamplingConfig, note: str) -> Updates:
        """Updates that show the sizes a run has, and why they are not those that were asked for."""
        return {
            self.gen_length: config.gen_length,
            self.block_length: config.block_length,
            self.steps: config.steps,
            self.note: gr.update(value=note, visible=bool(note)),
        }

    def measured(self, config: SamplingConfig, seconds: float, nfe: int) -> Updates:
        """Updates after a run of `config` that took so many seconds and forward passes."""
        return {self.pace: seconds / nfe / (2 if config.cfg_scale > 0 else 1)}

    # ---- events --------------------------------------------------------------------------------

    def wire(self) -> None:
        """Let the knobs follow each other, and the cost of a run follow the knobs."""
        settled = [self.preset, *self.outputs]
        self.preset.input(self.use_preset, [self.preset, self.gen_length], settled, **QUICK)
        self.gen_length.release(self.use_length, [self.preset, *self.sizes], settled, **QUICK)
        gr.on([self.block_length.release, self.steps.release], self.settle, self.sizes, settled, **QUICK)
        deciding = [*self.sizes, self.cfg_scale, self.pace]
        changes = [slider.change for slider in (*self.sizes, self.cfg_scale)]
        gr.on(
            [*changes, self.pace.change], self.describe_cost, deciding, self.cost, trigger_mode="always_last", **QUICK
        )

    def use_preset(self, name: str, gen_length: float) -> Updates:
        """Block length and steps of a preset."""
        return self._settled(knobs.snap(gen_length, *knobs.preset(name, round(gen_length)), self.longest))

    def use_length(self, name: str | None, gen_length: float, block_length: float, steps: float) -> Updates:
        """Another answer length, under the preset that is on, if one is."""
        if name is not None:
            return self.use_preset(name, gen_length)
        return self.settle(gen_length, block_length, steps)

    def settle(self, gen_length: float, block_length: float, steps: float) -> Updates:
        """Move the sizes to the nearest ones that fit together."""
        return self._settled(knobs.snap(gen_length, block_length, steps, self.longest))

    def describe_cost(self, length: float, block: float, steps: float, cfg_scale: float, pace: float | None) -> str:
        """What a run with these knobs will take."""
        return knobs.cost(knobs.snap(length, block, steps, self.longest), cfg_scale, pace)

    def _settled(self, plan: knobs.Plan) -> Updates:
        return {
            self.preset: knobs.preset_of(plan),
            self.gen_length: plan.gen_length,
            self.block_length: plan.block_length,
            self.steps: plan.steps,
            self.note: gr.update(value=plan.note, visible=bool(plan.note)),
        }
