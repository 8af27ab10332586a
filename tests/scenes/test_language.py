"""English for scenes."""

from lladav.scenes import (
    Item,
    article,
    listing,
    place,
    plural,
    quantity,
)


def test_plurals_articles_and_lists():
    words = ("mouse", "box", "butterfly", "key", "red circle", "bus", "fish", "snowman", "cactus")
    assert [plural(word) for word in words] == [
        "mice", "boxes", "butterflies", "keys", "red circles", "buses", "fish", "snowmen", "cacti",
    ]  # fmt: skip
    assert article("apple") == quantity("apple", 1) == "an apple" and quantity("fox", 3) == "three foxes"
    assert listing(["a"]) == "a" and listing(["a", "b"]) == "a and b" and listing(["a", "b", "c"]) == "a, b and c"


def test_places():
    assert place(Item("dog", "", "noto", 0.5, 0.5, 0.1)) == "in the middle"
    assert place(Item("dog", "", "noto", 0.5, 0.9, 0.1)) == "at the bottom"
