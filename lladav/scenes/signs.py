"""Signs with a few letters and digits on them, which are read one by one.

The first character of a sign is the first token of the answer, the second is the second, whatever the others are: a
model may write all of them in one step, and lose nothing by it. Most of what signs say is drawn at random, so that it
has to be read and cannot be guessed.
"""

import random
from dataclasses import dataclass

from lladav.scenes.artwork import class_names

CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
LONGEST_SIGN = 6  # characters
WORD_SHARE = 0.25  # of signs
SIGN_COLUMNS = 8  # of characters across a picture, and of rows down it
FIRST_COLUMN = 1  # where a sign begins
SLIP = 0.025  # a sign lies up to this far from its column and row, as a fraction of the picture
SMALLEST, LARGEST = 0.11, 0.15  # characters, as fractions of the picture
WIDEST = 0.11  # the same


@dataclass(frozen=True)
class Sign:
    """A row of characters. `y` is the middle of the row, `x` the middle of the first of them, `size` their height, all
    fractions of the picture's side; each stands an eighth of the picture behind the one before."""

    text: str
    x: float
    y: float
    size: float

    @property
    def places(self) -> list[tuple[str, float, float]]:
        """Each character, and the middle of it."""
        return [(character, self.x + column / SIGN_COLUMNS, self.y) for column, character in enumerate(self.text)]

    @property
    def spelled(self) -> str:
        """What it says, one character at a time: "A 7 K"."""
        return " ".join(self.text)


def draw_sign(rng: random.Random, longest: int = LONGEST_SIGN) -> Sign:
    """A sign with one to `longest` letters, digits or both, or with a short word."""
    words = [name.upper() for name in class_names() if len(name) <= longest]
    characters = rng.choice([CHARACTERS, CHARACTERS[:26], CHARACTERS[26:]])
    text = "".join(rng.choice(characters) for _ in range(rng.randint(1, longest)))
    if words and rng.random() < WORD_SHARE:
        text = rng.choice(words)
    row = rng.randint(1, SIGN_COLUMNS - 2)
    x = (FIRST_COLUMN + 0.5) / SIGN_COLUMNS + rng.uniform(-SLIP, SLIP)
    y = (row + 0.5) / SIGN_COLUMNS + rng.uniform(-SLIP, SLIP)
    return Sign(text, x, y, rng.uniform(SMALLEST, LARGEST))


# --- how people ask for it (see phrasebook.py) ------------------------------------------------------------------------

PLAIN = {"sign": ("What does the sign say?", "Read the sign.", "What is written on the sign?")}
DIRECT = {
    "sign": (
        "what does [the|this|that] sign say",
        "<what is> [written|printed] on [the|this|that] sign",
        "<what is> written [here|there|on it]",
        "what does it say[| on the sign| here]",
        "which [letters|characters|letters and digits|numbers] [are|do you see|can you see] on [the|this] sign",
        "what [letters|digits|numbers|characters] are [there|these|those|on it|on the sign]",
        "what can [you|I] read [here|there|on the sign|in <picture>]",
        "[can|could] you read [it|this|that|the sign|what it says|what the sign says]",
        "what [text|word|writing] is [on the sign|in <picture>|there]",
        "<what is> the [text|writing|word|code|number] [on the sign|in <picture>|here]",
        "how does the sign read",
        "what is on the sign",
    )
}
INDIRECT = {
    "sign": (
        "what [the|this|that] sign says",
        "what is [written|printed] on [the|this|that] sign",
        "what it says[| on the sign]",
        "which [letters|characters|numbers] are on the sign",
        "what the [text|writing|word|code] [on the sign |in <picture> |]is",
    )
}
IMPERATIVES = {
    "sign": (
        "read [the|this|that] sign[| out| aloud| to me]",
        "read [it|this|what it says|what the sign says|the text|the letters|what is written]",
        "spell [the sign|what it says|what is on the sign|it out]",
        "[give|tell|show] me the [text|letters|characters|writing|code] [on the sign|in <picture>|]",
        "write down what [the sign|it] says",
        "[transcribe|copy|type] the [sign|text|letters]",
    )
}
SHORT = {
    "sign": (
        "[the |]sign",
        "[sign|the] text",
        "[text|letters|characters|writing] on [the |]sign",
        "[read|spell] [it|sign|text]",
        "sign says",
        "and the sign",
        "ocr",
        "[text|letters|code]",
    )
}
