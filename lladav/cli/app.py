"""`lladav app`: serve the page."""

import argparse
import os
import socket
from contextlib import closing

from lladav.cli.checks import need

LOOPBACK = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `lladav app`."""
    parser.add_argument("--model", help="directory or hub id (default: LLADAV_MODEL, or what suits the machine)")
    parser.add_argument("--debug", action="store_true", help="show the last runs, without contents, at /debug")
    parser.add_argument("--mcp", action="store_true", help="also serve its endpoints as tools, at /gradio_api/mcp/")


def run(args: argparse.Namespace) -> int:
    """Run `lladav app`."""
    if args.mcp:
        need("mcp", "--mcp")
    port = server_port()  # before seconds of loading
    from lladav.pipeline import LladaVPipeline, default_model  # these two take seconds
    from lladav.ui.server import serve

    serve(LladaVPipeline.from_pretrained(args.model or default_model()), port, debug=args.debug, mcp=args.mcp)
    return 0


def server_port() -> int | None:
    """The port that LLADAV_PORT names; None where that is not set, which lets gradio look for a free one.

    Raises:
        ValueError: it is no port, or another program listens on it.
    """
    text = os.environ.get("LLADAV_PORT")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535):
        raise ValueError(f"LLADAV_PORT must be a whole number from 1 to 65535, got {text!r}: choose one, such as 7860")
    host = os.environ.get("GRADIO_SERVER_NAME", LOOPBACK)
    with closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just left is free
        try:
            listener.bind((host, int(text)))
        except OSError as error:
            raise ValueError(
                f"LLADAV_PORT must be a port that can be listened on at {host}, got {text} ({error.strerror}): "
                "stop what uses it, or choose another"
            ) from error
    return int(text)
