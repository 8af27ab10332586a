"""The runs that Python and JavaScript are both tested on are what Python makes of their traces."""

import pytest
from viewer.shared_run import NAMES, decided, readouts, shared

from lladav import Trace
from lladav.decisions import stood_at
from lladav.viewer.state import canvas_state


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_of_a_shared_run_is_what_its_trace_says(name: str):
    data = shared(name)
    trace = Trace.from_dict(data["trace"])
    assert canvas_state(trace, run="shared") == data["state"]
    assert readouts(trace) == data["readouts"]
    assert decided(trace) == data["decisions"]
    assert stood_at(trace) == data["stood_at"]


def test_shared_runs_hold_what_there_is_to_show():
    steps = [step for name in NAMES for step in Trace.from_dict(shared(name)["trace"]).steps]
    assert any(step.revoked_index for step in steps) and any(step.room for step in steps)
    assert any(times > 1 for _, _, times in shared("restless")["decisions"][-1])
