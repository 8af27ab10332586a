"""A trace as something to keep: a film, a picture, a page that replays it, or data."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

from lladav.render.film import film_frames, render_gif, render_mp4, render_png
from lladav.render.frames import draw_frames
from lladav.render.page import render_html
from lladav.trace import Trace

__all__ = ["EXPORT_FORMATS", "draw_frames", "export", "exporting"]

EXPORT_FORMATS = ("gif", "mp4", "png", "html", "json")


def export(trace: Trace, path: str | Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Write `trace` in the format that the ending of `path` names.

    Args:
        trace: the run.
        path: of the file; .gif and .mp4 have a frame for every step, .png shows the answer as it ended, .html replays
            the run in a browser without a network, and .json is what `Trace.load` reads.
        progress: called with the number of frames that are done, and of all.

    Raises:
        ValueError: the ending is none of those.
    """
    for done, total in exporting(trace, path):
        if progress:
            progress(done, total)


def exporting(trace: Trace, path: str | Path, megapixels: float = math.inf) -> Iterator[tuple[int, int]]:
    """As `export`, a frame at a time: who takes no more stops the work.

    Args:
        trace, path: as `export` has them.
        megapixels: that all frames of a film may have together; some are left out of one that would have more.

    Yields:
        The number of frames that are done, and of all.
    """
    suffix = Path(path).suffix.lower()
    films = {".gif": render_gif, ".mp4": render_mp4}
    match suffix:
        case ".gif" | ".mp4":
            shown = film_frames(trace, megapixels)
            yield from ((done, len(shown)) for done in films[suffix](trace, path, shown))
        case ".png":
            render_png(trace, path)
        case ".html":
            render_html(trace, path)
        case ".json":
            trace.save(path)
        case _:
            raise ValueError(f"path must end in .{', .'.join(EXPORT_FORMATS)}, got {suffix or str(path)!r}")
