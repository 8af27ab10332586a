"""English for scenes: articles, plurals, numbers, lists and places."""

STRANGER = "thing I don't know"  # what a stranger is called, whichever it is
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
IRREGULAR = {
    **{"mouse": "mice", "fish": "fish", "cactus": "cacti", "man": "men", "woman": "women", "person": "people"},
    **{"child": "children", "knife": "knives", "wolf": "wolves", "die": "dice", "snowman": "snowmen"},
}
COLUMNS, ROWS = ("left", "", "right"), ("top", "", "bottom")


def article(phrase: str) -> str:
    """ "a dog", "an apple"."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def plural(phrase: str) -> str:
    """The plural of a phrase: "dogs", "red circles", "mice"."""
    if phrase == STRANGER:
        return phrase.replace("thing", "things")
    head, _, noun = phrase.rpartition(" ")
    if noun in IRREGULAR:
        noun = IRREGULAR[noun]
    elif noun.endswith("y") and noun[-2] not in "aeiou":
        noun = noun[:-1] + "ies"
    else:
        noun += "es" if noun.endswith(("s", "x", "ch")) else "s"
    return f"{head} {noun}".strip()


def quantity(phrase: str, count: int) -> str:
    """ "a dog", "three dogs"."""
    return article(phrase) if count == 1 else f"{NUMBERS[count]} {plural(phrase)}"


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    return text[0].upper() + text[1:] + "."


def listing(phrases: list[str]) -> str:
    """ "a dog, two cats and a red circle"."""
    return " and ".join(part for part in (", ".join(phrases[:-1]), phrases[-1]) if part)


def place_of(cell: tuple[int, int]) -> str:
    """What a cell (column, row) of a 3 x 3 grid is called: "at the top left", "in the middle"."""
    column, row = COLUMNS[cell[0]], ROWS[cell[1]]
    return f"at the {f'{row} {column}'.strip()}" if row or column else "in the middle"
