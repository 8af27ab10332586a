"""The package as it is installed: a wheel, in a folder of its own, that answers about one of its pictures."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from lladav import assets

ROOT = Path(__file__).parent.parent
SOURCES = ("lladav", "assets", "pyproject.toml", "setup.py", "requirements.txt", "README.md", "LICENSE")

pytestmark = pytest.mark.skipif(
    find_spec("setuptools") is None, reason="setuptools, which builds the wheel, is missing"
)


def run(*command: str | Path, **options) -> subprocess.CompletedProcess:
    """Run a command to its end, and fail with what it said if it failed."""
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy, which keeps build folders out of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder)
    run(sys.executable, "-m", "pip", "wheel", source, *options)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory) -> Path:
    """A folder that holds the installed package and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def lladav(installed: Path, tmp_path: Path):
    """Run `python -m lladav` of the installed package in an empty folder; returns its stdout."""

    def command(*options: str | Path) -> str:
        environment = os.environ | {"PYTHONPATH": str(installed)}
        return run(sys.executable, "-m", "lladav", *options, cwd=tmp_path, env=environment).stdout

    return command


def test_the_wheel_holds_the_assets_and_no_scripts(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    packed = {name.removeprefix("lladav/assets_data/") for name in names if name.startswith("lladav/assets_data/")}
    left_out = {"build.py", "curve.png", "log.jsonl", "scalability.png", "repeated.png"}  # how all was made
    files = {path for folder in assets.NAMES for path in (ROOT / "assets" / folder).rglob("*") if path.is_file()}
    expected = {str(path.relative_to(ROOT / "assets")) for path in files if path.name not in left_out}
    assert packed == {name for name in expected if "__pycache__" not in name}


def test_the_wheel_holds_every_module_and_what_lies_beside(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    files = {path for path in (ROOT / "lladav").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {str(path.relative_to(ROOT)) for path in files} <= names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"lladav"}  # it takes no other name


def test_the_installed_package_answers_about_its_own_picture(installed: Path, lladav, tmp_path: Path):
    picture = installed / "lladav" / "assets_data" / "examples" / "picnic.png"
    answer = lladav("sample", "Describe the picture.", "--image", picture, "--trace", "run.json", "--gen-length", "16")
    assert answer.strip() and answer.strip() in (tmp_path / "run.json").read_text(encoding="utf-8")
    assert str(installed) in run(
        sys.executable, "-c", "import lladav; print(lladav.__file__)",
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(installed)},
    ).stdout  # fmt: skip


def test_an_unknown_asset_is_refused():
    with pytest.raises(
        ValueError, match=r"asset must be one of examples, traces, artwork, lessons, lladav-tiny, .* got 'music'"
    ):
        assets.asset("music")


def test_an_installation_without_assets_says_so(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(assets, "PACKAGED", tmp_path / "none")
    monkeypatch.setattr(assets, "CHECKOUT", tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="examples is missing from this installation: install lladav again"):
        assets.asset("examples")
