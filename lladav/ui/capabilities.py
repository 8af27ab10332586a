"""What a model can do, as the page offers it: read once, from the file that lies beside the model's weights."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lladav.anyres import ImageLayout
from lladav.loading import CAPABILITIES
from lladav.pipeline import LladaVPipeline
from lladav.ui.limits import LIMITS
from lladav.ui.texts import said

VIDEO_FRAMES = 32  # that the published model is given of a video
FRAME_SHARE = 0.75  # of a model's positions that the frames of a video may take
SUGGESTIONS = ("What is in this picture?", "Describe the picture in detail.", "What stands out in it?")


@dataclass(frozen=True)
class Capabilities:
    """What a model can do.

    Attributes:
        summary: what it is, in a few words.
        knows: what it can be asked about, by heading; empty for a model of photographs.
        examples: a question of each kind that it understands, by kind.
        suggested_questions: three, for any picture.
        can_think: whether it follows " /think" and " /no_think".
        max_frames: of a video; 0 where it takes none.
        longest_answer: in tokens.
        gen_length: tokens of an answer until the visitor chooses.
        preset: the one that the page opens with.
        composes_scenes: whether pictures that it understands can be composed for it.
    """

    summary: str
    knows: dict[str, list[str]] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    suggested_questions: tuple[str, ...] = SUGGESTIONS
    can_think: bool = False
    max_frames: int = 0
    longest_answer: int = LIMITS.answer
    gen_length: int = 64
    preset: str = "Balanced"
    composes_scenes: bool = False

    @classmethod
    def of(cls, pipe: LladaVPipeline) -> "Capabilities":
        """Read them from beside the model's weights; a model without the file is taken for a published LLaDA-V."""
        longest = min(LIMITS.answer, pipe.max_length // 2)
        file = Path(str(pipe.model.config.name_or_path)) / CAPABILITIES
        if not file.is_file():
            frames = min(VIDEO_FRAMES, int(pipe.max_length * FRAME_SHARE) // frame_tokens(pipe))
            return cls(said("said.published"), can_think=True, max_frames=frames, longest_answer=longest)
        written: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        questions = tuple(written.pop("suggested_questions", SUGGESTIONS))
        values: dict[str, Any] = {"longest_answer": longest, "suggested_questions": questions} | written
        return cls(**values)


def frame_tokens(pipe: LladaVPipeline) -> int:
    """Positions that a frame of a video takes."""
    return pipe.processor.image_processor.count_tokens((1, 1), 1, ImageLayout.VIDEO)


def parameters_in_words(pipe: LladaVPipeline) -> str:
    """How large a model is: "5.9 M", "8.4 B"."""
    count = sum(parameter.numel() for parameter in pipe.model.parameters())
    return f"{count / 1e9:.1f} B" if count >= 1e9 else f"{count / 1e6:.1f} M"
