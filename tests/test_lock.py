"""requirements.lock is what requirements.txt leads to."""

import re
from importlib.metadata import distribution

import pytest
from helpers import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

WANTED = [Requirement(line) for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()]
LINES = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
ENTRIES = [line for line in LINES if line and not line.lstrip().startswith("#")]
LOCKED = [Requirement(entry.partition(" --hash")[0]) for entry in ENTRIES]
NAMES = {canonicalize_name(locked.name) for locked in LOCKED}
LEFT_OUT = {"torch"}  # the platform's


def versions_of(name: str) -> list[str]:
    """The versions of a package that the lock has, one for each platform that differs."""
    return [str(locked.specifier).removeprefix("==") for locked in LOCKED if canonicalize_name(locked.name) == name]


@pytest.mark.parametrize("requirement", WANTED, ids=lambda requirement: requirement.name)
def test_the_lock_has_what_is_required(requirement: Requirement):
    versions = versions_of(canonicalize_name(requirement.name))
    assert bool(versions) == (requirement.name not in LEFT_OUT)
    assert all(version in requirement.specifier for version in versions)


@pytest.mark.parametrize("requirement", WANTED, ids=lambda requirement: requirement.name)
def test_the_lock_has_what_that_requires_in_turn(requirement: Requirement):
    if requirement.name in LEFT_OUT:
        assert not NAMES & LEFT_OUT
        return
    for text in distribution(requirement.name).requires or ():
        needed = Requirement(text)
        if needed.marker is None or needed.marker.evaluate({"extra": ""}):
            assert canonicalize_name(needed.name) in NAMES, f"{requirement.name} needs {needed.name}"


def test_everything_is_pinned_with_hashes():
    for entry in ENTRIES:
        assert re.fullmatch(r"[\w.-]+==[\w.]+( ; [^#]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*", entry), entry[:80]
