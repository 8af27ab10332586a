from pathlib import Path


def asset(name):
    return Path(__file__).parent.parent / "assets" / name
