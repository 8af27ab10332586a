"""When an answer was decided: for every position when it was committed, settled and taken back; and for the whole."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lladav.sampling import SamplingStep
from lladav.trace import Trace


@dataclass(frozen=True)
class Decision:
    """How a position came to the token that it has at the end.

    Attributes:
        committed_at: the step that committed it, 0 where the template fixed it, None where it is masked at the end. In
            an answer that grew, the token is meant, wherever it stood then.
        settled_since: the first step from which on the model proposed nothing else, or 0 and None as above. At most
            `committed_at`: what is committed is no longer proposed.
        revoked: how often a token was taken back there.
    """

    committed_at: int | None
    settled_since: int | None
    revoked: int


def decisions(trace: Trace) -> list[Decision]:
    """The decision at each of the G positions of a run's answer."""
    steps = [*trace.replay()]
    fixed, masked = ~steps[0].mask_index, steps[-1].mask_index
    committed_at = torch.where(fixed, 0, -1)
    revoked, settled_since = torch.zeros_like(committed_at), torch.zeros_like(committed_at)
    guesses = list(_guesses(trace, steps))
    for before, guess, step in zip(guesses, guesses[1:], steps[1:], strict=False):
        committed_at, revoked = (_moved(values, step, blank) for values, blank in ((committed_at, -1), (revoked, 0)))
        committed_at[step.transfer_index & ~step.mask_index] = step.step
        committed_at[step.revoked_index] = -1
        revoked += step.revoked_index
        settled_since = _moved(settled_since, step, step.step)
        settled_since[guess != _moved(before, step, trace.mask_token_id)] = step.step
    settled_since[masked] = -1
    rows = zip(committed_at.tolist(), settled_since.tolist(), revoked.tolist(), strict=True)
    return [Decision(_step(committed), _step(settled), times) for committed, settled, times in rows]


def _step(number: int) -> int | None:
    return None if number < 0 else number


def stood_at(trace: Trace) -> int | None:
    """The first step at which the best guess was the answer that the run ended with, up to where it ends and with what
    ends it; None where the run was broken off before all of it was filled.

    The guess of a position is its token, or else what the model proposed when it was last asked.
    """
    steps = [*trace.replay()]
    last = steps[-1]
    length = len(last.tokens) if last.stop_position is None else last.stop_position + 1
    wanted = last.tokens[:length]
    if last.finish_reason is None:
        return None
    guesses = zip(steps, _guesses(trace, steps), strict=True)
    return next(step.step for step, guess in guesses if torch.equal(guess[:length], wanted))


def _guesses(trace: Trace, steps: list[SamplingStep]) -> list[Tensor]:
    """The best guess (G,) after each step: what stands there, or else the last proposal."""
    guesses = [steps[0].tokens]
    for after in steps[1:]:
        known = _moved(guesses[-1], after, trace.mask_token_id)
        asked = after.top_probs[:, 0] > 0
        guess = torch.where(asked, after.x0, known)
        guesses.append(torch.where(after.mask_index, guess, after.tokens))
    return guesses


def _moved(values: Tensor, step: SamplingStep, blank: int) -> Tensor:
    """Values (G,) at the places that a step moved them to when it opened room, where `blank` stands."""
    if step.room is None:
        return values
    position, count = step.room
    new = torch.full((count,), blank)
    return torch.cat([values[: position + 1], new, values[position + 1 : len(values) - count]])
