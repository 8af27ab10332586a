"""How time per step grows with the length of prompt and answer, as a plot."""

from dataclasses import replace

from lladav.benchmarks.measuring import Run, exact_config, make_modes, now, run_in_turns
from lladav.benchmarks.subjects import Subject, random_prompt

PARTS = (0.25, 0.5, 0.75, 1.0)
PATIENCE = 1.0  # seconds in which to repeat what is measured

Curves = dict[str, list[tuple[int, float]]]  # mode -> (length, seconds of an average step)


def growth(subject: Subject) -> dict[str, Curves]:
    """Curves against each of "prompt length" and "answer length", the other one staying as it is."""
    prompts: Curves = {}
    answers: Curves = {}
    for part in PARTS:
        prompt_length = max(1, round(part * subject.prompt.shape[1]))
        gen_length = max(2, round(part * subject.gen_length))
        shorter_prompt = replace(subject, prompt=random_prompt(subject.model, prompt_length))
        for mode, seconds in step_seconds(shorter_prompt).items():
            prompts.setdefault(mode, []).append((prompt_length, seconds))
        for mode, seconds in step_seconds(replace(subject, gen_length=gen_length)).items():
            answers.setdefault(mode, []).append((gen_length, seconds))
    return {"prompt length": prompts, "answer length": answers}


def step_seconds(subject: Subject) -> dict[str, float]:
    """Mode -> seconds of an average step, from the first two steps of some runs, the first of which does not count."""
    modes = make_modes(subject, exact_config(subject.gen_length, subject.gen_length))
    run_in_turns([Run(mode) for mode in modes], 2)
    runs, start = [Run(mode) for mode in modes], now()
    while not runs[0].seconds or now() - start < PATIENCE:
        run_in_turns(runs, 2)
    return {run.mode.name: run.seconds_per_step for run in runs}


def plot_growth(subject: Subject, path: str) -> None:
    """Draw the curves into an image file."""
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    for panel, (axis, curves) in zip(panels, growth(subject).items(), strict=True):
        for mode, points in curves.items():
            lengths, seconds = zip(*points, strict=True)
            panel.plot(lengths, [1000 * value for value in seconds], marker="o", label=mode)
        panel.set(xlabel=f"{axis} in tokens", xlim=(0, None), yscale="log")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("milliseconds per step")
    panels[1].legend(loc="center right", bbox_to_anchor=(1, 0.73))  # between the plain loop and the others
    figure.suptitle(f"{subject.name} on {subject.model.device}")
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
