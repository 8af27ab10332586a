"""How the page is served as a program: with a folder of its own for what visitors send, and ended politely."""

import gc
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from lladav.pipeline import LladaVPipeline
from lladav.ui.app import build_app, launch, measure
from lladav.ui.journal import write_to_stderr
from lladav.ui.limits import LIMITS

EVENTS_KEPT = "GRADIO_ANALYTICS_MAX_EVENTS"  # that gradio has statistics of, which it makes anew after every one
FOLDER = "lladav-{}"  # in the system's temporary folder, by the number of the process


def serve(pipe: LladaVPipeline, port: int | None = None, debug: bool = False, mcp: bool = False) -> None:
    """Serve the page for a model until the process is interrupted or told to end.

    Every run is a line of JSON on stderr, see `lladav.ui.journal`.

    What visitors upload and export lies in a folder of this process, which is empty at the start and gone at the end.

    Args:
        debug: also show the last runs, without contents, at `/debug`.
        mcp: also serve the endpoints for programs as tools of the Model Context Protocol.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    os.environ.setdefault(EVENTS_KEPT, str(LIMITS.sessions))
    write_to_stderr()
    with own_folder() as folder:
        demo = build_app(pipe, measure(pipe))
        # What is there now stays: half a million objects. Left among those that are searched for garbage, they make the
        # search so rare that what visitors leave behind grows to a hundred megabytes in between.
        gc.collect()
        gc.freeze()
        drop_in_time(folder)
        try:
            launch(demo, overviewed=debug, server_port=port, mcp_server=mcp)
        finally:
            demo.close(verbose=False)


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder for gradio's files that no other server shares. What ended servers have left goes, too."""
    root = Path(tempfile.gettempdir())
    for left in root.glob(FOLDER.format("*")):
        number = left.name.removeprefix(FOLDER.format(""))
        # A container numbers its processes alike at every start: what is there of this one, an ended one has left.
        if number.isdecimal() and (int(number) == os.getpid() or not _runs(int(number))):
            shutil.rmtree(left, ignore_errors=True)
    folder = root / FOLDER.format(os.getpid())
    folder.mkdir(mode=0o700)
    before = os.environ.get("GRADIO_TEMP_DIR")
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    try:
        yield folder
    finally:
        if before is None:
            del os.environ["GRADIO_TEMP_DIR"]
        else:
            os.environ["GRADIO_TEMP_DIR"] = before
        shutil.rmtree(folder, ignore_errors=True)


def drop_in_time(folder: Path) -> None:
    """Delete from now on what is in the folder once it is as old as a visitor's files may get.

    Gradio would delete what its components have written, but not pictures that came as data URLs, nor sweeps.
    """

    def sweep() -> None:
        while True:
            time.sleep(LIMITS.cache_sweep_seconds)
            drop_old_files(folder)

    threading.Thread(target=sweep, daemon=True).start()


def drop_old_files(folder: Path) -> None:
    """Delete the files below a folder that are older than `LIMITS.cache_seconds`, and old folders that are empty."""
    oldest = time.time() - LIMITS.cache_seconds
    for parent, folders, files in os.walk(folder, topdown=False):  # what is in a folder before the folder itself
        for name in (*files, *folders):
            path = Path(parent, name)
            with suppress(OSError):  # it is gone already, or the folder holds what is newer
                if path.stat().st_mtime < oldest:
                    path.rmdir() if path.is_dir() else path.unlink()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """End as by Ctrl+C: gradio closes the server, and runs that go on are stopped. Being told again changes nothing."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt
