"""The architecture as a test: imports point down only, and heavy packages stay where they belong."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "lladav"
LAYERS = [  # a module may import from its own layer and from those before it
    {"anyres", "artwork", "imaging", "configuration"},
    {"language", "modeling", "quantization", "remasking", "scenes"},
    {"sampling", "cache", "processing", "trace", "prompt", "recording", "viewer", "render"},
    {"pipeline"},
    {"training", "evaluation", "benchmarks"},
    {"ui", "cli"},
]
CONFINED = {  # package: the modules that may import it
    "gradio": {"ui"},
    "spaces": {"ui"},
    "accelerate": {"training"},
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py" or path.parent != PACKAGE)


def unit(path: Path) -> str:
    """The module or package right below `lladav` that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            names.add(node.module)
            if node.module == "lladav":
                names |= {f"lladav.{alias.name}" for alias in node.names}
    return names


def layer(name: str) -> int:
    return next(index for index, names in enumerate(LAYERS) if name in names)


def test_every_module_has_a_layer():
    assert {unit(path) for path in MODULES} <= set().union(*LAYERS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path):
    own = layer(unit(path))
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "lladav" and len(parts) > 1:
            assert layer(parts[1]) <= own, f"{path.name} must not import {name}"
        if parts[0] in CONFINED:
            assert unit(path) in CONFINED[parts[0]], f"{path.name} must not import {name}"


def test_the_sampler_does_not_know_the_model():
    for path in PACKAGE.glob("sampling/*.py"):
        assert not {"lladav.modeling", "lladav.processing"} & imports(path)


def test_the_model_does_not_know_tokenizers_or_samplers():
    forbidden = {"tokenizers", "lladav.sampling", "lladav.cache", "lladav.processing"}
    assert not forbidden & imports(PACKAGE / "modeling.py")
