"""The lessons of the Learn tab: one idea each, the runs that show it, and what the reader guesses beforehand.

What they say stands in `lladav/ui/i18n`, one file a language; how they are painted in `lladav/ui/static/lessons`.
"""

from dataclasses import dataclass, field
from typing import Any

from lladav.assets import asset
from lladav.messages import Messages
from lladav.sampling import SamplingConfig

EMBEDDED, TWIN = "lladav-tiny", "lladav-tiny-ar"
BRIEF, DETAIL = "Describe the picture.", "Describe the picture in detail."
READ = "What does the sign say?"
ANSWER_LENGTH = 32  # tokens of a lesson's answers
SIGN, SIGN_LENGTH = "LLADAV", 16  # what the sign says, and tokens of an answer about it
TIMES = tuple(round(0.1 * tenth, 1) for tenth in range(1, 11))  # times at which the first lesson adds noise
STEPS, BLOCKS = (32, 16, 8, 4), (32, 16, 8)
LONGEST_SENTENCE, MOST_WORDS = 120, 31  # letters, and tokens without the end, of a reader's own sentence


@dataclass(frozen=True)
class PictureQuestion:
    """A question about a picture, which is given by its name in assets/examples."""

    picture: str
    question: str

    @property
    def image(self) -> str:
        """The file of the picture."""
        return str(asset("examples") / f"{self.picture}.png")

    @property
    def messages(self) -> Messages:
        """What the model is asked."""
        content = [{"type": "image", "image": self.image}, {"type": "text", "text": self.question}]
        return [{"role": "user", "content": content}]


@dataclass(frozen=True)
class LessonRun(PictureQuestion):
    """Something to run.

    Attributes:
        config: how to decode.
        model: a folder of assets.
        template: text with blanks that is filled in place of an answer, see `sampling.infilling`; "" for none.
    """

    config: SamplingConfig
    model: str = EMBEDDED
    template: str = ""


@dataclass(frozen=True)
class Lesson:
    """One idea, with a guess to commit to before it is shown.

    Attributes:
        name: under which texts, scripts and recorded replies know it.
        chat: what "Try it in Chat" asks.
        choices: that the reader guesses from; empty where the guess is made on the picture itself.
        outcome: the one that holds for the shipped weights; "" where it depends on what the reader does.
        requests: what the lesson asks the server for: the name of a request and the values that come with it.
        run: the request whose run is told step by step on a projector; "" for none.
        values: what its texts name by a placeholder, and its script by name: words and positions of the shipped
            weights' runs, so that other weights change them here alone; what is written on its picture; and the picture
            and the question that it goes on with.
    """

    name: str
    chat: LessonRun
    choices: tuple[str, ...]
    outcome: str
    requests: dict[str, dict[str, Any]]
    run: str = ""
    values: dict[str, Any] = field(default_factory=dict)


def decoding(steps: int, block_length: int = ANSWER_LENGTH) -> SamplingConfig:
    """Settings of a lesson's answers."""
    return SamplingConfig(gen_length=ANSWER_LENGTH, block_length=block_length, steps=steps)


def reading(steps: int) -> SamplingConfig:
    """Settings of answers about the sign."""
    return SamplingConfig(gen_length=SIGN_LENGTH, block_length=SIGN_LENGTH, steps=steps)


WINO = SamplingConfig.method("wino", gen_length=ANSWER_LENGTH)
LESSON_RUNS = {  # by the name of a request, of all lessons that run a model step by step
    "one-step": LessonRun("space", DETAIL, decoding(32)),
    "order": LessonRun("fruit", DETAIL, decoding(32)),
    **{
        f"{steps}-{block}": LessonRun("garden", DETAIL, decoding(steps, block))
        for block in BLOCKS
        for steps in STEPS
    },
    "wino": LessonRun("picnic", BRIEF, WINO),
    "masks": LessonRun("sea", DETAIL, decoding(8)),
    "twin": LessonRun("sea", DETAIL, decoding(32), TWIN),
    "at-once": LessonRun("sign", READ, reading(1)),
    "one-by-one": LessonRun("sign", READ, reading(SIGN_LENGTH)),
    "left-to-right": LessonRun("sign", READ, reading(SIGN_LENGTH), TWIN),
    "words-at-once": LessonRun("garden", DETAIL, decoding(1)),
    "fill": LessonRun("sea", BRIEF, decoding(32), template="The {1} is at the top left."),
    "fill-twin": LessonRun("sea", BRIEF, decoding(32), TWIN, "The {1} is at the top left."),
}  # fmt: skip


