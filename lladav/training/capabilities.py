"""What a model that was trained on scenes can do: the file beside its weights that the page reads."""

import json
from pathlib import Path
from typing import Any

from lladav.loading import CAPABILITIES
from lladav.scenes import COLORS, SHAPES, class_names

EXAMPLES = {
    "name": "What is it?",
    "position": "What is at the top left?",
    "color": "What color is the circle?",
    "count": "How many dogs are there?",
    "exists": "Is there a cat?",
    "relation": "What is left of the dog?",
    "where": "Where is the dog?",
    "caption": "Describe the picture.",
    "detail": "Describe the picture in detail.",
    "group": "How many animals are there?",
    "sign": "What does the sign say?",
    "follow_up": "Where is it?",
    "talk": "Hello!",
}


def capabilities() -> dict[str, Any]:
    """The fields of `lladav.ui.capabilities.Capabilities`, as far as they differ from those of a published model."""
    return {
        "summary": "tiny demo model, emoji, shapes and signs",
        "knows": {
            "Things": list(class_names()),
            "Shapes": list(SHAPES),
            "Colors": list(COLORS),
            "Signs": ["A–Z", "0–9"],
        },
        "examples": EXAMPLES,
        "suggested_questions": ["Describe the picture.", "What is in the picture?", "Is there a cat?"],
        "longest_answer": 256,
        "gen_length": 64,
        "preset": "Quality",
        "composes_scenes": True,
    }


def write_capabilities(folder: Path) -> None:
    """Write what the model in `folder` can do beside its weights."""
    (folder / CAPABILITIES).write_text(
        json.dumps(capabilities(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
