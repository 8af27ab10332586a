"""What a text is worth: the measures of question answering, and those of repetition.

All are a few lines over strings. `evaluate` fetches the code of a metric from the hub when it is used, and
`sacrebleu` has none of these.
"""

import math
import re
import string
from collections import Counter
from collections.abc import Sequence

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)
ANLS_THRESHOLD = 0.5
DISTINCT, REPEATED = 2, 3  # words in the n-grams that are counted


def normalized(text: str) -> str:
    """In lower case, without punctuation, articles and further white space, as SQuAD compares (arXiv 1606.05250)."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def exact_match(text: str, answers: Sequence[str]) -> bool:
    """Whether `text` is one of the answers once both are normalized."""
    return normalized(text) in map(normalized, answers)


def token_f1(text: str, answers: Sequence[str]) -> float:
    """The harmonic mean of precision and recall of the words, of the answer that it is best for (arXiv 1606.05250)."""
    return max(_f1(normalized(text).split(), normalized(answer).split()) for answer in answers)


def _f1(given: list[str], wanted: list[str]) -> float:
    shared = sum((Counter(given) & Counter(wanted)).values())
    return 2 * shared / (len(given) + len(wanted)) if shared else float(given == wanted)


def anls(text: str, answers: Sequence[str]) -> float:
    """Average normalized Levenshtein similarity (arXiv 1905.13648): 1 - NL to the nearest answer, or 0 where NL >= 0.5.

    NL is the number of letters to insert, delete or replace, divided by the length of the longer text; case and outer
    white space do not count.
    """
    given = text.strip().lower()
    similarity = 1 - min(_distance(given, answer.strip().lower()) for answer in answers)
    return similarity if similarity > 1 - ANLS_THRESHOLD else 0.0


def _distance(one: str, other: str) -> float:
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        diagonal, row[0] = row[0], i
        for j, wanted in enumerate(other, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (letter != wanted))
    return row[-1] / max(len(one), len(other), 1)


def ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    """The runs of `n` words of a normalized text."""
    words = normalized(text).split()
    return [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]


def distinct(texts: Sequence[str], n: int = DISTINCT) -> float:
    """distinct-n: the share of different n-grams among those of all texts, or 1 (arXiv 1510.03055)."""
    found = [gram for text in texts for gram in ngrams(text, n)]
    return len(set(found)) / len(found) if found else 1.0


def repeated(text: str, n: int = REPEATED) -> float:
    """seq-rep-n: the share of the n-grams of one text that stood in it before (arXiv 1908.04319, eq. 9)."""
    found = ngrams(text, n)
    return 1 - len(set(found)) / len(found) if found else 0.0


def by_chance(gained: int, lost: int) -> float:
    """How probably a coin would part the answers that two methods differ in as unevenly, or more.

    McNemar's test, exactly: p = 2 ∑_{i ≤ min(g, l)} C(g + l, i) / 2^(g + l), at most 1.
    """
    differ, fewer = gained + lost, min(gained, lost)
    return min(1.0, 2 * sum(math.comb(differ, count) for count in range(fewer + 1)) / 2**differ)
