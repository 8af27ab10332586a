"""`lladav evaluate --methods`: every named way of decoding, asked the same, with the twin beside them."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from tqdm.auto import tqdm

from lladav.evaluation.results import FIGURES, in_markdown, kinds_table, save_table, sets_table, sweep_table
from lladav.evaluation.sources import Questions
from lladav.evaluation.sweep import REFERENCE, Sweep, SweepRun
from lladav.pipeline import LladaVPipeline
from lladav.sampling import SPEEDS

SETS, WORDINGS = 3, 3  # of scenes; of each question
COLUMNS = (
    "method", "accuracy", "spread", "gained", "lost", "by_chance", "agreement", "unsure", "revoked", "nfe",
    "tokens_per_forward", "seconds", "pareto",
)  # fmt: skip


def methods_sweep(seed: int, count: int, gen_length: int, batch_size: int, methods: tuple[str, ...]) -> Sweep:
    """About `count` questions: three sets of scenes, each question in three wordings."""
    scenes = max(1, count // (SETS * WORDINGS))
    questions = Questions(count=scenes, seeds=tuple(range(seed, seed + SETS)), wordings=WORDINGS)
    settings = {"gen_length": gen_length}
    return Sweep(axes={"method": methods}, questions=questions, settings=settings, batch_size=batch_size)


def run_with_a_bar(run: SweepRun, name: str) -> None:
    """Run a sweep to its end, and show how far it is."""
    with tqdm(desc=name, unit="answer") as bar:
        for progress in run.run():
            bar.total = progress.total
            bar.update(progress.done - bar.n)


def presets(sweep: Sweep) -> Iterator[tuple[str, Sweep]]:
    """The presets of the page, asked the same; the first of them is exact mode, which is asked anyway."""
    gen_length = sweep.settings["gen_length"]
    for name, speed in [*SPEEDS.items()][1:]:
        settings = {key: value for key, value in speed.settings(gen_length, gen_length).items() if value is not None}
        method = REFERENCE if speed.threshold is None else "threshold"
        asked = {"axes": {"method": (method,)}, "settings": {"gen_length": gen_length, **settings}}
        yield name, sweep.model_copy(update=asked)


def asked_beside(run: SweepRun, twin: LladaVPipeline | None) -> pd.DataFrame:
    """What the methods of a run are compared with: the presets of the page, and the twin, which has one way of decoding
    only."""
    runs = [(name, SweepRun(run.pipe, preset, run.folder / name)) for name, preset in presets(run.sweep)]
    for _, preset_run in runs:
        preset_run.outcomes |= run.outcomes  # exact mode is known
    if twin is not None:
        exact = run.sweep.model_copy(update={"axes": {"method": (REFERENCE,)}})
        runs.append((twin.name, SweepRun(twin, exact, run.folder / "twin")))
    tables = []
    for name, one in runs:
        run_with_a_bar(one, name)
        tables.append(sweep_table(one).assign(method=name, pareto=False))
    return pd.concat(tables)


def study_methods(
    pipe: LladaVPipeline, twin: LladaVPipeline | None, sweep: Sweep, folder: Path, plot: Path | None = None
) -> str:
    """Ask everything, and report it; `folder` keeps the answers, from which the same command goes on.

    Returns:
        Tables in Markdown: the methods, the presets of the page and the twin, right answers by kind of question, and
        by set.
    """
    run = SweepRun(pipe, sweep, folder)
    run_with_a_bar(run, pipe.name)
    table, beside = sweep_table(run), asked_beside(run, twin)
    for ending in (".csv", ".json"):
        save_table(table, folder / f"table{ending}")
    if plot:
        from lladav.evaluation.frontier import plot_sweep  # matplotlib takes a second to import

        plot_sweep(run, plot, beside)
    columns = [name for name in COLUMNS if name != "revoked" or table["revoked"].any()]
    parts = [in_markdown(part, columns) for part in (table, beside)] + [
        in_markdown(of(run)) for of in (kinds_table, sets_table)
    ]
    legend = "\n".join(f"{name.replace('_', ' ')}: {FIGURES[name]}." for name in columns if name in FIGURES)
    about = ", ".join(f"{name} {value}" for name, value in run.about.items())
    return "\n\n".join([*parts, legend, about])
