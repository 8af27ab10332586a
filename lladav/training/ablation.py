"""Which masking teaches most: every one from the same model, on the same seeds, for the same steps."""

from collections.abc import Iterator
from dataclasses import replace
from statistics import mean

from lladav.evaluation import everyday_questions, held_out_questions, score
from lladav.pipeline import LladaVPipeline
from lladav.sampling import SamplingConfig
from lladav.training.masking import MASKINGS
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
    rows = {masking: list(_figures(config, masking)) for masking in MASKINGS}
    header = ["masking", *(f"{sort}, seed {seed}" for seed in SEEDS for sort in ("own words", "everyday")), "mean"]
    lines = [header, ["---"] * len(header)]
    lines += [[name, *(f"{share:.1%}" for share in (*shares, mean(shares)))] for name, shares in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _figures(config: TrainingConfig, masking: str) -> Iterator[float]:
    """For each seed the share of right answers to questions in the model's own words, and in everyday ones."""
    for seed in SEEDS:
        folder = train(replace(config, masking=masking, seed=seed, output=config.output / f"{masking}-{seed}"))
        pipe = LladaVPipeline.from_pretrained(folder)
        for ask in (held_out_questions, everyday_questions):
            result, _ = score(pipe, list(ask(0, QUESTIONS)), CONFIG)
            yield result.accuracy["all"]
