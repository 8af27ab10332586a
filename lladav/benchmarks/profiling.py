"""Where a step spends its time."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.profiler import ProfilerActivity, profile, record_function

from lladav.benchmarks.measuring import exact_config, make_modes, now
from lladav.benchmarks.subjects import Subject


@contextmanager
def labelled(module: nn.Module, label: str) -> Iterator[None]:
    """Let a profile show what runs inside `module`, which does not call itself, as `label`."""
    span = record_function(label)

    def enter(*_) -> None:
        span.__enter__()

    def leave(*_) -> None:
        span.__exit__(None, None, None)

    hooks = module.register_forward_pre_hook(enter), module.register_forward_hook(leave)
    yield
    for hook in hooks:
        hook.remove()


def profiled_step(subject: Subject) -> str:
    """The second step of exact mode: the share of its parts, then its operations, the longest first."""
    exact = make_modes(subject, exact_config(subject.gen_length, subject.gen_length))[1]
    steps = exact.steps()
    next(steps)
    on_gpu = subject.model.device.type == "cuda"
    activities = [ProfilerActivity.CPU, ProfilerActivity.CUDA] if on_gpu else [ProfilerActivity.CPU]
    with (
        labelled(subject.model.model.language_model, "language model"),
        labelled(subject.model.lm_head, "head"),
        profile(activities=activities) as profiler,
        record_function("step"),
    ):
        next(steps)
        now()
    events = profiler.key_averages()
    total = "device_time_total" if on_gpu else "cpu_time_total"
    by_time = sorted(events, key=lambda event: getattr(event, total))  # a GPU lists its spans twice, once without time
    seconds = {event.key: getattr(event, total) / 1e6 for event in by_time}
    parts = ", ".join(f"{part} {seconds[part] / seconds['step']:.0%}" for part in ("language model", "head"))
    operations = events.table(sort_by=f"self_{total}", row_limit=12, max_name_column_width=40)
    return f"An exact step of {1000 * seconds['step']:.1f} ms: {parts}, the rest chooses tokens.\n\n{operations}"
