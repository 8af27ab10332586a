"""What `export` makes of the ending of a path; what is in each format is tested beside its module."""

import pytest

from lladav import Trace
from lladav.render import EXPORT_FORMATS, export


def test_json_is_the_trace(trace: Trace, tmp_path):
    export(trace, tmp_path / "run.json")
    assert Trace.load(tmp_path / "run.json") == trace


@pytest.mark.parametrize(("name", "shown"), [("run.avi", "'.avi'"), ("run", "'.*run'")])
def test_another_ending_is_refused(trace: Trace, tmp_path, name: str, shown: str):
    with pytest.raises(ValueError, match=rf"path must end in \.gif, \.mp4, \.png, \.html, \.json, got {shown}"):
        export(trace, tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("ending", EXPORT_FORMATS)
def test_a_folder_that_is_not_there_is_named(trace: Trace, tmp_path, ending: str):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        export(trace, tmp_path / "nowhere" / f"run.{ending}")
