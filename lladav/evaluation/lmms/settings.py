"""How a task of lmms-eval is asked: under the published settings where there are some, else under the task's own."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from lladav.checks import require
from lladav.sampling import SamplingConfig
from lladav.sampling.completion import completed
from lladav.sampling.presets import published

TASKS = {  # of which LLaDA-V's figures are published: the name of the settings that they were measured with
    "mmmu_val": "mmmu",
    **dict.fromkeys(("mmmu_pro_standard", "mmmu_pro_vision"), "mmmu_pro"),
    **dict.fromkeys((f"mathverse_testmini_vision_{part}" for part in ("intensive", "dominant", "only")), "mathverse"),
    **dict.fromkeys((f"mathvista_testmini_{prompt}" for prompt in ("cot", "solution", "format")), "mathvista"),
    "seedbench": "seed",
    "mmbench_en_dev": "mmbench",
    "docvqa_val": "docvqa",
    "infovqa_val": "infovqa",
    "mlvu_dev": "mlvu",
    **{name: name for name in ("mmstar", "mme", "ai2d", "chartqa", "realworldqa", "muirbench", "videomme")},
}
ALIASES = {"gen_steps": "steps", "cfg": "cfg_scale", "stopping_criteria": "stop"}  # what the published evaluation says
THINK_MODES = {"think": True, "no_think": False, None: None}
LENGTHS = ("gen_length", "block_length", "steps")
LENGTH, ENDS = "max_new_tokens", "until"  # which a task without published settings is taken at its word for
MEANINGLESS = (  # to a canvas of masks
    "do_sample",
    "image_aspect_ratio",
    "num_beams",
    "repetition_penalty",
    "skip_special_tokens",
    "top_k",
    "top_p",
)
DEFAULT_END = "\n\n"  # lmms-eval's, where a task names none; it would end an answer at its first paragraph


class TaskSettings(NamedTuple):
    """How a task is asked.

    Attributes:
        config: how its answers are sampled.
        thinking: whether questions end with "/think" (True), "/no_think" (False), or neither (None).
        origin: whose settings these are, in words.
    """

    config: SamplingConfig
    thinking: bool | None
    origin: str

    def __str__(self) -> str:
        settings = {entry.name: (getattr(self.config, entry.name), entry.default) for entry in fields(SamplingConfig)}
        shown = {name: value for name, (value, usual) in settings.items() if name in LENGTHS or value != usual}
        mode = next(mode for mode, thinking in THINK_MODES.items() if thinking is self.thinking)
        words = [f"{name}={value!r}" for name, value in {**shown, "think_mode": mode}.items() if value is not None]
        return f"{self.origin}: {', '.join(words)}"


def task_settings(task: str, generation_kwargs: Mapping[str, Any]) -> TaskSettings:
    """The settings of a task.

    Settings of a SamplingConfig, and "method", are taken from `generation_kwargs` whatever the task is. What they leave
    open is as published for a task of `TASKS`; for others `max_new_tokens` is the length of the answer, and `until`
    ends it. An answer whose length is all that is given is one block, of two tokens a step.

    Args:
        task: its name.
        generation_kwargs: those of its YAML file, and over them those of `--gen_kwargs`.

    Raises:
        ValueError: one of them is unknown, or they cannot be honored.
    """
    own = {
        ALIASES.get(name, name): value
        for name, value in generation_kwargs.items()
        if name not in (LENGTH, ENDS, *MEANINGLESS)
    }
    mode = own.pop("think_mode", None)
    require(mode in THINK_MODES, "think_mode", "think or no_think", mode)
    if task not in TASKS:
        return TaskSettings(completed(_said_by_task(generation_kwargs) | own), THINK_MODES[mode], "the task's settings")
    name = TASKS[task]
    thinking = published(name).thinking if mode is None else THINK_MODES[mode]
    return TaskSettings(completed(_as_published(name, own) | own), thinking, f"as published for {name}")


def _as_published(name: str, own: Mapping[str, Any]) -> dict[str, Any]:
    """The published lengths, unless `own` has another one of the whole answer, and the published end."""
    lengths = () if "gen_length" in own else LENGTHS
    return {entry: getattr(published(name).config, entry) for entry in (*lengths, "stop")}


def _said_by_task(generation_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What a task's words for autoregressive models come to."""
    until = generation_kwargs.get(ENDS) or ()
    ends = [until] if isinstance(until, str) else until
    stop = dict.fromkeys((*SamplingConfig.stop, *(end for end in ends if end != DEFAULT_END)))
    length = {"gen_length": generation_kwargs[LENGTH]} if LENGTH in generation_kwargs else {}
    return {"stop": tuple(stop), **length}
