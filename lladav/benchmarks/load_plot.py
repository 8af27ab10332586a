"""What many visitors at once meant for the server and for them, as a picture."""

from lladav.benchmarks.load import Outcome


def plot(outcome: Outcome, path: str) -> None:
    """Draw the server's memory over time, and how long answers took, into an image file."""
    from matplotlib import pyplot

    figure, (memory, waits) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    if outcome.memory:
        moments, megabytes = zip(*outcome.memory, strict=True)
        memory.plot(moments, megabytes)
    memory.set(xlabel="seconds", ylabel="memory of the server in MB", ylim=(0, None))
    waits.hist([outcome.first_frames, outcome.latencies], bins=20, label=["first state", "whole answer"])
    waits.set(xlabel="seconds", ylabel="answers")
    waits.legend()
    figure.suptitle(f"{outcome.clients} visitors at once: {outcome.completed} answers, {outcome.wrong} wrong")
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
