"""Where the files that come with the package lie: in a checkout's folder `assets`, or in an installed package."""

from pathlib import Path

PACKAGED = Path(__file__).parent / "assets_data"  # where setup.py puts the folder `assets` in a wheel
CHECKOUT = Path(__file__).parent.parent / "assets"
NAMES = ("examples", "traces", "artwork", "lessons", "lladav-tiny", "lladav-tiny-ar")


def asset(name: str) -> Path:
    """Return one of the folders `NAMES`.

    Raises:
        ValueError: there is no asset of that name.
        FileNotFoundError: the package is installed without it.
    """
    if name not in NAMES:
        raise ValueError(f"asset must be one of {', '.join(NAMES)}, got {name!r}")
    folder = (PACKAGED if PACKAGED.is_dir() else CHECKOUT) / name
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is missing from this installation: install lladav again, from a checkout")
    return folder
