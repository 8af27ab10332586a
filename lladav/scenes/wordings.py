"""How people put a question: today's own wordings, and everyday ones, composed so that their number multiplies.

A template names slots, "{noun}", and choices, "[what is|what's]", an empty one among them where words may be left out.
An everyday question is a template of its form, in one of four styles, behind an opening and before a closing, some of
them without capitals or marks, some with a typing error.
"""

import random
import re
from collections.abc import Mapping, Sequence

from lladav.scenes import captions, further_templates, out_of_world, short_forms, signs, small_talk, templates
from lladav.scenes.artwork import class_names
from lladav.scenes.language import article, plural
from lladav.scenes.phrasebook import (
    MACROS,
    OPENINGS,
    PLACES,
    PLAIN,
    POLITE,
    RELATION_WORDS,
    SYNONYMS,
    WONDERING,
)
from lladav.scenes.questions import Fact

CHOICE = re.compile(r"\[([^\[\]]*)\]")
SYNONYM_SHARE, OPENING_SHARE, POLITE_SHARE = 0.12, 0.2, 0.35
STYLES = {"direct": 50, "indirect": 15, "command": 15, "short": 20}
LOWER, NO_MARK, UPPER, TYPING_ERROR = 0.4, 0.35, 0.02, 0.1
NOUN_ERROR = 0.25  # of typing errors that fall on what is asked about, how many stay


def expand(template: str, rng: random.Random) -> str:
    """The template with every choice made and every macro in place."""
    text = template
    for name, macro in MACROS.items():
        text = text.replace(name, macro)
    while match := CHOICE.search(text):
        text = text[: match.start()] + rng.choice(match[1].split("|")) + text[match.end() :]
    return re.sub(" +", " ", text).strip()


def plain(fact: Fact, rng: random.Random) -> str:
    """One of the wordings that all figures in its own words are measured with."""
    return _filled(rng.choice(PLAIN[fact.form]), fact.slots)


def everyday(fact: Fact, rng: random.Random) -> str:
    """A question as somebody might type it."""
    spoken = {name: _spoken(name, value, rng) for name, value in fact.slots.items()}
    if fact.form == "beyond":
        spoken = _world(rng)
    styles = {style: weight for style, weight in STYLES.items() if fact.form in TEMPLATES[style]}
    style = rng.choices(list(styles), list(styles.values()))[0]
    core = _filled(expand(rng.choice(TEMPLATES[style][fact.form]), rng), spoken)
    text, mark = STYLED[style](core, rng)
    return _typed(text + mark, [*spoken.values()], rng)


def _filled(template: str, slots: Mapping[str, str]) -> str:
    """The template with names, their plurals ("{nouns}") and their articles ("{a_noun}") in its slots."""
    forms = {f"{name}s": plural(value) for name, value in slots.items() if name in COUNTED}
    forms |= {f"a_{name}": article(value) for name, value in slots.items() if name in COUNTED}
    return template.format_map({**slots, **forms})


COUNTED = ("noun", "other", "group")


def _spoken(slot: str, value: str, rng: random.Random) -> str:
    """A slot's value as people say it: "puppy" for a dog, "in the upper left corner" for a place."""
    if slot == "relation":
        return expand(rng.choice(RELATION_WORDS[value]), rng)
    if slot == "place":
        return expand(rng.choice(PLACES[value]), rng)
    if slot in COUNTED and rng.random() < SYNONYM_SHARE:
        head, _, noun = value.rpartition(" ")
        return f"{head} {rng.choice(SYNONYMS.get(noun, (noun,)))}".strip()
    return value


def _world(rng: random.Random) -> dict[str, str]:
    """What questions out of its world are about."""
    drawn = {name: rng.choice(values) for name, values in BEYOND.items()}
    topics = [*BEYOND["topic"], *map(plural, class_names())]
    length = rng.randint(2, 9)
    return drawn | {
        "subject": drawn["topic"],
        "topic": rng.choice(topics),
        "topic2": rng.choice(topics),
        "digit": str(rng.randint(0, rng.choice([9, 99, 9999]))),
        "gibberish": "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(length)),
    }