@dataclass(frozen=True)
class Blank(PictureQuestion):
    """A masked word whose logits the reader guides and tempers, between the words `before` and `after` it."""

    before: str
    after: str


BLANKS = {
    "helped": Blank("sea", BRIEF, "The", " is at the top left."),
    "misled": Blank("farm", BRIEF, "A tractor, a", " and a chicken."),
}
LOOKS = LessonRun("picnic", BRIEF, decoding(32))  # whose words are asked what they looked at
THINGS = {  # on its picture, in the order of its answer: left, top, right and bottom, as fractions of its sides
    "pizza": (0.015, 0.055, 0.345, 0.385),
    "banana": (0.32, 0.63, 0.62, 0.93),
    "apple": (0.655, 0.085, 0.925, 0.355),
}
SENTENCE = "I see a pizza, a banana and an apple."
MISTAKE, PUT_RIGHT = "A pizza, a banana and a banana.", "A pizza, a banana and an apple."  # about `LOOKS`'s picture


def values_of(run: PictureQuestion) -> dict[str, str]:
    """What a run is about, for a script that shows it beside the lesson's own picture."""
    return {"picture": run.picture, "question": run.question}


def runs(*names: str) -> dict[str, dict[str, Any]]:
    """Requests of examples as they are."""
    return {name: {} for name in names}


LESSONS = [
    Lesson(
        "noise", LessonRun("picnic", BRIEF, decoding(32)), ("all", "most", "few"), "",
        {f"t-{level}": {"sentence": SENTENCE, "picture": "picnic", "seed": 1} for level in TIMES},
    ),
    Lesson("one-step", LESSON_RUNS["one-step"], (), "", runs("one-step"), "one-step"),
    Lesson(
        "order", LESSON_RUNS["order"], ("left", "right", "together"), "right", runs("order"), "order",
        {"left_word": "strawberry", "left_at": 12, "right_word": "right", "right_at": 17},
    ),
    Lesson(
        "budget", LESSON_RUNS["8-32"], ("things", "agreement", "nothing"), "agreement",
        runs(*(f"{steps}-{block}" for block in BLOCKS for steps in STEPS)), "8-32",
    ),
    Lesson(
        "taking-back", LESSON_RUNS["wino"], ("noun", "pair"), "pair",
        {"draft": {"positions": []}, "mask-7": {"positions": [7]}, "mask-6-7": {"positions": [6, 7]}, **runs("wino")},
        "wino", {"put_right": PUT_RIGHT},
    ),
    Lesson(
        "guidance", LessonRun("farm", BRIEF, decoding(32)), ("rises", "falls"), "falls",
        runs(*BLANKS), values={"right_word": "pig"},
    ),
    Lesson(
        "race", LESSON_RUNS["masks"], ("masks", "twin", "same"), "masks", runs("masks", "twin", "fill", "fill-twin"),
        "masks",
    ),
    Lesson("looking", LOOKS, ("apple", "banana", "evenly"), "evenly", runs("looks")),
    Lesson(
        "inside", LessonRun("shapes", BRIEF, decoding(32)), ("one", "patches", "pixels"), "patches",
        {"shapes": {"picture": "shapes", "question": BRIEF}},
    ),
    Lesson(
        "reading", LESSON_RUNS["at-once"], ("all", "some", "one"), "all",
        runs("at-once", "one-by-one", "left-to-right", "words-at-once"), "at-once",
        {"sign": SIGN, "length": len(SIGN), **values_of(LESSON_RUNS["words-at-once"])},
    ),
]  # fmt: skip
BY_NAME = {lesson.name: lesson for lesson in LESSONS}
QUIZ = {  # question: the number of the choice that is right
    "masked": 1,
    "first": 2,
    "why": 0,
    "fewer": 1,
    "block": 2,
    "left": 0,
    "taken": 1,
    "guided": 2,
}
