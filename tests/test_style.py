"""The house rules that can be counted: small functions and files, typed parameters, one name a thing, tests that wait
for states."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from helpers import ROOT, parsed

LONGEST_FUNCTION, LONGEST_FILE, LEAST_TYPED = 60, 500, 0.99
PYTHON = sorted(path for folder in ("lladav", "tests", "assets") for path in (ROOT / folder).rglob("*.py"))
PACKAGE = sorted((ROOT / "lladav").rglob("*.py"))
SCRIPTS = sorted(path for folder in ("lladav", "tests") for path in (ROOT / folder).rglob("*.js"))
STYLES = sorted((ROOT / "lladav").rglob("*.css"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef
WAITS = ("wait_for_" + "timeout", "network" + "idle", "set" + "Timeout")  # spelled so that this file has none of them
TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""  # comments and strings
    r"""|(?<=[(,=:!&|?\[\s])/(?![\s/*])(?:\\.|\[(?:\\.|[^\]\n])*\]|[^/\\\n])+/"""  # regular expressions
    r"""|[`{}]""",
    re.DOTALL,
)
TEMPLATE = re.compile(r"\\.|\$\{|`", re.DOTALL)
SHARED_NAMES = {
    "add_arguments": "what every command has",
    "run": "what every command has",
    "log": "the logger of a module, named after it",
    "PLAIN": "small talk's own are read as small_talk.PLAIN",
}
TOP_LEVEL = re.compile(r"^(?:export )?(?:async )?(?:function\*?|const|let|class) (\w+)", re.MULTILINE)
NO_FUNCTION = r"(?!\s|(?:if|for|while|switch|catch)\b)"
HEAD = re.compile(rf"(?:=>|\bfunction\b[^{{}}]*\)|^\s*{NO_FUNCTION}[\w# ]+\([^{{}}]*\))\s*$", re.MULTILINE)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, Function):
            yield node


def braces(code: str) -> Iterator[tuple[str, int]]:
    """The braces of JavaScript that are no text, and where they stand."""
    depth: list[int] = []  # braces opened since each template literal that is not closed yet
    position, inside = 0, False
    while found := (TEMPLATE if inside else TOKEN).search(code, position):
        token, position = found[0], found.end()
        if token == "`":
            inside = not inside
            depth = [*depth, 0] if inside else depth[:-1]
        elif token == "${":
            inside = False
        elif token == "}" and depth and depth[-1] == 0:
            inside = True
        elif token in "{}":
            if depth:
                depth[-1] += 1 if token == "{" else -1
            yield token, found.start()


def script_functions(code: str) -> Iterator[tuple[int, int]]:
    """First line and number of lines of every function in JavaScript, those within others included."""
    opened: list[tuple[int, bool]] = []
    for brace, position in braces(code):
        line = code.count("\n", 0, position) + 1
        if brace == "{":
            opened.append((line, bool(HEAD.search(code[max(0, position - 300) : position]))))
        else:
            first, is_function = opened.pop()
            if is_function:
                yield first, line - first + 1


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_functions_are_short(path: Path):
    long = [node.name for node in functions(path) if node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION]
    assert not long, f"{name_of(path)}: over {LONGEST_FUNCTION} lines: {long}"


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_functions_of_scripts_are_short(path: Path):
    found = script_functions(path.read_text(encoding="utf-8"))
    long = [f"line {first}: {lines} lines" for first, lines in found if lines > LONGEST_FUNCTION]
    assert not long, f"{name_of(path)}: over {LONGEST_FUNCTION} lines: {long}"


@pytest.mark.parametrize("path", [*PYTHON, *SCRIPTS, *STYLES], ids=name_of)
def test_files_are_short(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


def test_parameters_are_typed():
    untyped, count = [], 0
    for path in PACKAGE:
        for node in functions(path):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
            for argument in filter(None, given):
                if argument.arg in ("self", "cls") or argument.arg.strip("_") == "":
                    continue
                count += 1
                if argument.annotation is None:
                    untyped.append(f"{name_of(path)}:{node.lineno} {node.name}({argument.arg})")
    assert len(untyped) <= (1 - LEAST_TYPED) * count, f"{len(untyped)} of {count} are not typed: {untyped}"


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_tests_wait_for_states(path: Path):
    text = path.read_text(encoding="utf-8")
    assert not [wait for wait in WAITS if wait in text], f"{name_of(path)} waits for a time"


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_a_test_that_is_skipped_says_why(path: Path):
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("skip", "skipif"):
            named = [keyword for keyword in node.keywords if keyword.arg == "reason"]
            assert named or (node.func.attr == "skip" and node.args), f"{name_of(path)}:{node.lineno} skips silently"
        for one in getattr(node, "decorator_list", []):
            assert ast.unparse(one) != "pytest.mark.skip", f"{name_of(path)}:{one.lineno} skips silently"


def test_the_counter_of_scripts_sees_functions():
    code = """function one(a) {
  if (a) {
    b(`${a ? `{` : "{"} {`, /[/{]/.test(a), { c: 1 });
  }
}
export const two = (a) => {
};
class C {
  three(d) {

  }
}
for (const text of "{") { // {
}
"""
    assert sorted(script_functions(code)) == [(1, 5), (6, 2), (9, 3)]


def defined(tree: ast.Module) -> set[str]:
    """The public names that a module gives a meaning of its own."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            stored = (one for target in targets for one in ast.walk(target))
            names |= {one.id for one in stored if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    return {name for name in names if not name.startswith("_")}


def homonyms(trees: Mapping[str, ast.Module]) -> dict[str, list[str]]:
    """Name -> the modules that define it, where several do; constants that no other module imports do not count."""
    modules: dict[str, list[str]] = {}
    for module, tree in trees.items():
        for name in defined(tree):
            modules.setdefault(name, []).append(module)
    imports = (node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    imported = {alias.name for node in imports for alias in node.names}
    return {name: of for name, of in modules.items() if len(of) > 1 and (not name.isupper() or name in imported)}


def test_a_name_means_one_thing():
    found = homonyms({name_of(path): parsed(path) for path in PACKAGE})
    assert found.keys() == SHARED_NAMES.keys(), {name: of for name, of in found.items() if name not in SHARED_NAMES}


def test_no_script_has_a_helper_of_another_one():
    scripts: dict[str, list[str]] = {}
    for path in (path for path in SCRIPTS if path.is_relative_to(ROOT / "lladav")):
        for name in TOP_LEVEL.findall(path.read_text(encoding="utf-8")):
            scripts.setdefault(name, []).append(name_of(path))
    assert len(scripts) > 50
    assert not {name: of for name, of in scripts.items() if len(of) > 1}


def test_homonyms_are_seen():
    codes = {
        "a": "A = 1\nB, C = 2, 3\nIds = list[int]\n_D = 4\ndef f(): ...\nclass Kind: ...",
        "b": "from a import A\nB = 5\nC: int = 6\nIds = set\n_D = 7\ndef f(): ...\nclass Like: ...",
        "c": "from b import C\nclass Kind: ...",
    }
    found = homonyms({module: ast.parse(code) for module, code in codes.items()})
    assert found == {"C": ["a", "b"], "f": ["a", "b"], "Kind": ["a", "c"], "Ids": ["a", "b"]}