# --- styles: each gives the words and the mark behind them ----------------------------------------------------------


def _opening(share: float, rng: random.Random) -> str:
    return expand(rng.choice(OPENINGS), rng) + " " if rng.random() < share else ""


def _direct(core: str, rng: random.Random) -> tuple[str, str]:
    opening = _opening(OPENING_SHARE, rng)
    closing = rng.choice([" please", ", please", " thanks", " then", " now"]) if rng.random() < 0.06 else ""
    return opening + core + closing, "?"


def _indirect(core: str, rng: random.Random) -> tuple[str, str]:
    opening = _opening(OPENING_SHARE / 2, rng)
    wondering = expand(rng.choice(WONDERING), rng)
    asks = wondering.startswith(("can", "could", "do", "would", "may", "any"))
    return f"{opening}{wondering} {core}", "?" if asks else "."


def _command(core: str, rng: random.Random) -> tuple[str, str]:
    if rng.random() >= POLITE_SHARE:
        return core, "."
    before = expand(rng.choice(POLITE), rng)
    after = rng.choice(["", "", "", " please", " for me", ", please"])
    return f"{before} {core}{after}".strip(), "?" if before.startswith(("can", "could", "would", "will")) else "."


def _short(core: str, rng: random.Random) -> tuple[str, str]:
    return core, rng.choice(["?", "?", "?", "", "."])


STYLED = {"direct": _direct, "indirect": _indirect, "command": _command, "short": _short}
Book = Mapping[str, Sequence[str]]


def merged(*books: Book) -> Book:
    """Of each form, what all the books have."""
    forms = dict.fromkeys(form for book in books for form in book)
    return {form: tuple(each for book in books for each in book.get(form, ())) for form in forms}


def _of_all(name: str) -> Book:
    """The templates of a style. What is asked of one thing as of many (captions.py) is asked of many, too."""
    books = (templates, short_forms, small_talk, captions, further_templates, out_of_world, signs)
    return merged(*(vars(book).get(name, {}) for book in books), {"overview": vars(captions)[name]["caption"]})


TEMPLATES = {
    "direct": _of_all("DIRECT"),
    "indirect": _of_all("INDIRECT"),
    "command": _of_all("IMPERATIVES"),
    "short": _of_all("SHORT"),
}
BEYOND = merged(small_talk.BEYOND, out_of_world.BEYOND)


# --- typing -----------------------------------------------------------------------------------------------------------


def _typed(text: str, asked: Sequence[str], rng: random.Random) -> str:
    """The text as it is typed: capitals and marks come and go, and a letter may slip."""
    if rng.random() < TYPING_ERROR:
        text = misspelled(text, asked, rng)
    draw = rng.random()
    if draw < UPPER:
        text = text.upper()
    elif draw < UPPER + LOWER:
        text = text.lower().replace(", ", rng.choice([", ", " "]))
    else:
        text = text[0].upper() + text[1:]
    if rng.random() < NO_MARK:
        return text.rstrip("?.!")
    return text.rstrip("?.") + rng.choice("?.") if rng.random() < 0.03 else text


def misspelled(text: str, asked: Sequence[str], rng: random.Random) -> str:
    """The text with one letter of one word dropped, doubled, swapped with the next or replaced by a neighboring one."""
    words = text.split(" ")
    where = rng.randrange(len(words))
    word = words[where]
    named = any(word.rstrip("?.,") in value for value in asked)
    if len(word) < 4 or not word.isalpha() or (named and rng.random() > NOUN_ERROR):
        return text
    at = rng.randrange(1, len(word) - 1)
    slip = rng.randrange(4)
    if slip == 0:
        word = word[:at] + word[at + 1 :]
    elif slip == 1:
        word = word[:at] + word[at] + word[at:]
    elif slip == 2:
        word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    else:
        word = word[:at] + rng.choice("abcdefghijklmnopqrstuvwxyz") + word[at + 1 :]
    return " ".join([*words[:where], word, *words[where + 1 :]])
