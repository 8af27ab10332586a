"""The Space: the page for the model that `LLADAV_MODEL` names, or for the default one."""

import spaces  # noqa: F401, isort: skip - on ZeroGPU it has to come before torch

from lladav import LladaVPipeline
from lladav.pipeline import default_model
from lladav.ui.app import build_app, launch

demo = build_app(LladaVPipeline.from_pretrained(default_model()))

if __name__ == "__main__":
    launch(demo)
