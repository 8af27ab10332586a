"""The architecture as a test: imports point down only, and heavy packages stay where they belong."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import ROOT, parsed

PACKAGE = ROOT / "lladav"
RANKS = [  # a room may use those before it, and of its own rank only what PEERS allows
    {"checks"},
    {"anyres", "assets", "configuration", "imaging", "messages", "scenes", "tokenization"},
    {"attention", "language", "loading", "modeling", "quantization", "remasking"},
    {"cache", "image_processing", "processing", "prompt", "sampling", "trace"},
    {"decisions", "recording"},
    {"pipeline"},
    {"viewer"},
    {"render"},
    {"training", "evaluation", "benchmarks"},
    {"ui", "cli"},
    {"__main__"},
]
ROOMS = set().union(*RANKS)
PEERS = {  # room: what of its own rank it may use
    "benchmarks": {"evaluation"},
    "cli": {"ui"},
    "configuration": {"anyres"},
    "imaging": {"anyres", "messages"},
    "language": {"attention"},
    "modeling": {"language", "loading"},
    "processing": {"image_processing"},
    "sampling": {"cache"},
    "scenes": {"assets"},
    "trace": {"sampling"},
    "training": {"evaluation"},
}
NEVER = {  # room: what it may not use, though its rank is above that
    "sampling": {"modeling", "language", "quantization", "scenes", "imaging"},
    "cache": {"modeling", "language", "quantization", "remasking"},
    "modeling": {"tokenizers", "processing", "sampling", "cache"},
    "viewer": {"modeling", "language", "scenes"},
    "render": {"modeling", "language", "scenes"},
}
CONFINED = {  # package: the only rooms that may import it
    "gradio": {"ui"},
    "spaces": {"ui"},
    "accelerate": {"training"},
}
BY_PATH = re.compile(r"\b([a-z_]+)(?:/static\b|/[a-z_]+\.(?:py|js|css|html)\b)")
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
SCRIPTS = sorted(PACKAGE.rglob("*.js"))
IMPORTED = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']""")  # of JavaScript, JSDoc's types among them


def room(path: Path) -> str:
    """The module or package right below `lladav` that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rank(name: str) -> int:
    return next(index for index, rooms in enumerate(RANKS) if name in rooms)


def may_use(user: str, used: str) -> bool:
    if user == used:
        return True
    if used in NEVER.get(user, ()):
        return False
    return rank(used) < rank(user) or used in PEERS.get(user, ())


def imported(path: Path) -> Iterator[str]:
    """Dotted names that a file of the package imports, anywhere in it, relative ones spelled out."""
    yield from imported_names(parsed(path), path.relative_to(PACKAGE.parent).parts[:-1])


def imported_names(tree: ast.Module, package: tuple[str, ...]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            names = [*base, *filter(None, [node.module])]
            if names == ["lladav"]:
                yield from (f"lladav.{alias.name}" for alias in node.names)
            else:
                yield ".".join(names)


def rooms_by_path(path: Path) -> Iterator[str]:
    """Rooms that the strings of a file lead to: "ui/static", or "ui" as a part of a path; docstrings are free."""
    tree = parsed(path)
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield from BY_PATH.findall(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.Constant):
            yield str(node.right.value)


def public_rooms() -> dict[str, str]:
    """Public name -> the room that it comes from."""
    tree = parsed(PACKAGE / "__init__.py")
    given = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "typing"]
    return {alias.name: node.module.split(".")[1] for node in given for alias in node.names}


PUBLIC = public_rooms()


def used_rooms(path: Path) -> Iterator[str]:
    for name in imported(path):
        first, *rest = name.split(".")
        if first == "lladav" and rest:
            yield rest[0] if rest[0] in ROOMS else PUBLIC.get(rest[0], rest[0])


def test_every_room_has_a_rank():
    assert {room(path) for path in MODULES} <= ROOMS


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path):
    wrong = {used for used in used_rooms(path) if not may_use(room(path), used)}
    assert not wrong, f"{path.relative_to(PACKAGE)} must not import {sorted(wrong)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_stay_where_they_belong(path: Path):
    names = {name.split(".")[0] for name in imported(path)}
    for package in CONFINED.keys() & names:
        assert room(path) in CONFINED[package], f"{path.relative_to(PACKAGE)} must not import {package}"
    assert not NEVER.get(room(path), set()) & names


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{room(path)}/{path.name}")
def test_scripts_import_from_their_own_room_or_a_lower_one(path: Path):
    for source in IMPORTED.findall(path.read_text(encoding="utf-8")):
        assert source.startswith("."), f"{path.name}: {source} is not a file of ours"
        target = (path.parent / source).resolve()
        assert may_use(room(path), room(target)), f"{path.name} must not import {source}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_room_reaches_into_a_higher_one_by_path(path: Path):
    named = set(rooms_by_path(path)) & ROOMS
    wrong = {name for name in named if not may_use(room(path), name)}
    assert not wrong, f"{path.relative_to(PACKAGE)} names files of {sorted(wrong)}"


@pytest.mark.parametrize(
    ("user", "used", "allowed"),
    [
        ("sampling", "render", False),
        ("sampling", "modeling", False),
        ("viewer", "ui", False),
        ("trace", "pipeline", False),
        ("pipeline", "viewer", False),
        ("ui", "viewer", True),
        ("render", "viewer", True),
        ("pipeline", "sampling", True),
    ],
)
def test_the_table_says_what_the_design_says(user: str, used: str, allowed: bool):
    assert may_use(user, used) == allowed


def test_imports_are_seen_wherever_they_stand():
    code = "from lladav import ui\ndef f():\n    from ..render import film\n    import gradio.utils\nfrom . import loop"
    names = set(imported_names(ast.parse(code), ("lladav", "sampling")))
    assert names == {"lladav.ui", "lladav.render", "gradio.utils", "lladav.sampling"}
