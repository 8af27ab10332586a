"""Joins ES modules into one classic script.

It understands what this project's modules use: `import { a, b } from "./file.js"` and `import name from "./data.json"`
at the start of a line, and `export` before a declaration. Every module becomes a function of its own that returns what
it exports, so that names in it stay its own.
"""

import re
from pathlib import Path

IMPORT = re.compile(r'^import (?:\{([^}]*)\}|(\w+)) from "([^"]+)"[^;\n]*;\n?', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)


def bundle(entry: Path) -> str:
    """The module at `entry` and all that it imports, each once, in an order in which they can run.

    Raises:
        ValueError: modules import each other in a circle.
    """
    done: dict[Path, str] = {}
    _collect(entry.resolve(), done, ())
    names = {path: f"m{number}" for number, path in enumerate(done)}
    parts = [f"const {names[path]} = {_wrapped(path, code, names)};" for path, code in done.items()]
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "\n})();\n"


def _collect(path: Path, done: dict[Path, str], above: tuple[Path, ...]) -> None:
    if path in above:
        raise ValueError(f"modules must not import each other in a circle, got {path.name} below itself")
    if path in done:
        return
    code = path.read_text(encoding="utf-8")
    if path.suffix != ".json":
        for _, _, source in IMPORT.findall(code):
            _collect((path.parent / source).resolve(), done, (*above, path))
    done[path] = code


def _wrapped(path: Path, code: str, names: dict[Path, str]) -> str:
    if path.suffix == ".json":
        return code.strip()

    def imported(found: re.Match[str]) -> str:
        some, default, source = found.groups()
        bound = default or f"{{{some}}}"
        return f"const {bound} = {names[(path.parent / source).resolve()]};\n"

    exported = ", ".join(EXPORT.findall(code))
    body = EXPORT.sub("", IMPORT.sub(imported, code))
    return f"(() => {{\n{body}\nreturn {{ {exported} }};\n}})()"
