"""The tree that CONTRIBUTING.md draws is the one that is there."""

import re

from helpers import ROOT

DRAWN = re.search(r"## The tree\n\n```\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)


def drawn() -> set[str]:
    """The paths of the drawing, folders with a slash at their end."""
    assert DRAWN
    paths, above = set(), []
    for line in DRAWN[1].splitlines():
        name = line.split()[0]
        above = above[: (len(line) - len(line.lstrip())) // 2]
        paths.add("".join(above) + name)
        if name.endswith("/"):
            above.append(name)
    return paths


def test_the_tree_is_the_one_that_is_there():
    package = ROOT / "lladav"
    folders = [path for path in package.rglob("*/") if path.is_dir() and "__pycache__" not in path.parts]
    there = {f"{path.relative_to(ROOT).as_posix()}/" for path in folders}
    there |= {path.relative_to(ROOT).as_posix() for path in package.glob("*.py")}
    assert {path for path in drawn() if path.startswith("lladav/") and path != "lladav/"} == there
    assert all((ROOT / path).exists() for path in drawn())
