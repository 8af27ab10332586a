"""What the tests of the assets share."""

import pytest

from lladav import LladaVPipeline
from lladav.assets import asset


@pytest.fixture(scope="session")
def pipe() -> LladaVPipeline:
    """The embedded default."""
    return LladaVPipeline.from_pretrained(asset("lladav-tiny"), device="cpu")
