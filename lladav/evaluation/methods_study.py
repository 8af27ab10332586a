"""`lladav evaluate --methods`: every named way of decoding, asked the same, with the twin beside them."""

from pathlib import Path

from tqdm.auto import tqdm

from lladav.evaluation.results import FIGURES, in_markdown, kinds_table, save_table, sweep_table
from lladav.evaluation.sources import Questions
from lladav.evaluation.sweep import REFERENCE, Sweep, SweepRun
from lladav.pipeline import LladaVPipeline

SETS, WORDINGS = 3, 3  # of scenes; of each question
COLUMNS = (
    "method", "accuracy", "spread", "agreement", "unsure", "revoked", "nfe", "tokens_per_forward", "seconds", "pareto",
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


def study_methods(
    pipe: LladaVPipeline, twin: LladaVPipeline | None, sweep: Sweep, folder: Path, plot: Path | None = None
) -> str:
    """Ask everything, and report it; `folder` keeps the answers, from which the same command goes on.

    Returns:
        Tables in Markdown: the methods, and their right answers by kind of question.
    """
    run = SweepRun(pipe, sweep, folder)
    run_with_a_bar(run, pipe.name)
    table, beside = sweep_table(run), None
    if twin is not None:  # which has one way of decoding only
        of_twin = SweepRun(twin, sweep.model_copy(update={"axes": {"method": (REFERENCE,)}}), folder / "twin")
        run_with_a_bar(of_twin, twin.name)
        beside = sweep_table(of_twin).assign(method=twin.name, pareto=False)
    for ending in (".csv", ".json"):
        save_table(table, folder / f"table{ending}")
    if plot:
        from lladav.evaluation.frontier import plot_sweep  # matplotlib takes a second to import

        plot_sweep(run, plot, beside)
    columns = [name for name in COLUMNS if name != "revoked" or table["revoked"].any()]
    parts = [in_markdown(table, columns), in_markdown(kinds_table(run))]
    if beside is not None:
        parts.insert(1, in_markdown(beside, columns))
    legend = "\n".join(f"{name.replace('_', ' ')}: {FIGURES[name]}." for name in columns if name in FIGURES)
    about = ", ".join(f"{name} {value}" for name, value in run.about.items())
    return "\n\n".join([*parts, legend, about])
