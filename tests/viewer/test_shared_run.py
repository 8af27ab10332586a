"""The run that Python and JavaScript are both tested on is what Python makes of its trace."""

from viewer.shared_run import readouts, shared

from lladav import Trace
from lladav.viewer.state import canvas_state


def test_the_shared_state_is_that_of_the_shared_trace():
    data = shared()
    trace = Trace.from_dict(data["trace"])
    assert canvas_state(trace, run="shared") == data["state"]


def test_the_shared_readouts_are_those_of_the_shared_trace():
    data = shared()
    assert readouts(Trace.from_dict(data["trace"])) == data["readouts"]
