"""Published ways of decoding the same weights, as points in the space of settings.

Each is a name for settings of `SamplingConfig`, with the constants of its paper where those are known. `equation` is
plain text: p is the probability of a proposal, H an entropy, n a number of tokens, i a position, N the masks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from lladav.checks import require
from lladav.sampling.config import SamplingConfig


@dataclass(frozen=True)
class Method:
    """A way of decoding.

    Attributes:
        title: what a page calls it.
        paper: the paper's title, shortened.
        arxiv: its number.
        rule: what it does, in a sentence.
        equation: the rule in symbols.
        settings: what it sets in a SamplingConfig.
        tokens: that a step commits at least.
        longest_block: tokens in a block at most; None for one block.
    """

    title: str
    paper: str
    arxiv: str
    rule: str
    equation: str
    settings: dict[str, Any] = field(default_factory=dict)
    tokens: int = 1
    longest_block: int | None = None


LLADA, FAST = ("Large Language Diffusion Models", "2502.09992"), ("Fast-dLLM", "2505.22618")

METHODS = {
    "exact": Method(
        "Surest first", *LLADA, "Commits the most probable proposal: one a step, or several where steps are few.",
        "argmax p",
    ),
    "random": Method(
        "Random order", *LLADA, "Commits any proposal, one a step.", "i ~ uniform over masks", {"remasking": "random"},
    ),
    "margin": Method(
        "Top-2 margin", "Train for the Worst, Plan for the Best", "2502.06768",
        "Commits the proposal that leads the second best by most, one a step.", "argmax p1 - p2",
        {"remasking": "margin"},
    ),
    "entropy": Method(
        "Least entropy", "Dream 7B", "2508.15487",
        "Commits where the distribution is most certain, one token a step.", "argmin H", {"remasking": "entropy"},
    ),
    "left_to_right": Method(
        "Left to right", *LLADA, "Commits the first mask, as an autoregressive model would.", "min i",
        {"remasking": "left_to_right"},
    ),
    "threshold": Method(
        "Threshold", *FAST, "Commits every proposal that is sure enough.", "p > 0.9", {"threshold": 0.9},
    ),
    "factor": Method(
        "Factor", *FAST, "Commits as many as can be chosen one by one as well as jointly.", "(n + 1)(1 - p_n) < 1",
        {"factor": 1.0},
    ),
    "entropy_bound": Method(
        "Entropy bound", "EB-Sampler", "2505.24857",
        "Commits as many as have little to tell each other.", "sum H - max H < 0.1", {"entropy_bound": 0.1},
    ),
    "klass": Method(
        "KLASS", "KL-Adaptive Stability Sampling", "2511.05664",
        "Commits what is sure and has stood still for two steps.",
        "p > 0.9 and D(p_t || p_t-1) < 0.01, twice", {"threshold": 0.9, "kl_threshold": 0.01, "kl_steps": 2},
    ),
    "local_leap": Method(
        "LocalLeap", "Local Determinism Propagation", "2510.07081",
        "Commits what is sure, and what is nearly so beside it (how nearly and how far are this project's choice).",
        "p > 0.9, or p > 0.75 within 4 of such", {"threshold": 0.9, "relaxed_threshold": 0.75, "anchor_radius": 4},
    ),
    "credit": Method(
        "CreditDecoding", "CreditDecoding", "2510.06133",
        "Believes a token the more the longer it has been proposed, and commits what is sure then.",
        "C <- 0.8 C; C[top] += p^0.2; logits + 0.7 log(C + 1); p > 0.9", {"remasking": "credit", "threshold": 0.9},
    ),
    "pc_sampler": Method(
        "PC-Sampler", "PC-Sampler", "2508.13021",
        "Prefers what stands early and is no word that is everywhere, one token a step.",
        "argmax exp(-0.25 i) min(-p log f, 10), f the frequency", {"remasking": "pc_sampler", "position_decay": 0.25},
    ),
    "vrcd": Method(
        "VRCD", "Visual-Redundancy-Controlled Parallel Decoding", "2605.25820",
        "Commits two words a step that look at different parts of the picture.",
        "argmax p (1 + R)^-1.5 among the 2n most probable, R their overlap on the picture",
        {"remasking": "vrcd", "redundancy_power": 1.5}, tokens=2,
    ),
    "wino": Method(
        "WINO", "Wide-In, Narrow-Out", "2507.18578",
        "Commits widely, and takes back what masks that cannot see a token would not write in its place.",
        "in: p > 0.6, n <= min(max(0.7 N, 5), 20); out: shadow p < 0.9, fewer than came in",
        {"threshold": 0.6, "revision": "wino", "revision_threshold": 0.9, "max_revocations": 3},
    ),
    "token_to_mask": Method(
        "Token to mask", "Remask, Don't Replace", "2604.18738",
        "Commits what is sure, and masks a token again that has become improbable, up to three times a position.",
        "in: p > 0.9; out: p < 0.1",
        {"threshold": 0.9, "revision": "token_to_mask", "revision_threshold": 0.1, "max_revocations": 3},
    ),
    "saber": Method(
        "Saber", "Saber", "2510.18165",
        "Commits what is surer than the answer so far, at least two tokens, and takes back those that fell most.",
        "in: p > mean p of the committed; out: the n / 8 with the largest fall of p",
        {"mean_threshold": True, "revision": "saber", "max_revocations": 3}, tokens=2,
    ),
    "remdm": Method(
        "ReMDM loop", "Remasking Discrete Diffusion Models", "2503.00307",
        "Fills seven eighths, then 32 times masks the least likely token again and fills one, then fills the rest.",
        "out: argmin p; in: argmax p", {"revision": "remdm", "revision_from": 0.875, "revision_rounds": 32},
    ),
    "adablock": Method(
        "AdaBlock", "AdaBlock-dLLM", "2509.26432",
        "Ends a block at the surest delimiter in the next quarter of the answer, and commits what is sure in it.",
        "block ends at argmax p(delimiter) if >= 0.3; p > 0.9",
        {"threshold": 0.9, "delimiter_threshold": 0.3, "delimiters": ("\n", ".")}, longest_block=32,
    ),
    "daedal": Method(
        "DAEDAL", "Variable-Length Denoising", "2508.00819",
        "Grows until it believes in its end, and opens room where it is at a loss.",
        "grow by 8 while mean p(end) < 0.5; a mask with p < 0.1 becomes 8; p > 0.9",
        {"threshold": 0.9, "start_length": 64},
    ),
    "prophet": Method(
        "Prophet", "Diffusion Language Models Know the Answer Before Decoding", "2508.19982",
        "Fills in all that is left once the best tokens lead by enough.",
        "mean log p1 - log p2 >= 7.5, 5, 2.5 in the first, second, last third", {"gap_thresholds": (7.5, 5.0, 2.5)},
    ),
    "elastic": Method(
        "Elastic-Cache", "Attention Is All You Need for KV Cache in Diffusion LLMs", "2510.14973",
        "Runs the next sixteen masks, and everything behind the layer where the most attended words look elsewhere; "
        "commits what is sure.",
        "rest is run behind the first layer with cos(S_t-1, S_t) < 0.9, S of the most attended; p > 0.9",
        {"threshold": 0.9, "drift_threshold": 0.9, "window_length": 16},
    ),
}  # fmt: skip


TELLING = {  # settings that a method turns on, rather than up or down
    name
    for method in METHODS.values()
    for name in method.settings
    if getattr(SamplingConfig, name) is None or isinstance(getattr(SamplingConfig, name), (str, bool))
}


def method_settings(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a SamplingConfig for the method `name` with `changes`. Raises ValueError for another name."""
    require(isinstance(name, str) and name in METHODS, "method", f"one of {', '.join(METHODS)}", name)
    method = METHODS[name]
    gen_length = changes.get("gen_length", SamplingConfig.gen_length)
    SamplingConfig(gen_length, gen_length, gen_length)  # refuses lengths that there are none of
    start = (
        {"start_length": min(method.settings["start_length"], gen_length)} if "start_length" in method.settings else {}
    )
    longest = min(method.longest_block or gen_length, gen_length)
    divisor = max(length for length in range(1, longest + 1) if gen_length % length == 0)
    block_length = changes.get("block_length", divisor)
    SamplingConfig(gen_length, block_length, gen_length)
    steps = gen_length // block_length * -(-block_length // method.tokens)
    lengths = {"gen_length": gen_length, "block_length": block_length, "steps": steps}
    return lengths | method.settings | start | changes


def method_of(config: SamplingConfig) -> str | None:
    """The method whose choices a configuration makes, whatever its numbers; None where those are of no method."""
    chosen = _choices(vars(config))
    return next((name for name, method in METHODS.items() if _choices(method.settings) == chosen), None)


def _choices(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Which of the settings that tell methods apart are on: the words by their values, the others by being there."""
    usual = {entry.name: entry.default for entry in fields(SamplingConfig) if entry.name in TELLING}
    values = {name: settings.get(name, default) for name, default in usual.items()}
    return {name: value if isinstance(value, (str, bool)) else value is not None for name, value in values.items()}
