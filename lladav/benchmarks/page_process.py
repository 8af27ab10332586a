"""A page of its own for a measurement or a test: `lladav app` in another process."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

HOST = "127.0.0.1"
PAUSE_SECONDS = 0.1  # between two looks whether the page is there


@contextmanager
def page_process(
    model: str | None = None, output: IO[str] | None = None, command: Sequence[str] | None = None, **environment: str
) -> Iterator[tuple[str, int]]:
    """Serve a page while it is needed.

    Args:
        model: as `lladav app --model` takes it.
        output: where what the process prints goes; by default only its errors are shown.
        command: what serves the page, if it is not `lladav app`.
        environment: further variables for it.

    Yields:
        The address of the page, and the number of the process.

    Raises:
        OSError: the process ended before the page was there.
    """
    with closing(socket.socket()) as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    command = command or [sys.executable, "-m", "lladav", "app", *(["--model", model] if model else [])]
    variables = os.environ | {"LLADAV_PORT": str(port)} | environment
    server = subprocess.Popen(command, env=variables, stdout=output or subprocess.DEVNULL, stderr=output)
    try:
        address = f"http://{HOST}:{port}/"
        _until_served(server, f"{address}health")
        yield address, server.pid
    finally:
        server.terminate()
        server.wait()


def _until_served(server: subprocess.Popen, address: str) -> None:
    while server.poll() is None:
        try:
            urlopen(address).close()
            return
        except URLError:
            time.sleep(PAUSE_SECONDS)
    raise OSError(f"the page could not be served: its process ended with {server.returncode}")
