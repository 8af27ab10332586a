"""The Space: the page for the model that `LLADAV_MODEL` names, or for the default one."""

import spaces  # noqa: F401, isort: skip - on ZeroGPU it has to come before torch

import sys

from lladav import LladaVPipeline
from lladav.cli import error_sentence
from lladav.cli.app import server_port
from lladav.pipeline import default_model
from lladav.ui.server import serve


def main() -> int:
    """Serve the page; 1 and a sentence on stderr where that cannot be done."""
    try:
        port = server_port()  # before seconds of loading
        serve(LladaVPipeline.from_pretrained(default_model()), port)
    except (ValueError, OSError) as error:
        print(f"lladav: {error_sentence(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
