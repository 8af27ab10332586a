"""What paints a run, wherever it is painted: in the page, in an exported replay, in a film.

`static/` holds ES modules that load in a plain HTML file; `bundle` joins them into one script for pages that are served
or saved as one file.
"""

from lladav.viewer.bundle import bundle
from lladav.viewer.files import STATIC, english, markup
from lladav.viewer.palette import styles
from lladav.viewer.state import CanvasState, StateWriter, canvas_state, idle_state

__all__ = [
    "STATIC",
    "CanvasState",
    "StateWriter",
    "bundle",
    "canvas_state",
    "english",
    "idle_state",
    "markup",
    "styles",
]
