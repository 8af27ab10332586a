"""Records what the lessons are answered, for readers whom nothing can be run for: python assets/lessons/build.py

To be recorded again whenever the weights change; tests/assets/test_lessons.py says when that was forgotten.
"""

import json
from pathlib import Path

from lladav import LladaVPipeline
from lladav.assets import asset
from lladav.ui.learn.lessons import EMBEDDED, LESSONS
from lladav.ui.learn.replies import Replies, recorded_replies

HERE = Path(__file__).parent


def main() -> None:
    """Records every lesson, and removes those that are no longer listed."""
    for path in HERE.glob("*.json"):
        path.unlink()
    replies = Replies(LladaVPipeline.from_pretrained(asset(EMBEDDED), device="cpu"))
    for lesson in LESSONS:
        answers = json.dumps(recorded_replies(replies, lesson.requests), separators=(",", ":"))
        (HERE / f"{lesson.name}.json").write_text(answers + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
