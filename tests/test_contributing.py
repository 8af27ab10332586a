"""The tree that CONTRIBUTING.md draws is the one that is there, and the tests are where one looks for them."""

import re
from pathlib import Path

import pytest
from helpers import ROOT

DRAWN = re.search(r"## The tree\n\n```\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
SPANNING = {  # tests of more than one module, as files or folders of tests/: what they are about
    "assets": "the files in assets",
    "sampling/test_batch.py": "several prompts at once, in the loop and in the denoiser",
    "sampling/test_parity.py": "trajectories of the published implementation",
    "test_broken_media.py": "broken and dear pictures and videos, wherever they are read",
    "test_contributing.py": "the project",
    "test_lock.py": "what the Space installs",
    "test_trace_by_hand.py": "traces that come from outside, as the trace and the config check them",
    "test_properties.py": "whatever comes from outside, in all that reads it",
    "test_examples.py": "the notebooks",
    "test_gpu.py": "what only a GPU can show",
    "test_layers.py": "the project",
    "test_package.py": "the package as it is installed",
    "test_parity.py": "figures of the published implementation",
    "test_style.py": "the project",
    "ui/test_bad_input.py": "what the page refuses, wherever that is found out",
    "ui/test_stops.py": "runs that are left, by programs and on the page",
    "ui/browser": "the page as a person meets it",
    "ui/test_mcp.py": "the endpoints as tools for agents",
    "viewer/test_shared_run.py": "the runs that Python and JavaScript are tested on",
}


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


def module_of(test: Path) -> Path:
    """The module, or the package, that the name of a file of tests/ stands for: in tests/cli, test_cli is about cli."""
    folder, name = ROOT / "lladav" / test.parent, test.stem.removeprefix("test_")
    if name == folder.name:
        return folder
    return folder / name if (folder / name).is_dir() else folder / f"{name}.py"


def test_a_test_is_called_like_what_it_tests():
    tests = [path.relative_to(ROOT / "tests") for path in sorted((ROOT / "tests").rglob("test_*.py"))]
    lost = {test.as_posix() for test in tests if not module_of(test).exists()}
    spanning = {name: {test for test in lost if Path(test).is_relative_to(name)} for name in SPANNING}
    assert lost == set().union(*spanning.values())
    assert all(spanning.values()), "a test that is called like its module spans nothing"


@pytest.mark.parametrize("name", ["SECURITY.md", "CONTRIBUTING.md", "README.md"])
def test_files_that_are_named_are_there(name: str):
    text = (ROOT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:tests|lladav|docs|assets)/[\w/.-]+)`", text))
    assert all((ROOT / path).exists() for path in named), {path for path in named if not (ROOT / path).exists()}
