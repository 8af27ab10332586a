"""The lessons of the Learn tab: stretches of recorded runs, each with one thing to see."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lesson:
    """One thing to see.

    Attributes:
        title: what it is.
        text: what to look at.
        run: name of the recorded run that shows it.
        first: the step it begins at.
        last: the step it is played to; None for the end.
    """

    title: str
    text: str
    run: str
    first: int
    last: int | None


ONE_BLOCK, BLOCKS, FAST, LEFT_TO_RIGHT = (f"lesson-{name}" for name in ("one-block", "blocks", "fast", "left-to-right"))
LESSONS = [
    Lesson(
        "Nothing but masks",
        "The model has read the picture and the question. Its answer is there from the start, at full length, with a "
        "mask over every token.",
        ONE_BLOCK, 0, 0,
    ),
    Lesson(
        "A guess for every mask",
        "One forward pass looks in both directions and guesses a token for all masks at once. The faint words are the "
        "guesses. Point at one: the bars show what else was weighed there.",
        ONE_BLOCK, 1, 1,
    ),
    Lesson(
        "The surest is kept",
        "How probable the model finds its own guess is its confidence. The surest guess is kept, wherever it stands; "
        "the bar under a token says how sure. All others go back behind their masks.",
        ONE_BLOCK, 1, 4,
    ),
    Lesson(
        "Then it looks again",
        "What was kept is something to hold on to: every further pass sees it, and guesses the rest better. The order "
        "is the model's own. Behind the end sign ∎ nothing is part of the answer.",
        ONE_BLOCK, 4, None,
    ),
    Lesson(
        "Blocks bring back some order",
        "An answer may be cut into blocks. Inside a block any order will do, but a block has to be finished before the "
        "next begins, so the end is not settled before the middle was looked at.",
        BLOCKS, 0, None,
    ),
    Lesson(
        "Fewer looks, faster answers",
        "Four tokens a pass need a quarter of the passes. But tokens kept together did not see each other, and "
        "need not agree. The knobs of this page are about that bargain.",
        FAST, 0, None,
    ),
    Lesson(
        "And left to right?",
        "A usual language model writes one token after the other, one a pass. It sees nothing of what comes later, and "
        "has no masks to choose from.",
        LEFT_TO_RIGHT, 0, None,
    ),
]  # fmt: skip
