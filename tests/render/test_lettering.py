"""Letters and lines."""

import pytest

from lladav.render.lettering import lettering, shortened, text_width, wrapped


@pytest.mark.parametrize("letter", [*"aéßжλ中–…·■↵"])
def test_letters_of_many_scripts_have_a_shape_of_their_own(letter: str):
    ink = lettering(letter, 24)
    assert max(ink.tobytes()) == 255
    assert ink.tobytes() != lettering("?", 24).tobytes()


def test_lines_keep_to_their_width():
    text = "the quick brown fox jumps over the lazy dog " * 9
    lines = wrapped(text, 300, 20, most=3)
    assert len(lines) == 3 and lines[-1].endswith("…")
    assert all(text_width(line, 20) <= 300 for line in lines)
    assert " ".join(wrapped(text, 300, 20, most=99)) == text.strip()
    assert wrapped("", 300, 20) == [""] and shortened("fox", 300, 20) == "fox"
