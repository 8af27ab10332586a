"""What one visitor, one message, one picture, one run and one trace may cost. Each is checked before the work is done,
and what lies beyond is refused in a sentence."""

from dataclasses import dataclass

from lladav.sampling import SamplingConfig


@dataclass(frozen=True)
class Limits:
    """The bounds of the service.

    Attributes:
        letters: of a message's text, a template or what is typed over a token.
        files: of one message.
        parts: of one message that a program sends.
        pictures: of one conversation; the oldest are dropped beyond that.
        turns: of one conversation that the page keeps.
        edits: that can be undone.
        upload: bytes of one file, as gradio writes sizes.
        trace_bytes: of a saved run that is opened; 512 tokens in 512 steps take about 12 MB.
        trace_tokens: of the answer in it.
        trace_steps: in it.
        answer: tokens of an answer.
        passes: forward passes that one run may come to.
        message_bytes: of one request, all its files together.
        cache_bytes: of all uploads and exports that are kept; beyond, no further ones are taken.
        queue: requests that may wait.
        share: requests of one address that may run or wait.
        runs: that decode at once.
        answers: of one sweep on the page.
        renders: exports that are made at once.
        gif_megapixels, mp4_megapixels: of all frames of a film together, for about 10 seconds of a core each; a longer
            film leaves steps out.
        sessions: whose state is kept in memory.
        cache_seconds: after which uploads and exports are deleted; looked for every `cache_sweep_seconds`.
    """

    letters: int = 4000
    files: int = 4
    parts: int = 4096
    pictures: int = 8
    turns: int = 50
    edits: int = 20
    upload: str = "32mb"
    trace_bytes: int = 16 * 2**20
    trace_tokens: int = 512
    trace_steps: int = 2560
    answer: int = 512
    passes: int = 8192
    message_bytes: int = 128 * 2**20
    cache_bytes: int = 2 * 2**30
    queue: int = 32
    share: int = 12
    runs: int = 2
    answers: int = 2000
    renders: int = 1
    gif_megapixels: int = 200
    mp4_megapixels: int = 32
    sessions: int = 100
    cache_seconds: int = 4 * 3600
    cache_sweep_seconds: int = 600


LIMITS = Limits()


def affordable(config: SamplingConfig) -> SamplingConfig:
    """The settings, of which a run is within the bounds.

    Raises:
        ValueError: the answer may grow too long, or come to more passes than one run may have.
    """
    if config.gen_length > LIMITS.answer:
        raise ValueError(f"gen_length must be at most {LIMITS.answer} here, got {config.gen_length}")
    if config.most_steps > LIMITS.passes:
        raise ValueError(
            f"a run may come to {LIMITS.passes} forward passes here, and under these settings to {config.most_steps}: "
            "choose a longer block_length, or let it take back less often"
        )
    return config
