"""The badge at the header: which model this is, what it can be asked, and where to read more."""

from typing import Any

from lladav.pipeline import LladaVPipeline
from lladav.ui.capabilities import Capabilities, parameters_in_words
from lladav.ui.components import html_component

LINKS = {
    "header.paper": "https://arxiv.org/abs/2505.16933",
    "header.code": "https://github.com/ML-GSAI/LLaDA-V",
    "header.model": "https://huggingface.co/GSAI-ML/LLaDA-V",
}


def create_badge(pipe: LladaVPipeline, capabilities: Capabilities) -> None:
    """Lay out the badge in the current context."""
    value: dict[str, Any] = {
        "title": [pipe.name, parameters_in_words(pipe), capabilities.summary],
        "knows": capabilities.knows,
        "examples": capabilities.examples,
        "links": LINKS,
    }
    html_component("badge", value, elem_id="badge", container=False, padding=False)
