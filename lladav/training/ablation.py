"""Which masking teaches most: every one from the same model, on the same seeds, for the same steps."""

from dataclasses import replace
from pathlib import Path
from statistics import mean

from lladav.evaluation import everyday_questions, held_out_questions, score
from lladav.evaluation.tables import markdown_table
from lladav.pipeline import LladaVPipeline
from lladav.sampling import SamplingConfig
from lladav.training.masking import MASKINGS
from lladav.training.report import read_records
from lladav.training.train import TrainingConfig, train

SEEDS = (0, 1)
QUESTIONS = 240  # of each sort, so that one answer is 0.4 points
CONFIG = SamplingConfig(gen_length=64, block_length=64, steps=64)


def run_ablation(config: TrainingConfig) -> str:
    """Train and ask every masking on every seed, and return a table of what each comes to.

    Args:
        config: `begin` is the model that all start from, `recipe` and `scale` what each is trained on; each has a
            folder of its own in `output`, so that what is interrupted goes on.
    """
    if config.begin is None:
        raise ValueError("begin must name the model that all maskings start from, got None")
    sorts = ("own words", "everyday", "held-out loss")
    header = ["masking", *(f"{sort}, seed {seed}" for seed in SEEDS for sort in sorts), "mean of answers"]
    rows = []
    for masking in MASKINGS:
        runs = [_figures(_train(config, masking, seed)) for seed in SEEDS]
        cells = [cell for *shares, loss in runs for cell in (*(f"{share:.1%}" for share in shares), f"{loss:.4f}")]
        rows.append([masking, *cells, f"{mean(share for *shares, _ in runs for share in shares):.1%}"])
    return markdown_table(header, rows)


def _train(config: TrainingConfig, masking: str, seed: int) -> Path:
    return train(replace(config, masking=masking, seed=seed, output=config.output / f"{masking}-{seed}"))


def _figures(folder: Path) -> tuple[float, float, float]:
    """The share of right answers to questions in the model's own words and in everyday ones, and the loss of the bound,
    whatever was trained, on scenes held out."""
    pipe = LladaVPipeline.from_pretrained(folder)
    own, everyday = (
        score(pipe, list(ask(0, QUESTIONS)), CONFIG)[0].accuracy["all"]
        for ask in (held_out_questions, everyday_questions)
    )
    return own, everyday, read_records(folder / "log.jsonl")[-1]["held_out_loss"]
