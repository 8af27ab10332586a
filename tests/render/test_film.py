"""A trace as a film, and as a picture of its end."""

import weakref
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lladav import Trace
from lladav.render import draw_frames, export, exporting, film
from lladav.render.film import write_gif
from lladav.render.frames import last_frame


def distance(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures, of 255."""
    return float(np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float)).mean())


def test_a_gif_has_the_frames_and_holds_the_last(trace: Trace, unbegun: Trace, tmp_path):
    told: list[tuple[int, int]] = []
    export(trace, tmp_path / "run.gif", progress=lambda *numbers: told.append(numbers))
    assert [*dict.fromkeys(told)] == [(done, len(trace.steps)) for done in range(len(trace.steps) + 1)]
    with Image.open(tmp_path / "run.gif") as gif:
        assert gif.n_frames == len(trace.steps) and gif.info["loop"] == 0
        durations = []
        for number, frame in enumerate(draw_frames(trace)):
            gif.seek(number)
            durations.append(gif.info["duration"])
            assert distance(gif.convert("RGB"), frame) < 2.5
    assert len(set(durations[:-1])) == 1 and durations[-1] > 2 * durations[0]
    export(unbegun, tmp_path / "unbegun.gif")
    with Image.open(tmp_path / "unbegun.gif") as gif:
        assert gif.n_frames == 1


def test_a_gif_is_written_frame_by_frame(trace: Trace, tmp_path):
    kept: list[weakref.ref] = []

    def images():
        for frame in draw_frames(trace):
            kept.append(weakref.ref(image := frame.quantize(255)))
            assert sum(made() is not None for made in kept) <= 3
            yield image, 100
            del image

    with (tmp_path / "run.gif").open("wb") as file:
        assert [*write_gif(file, images())] == [*range(1, len(kept) + 1)]
    assert len(kept) > 3


def test_a_video_has_the_frames(trace: Trace, tmp_path):
    trace = replace(trace, steps=trace.steps[:5], seconds=trace.seconds[:6], finish_reason=None)
    told: list[tuple[int, int]] = []
    export(trace, tmp_path / "run.mp4", progress=lambda *numbers: told.append(numbers))
    assert told == [(done, len(trace.steps)) for done in range(1, len(trace.steps) + 1)]
    video = cv2.VideoCapture(str(tmp_path / "run.mp4"))
    for frame in draw_frames(trace):
        read, image = video.read()
        assert read and distance(Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)), frame) < 6
    assert not video.read()[0]


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_a_film_of_too_many_pixels_leaves_steps_out(trace: Trace, tmp_path: Path, ending: str):
    width, height = last_frame(trace).size
    path, pixels = tmp_path / f"run.{ending}", 5.5 * width * height
    *_, told = exporting(trace, path, megapixels=pixels / 1e6)
    assert told == (5, 5)
    shown = film.film_frames(trace, pixels / 1e6)
    assert [shown[0], shown[-1]] == [0, len(trace.steps) - 1] and len(shown) == 5
    film_of = cv2.VideoCapture(str(path))
    frames = [*draw_frames(trace)]
    for number in shown:
        read, image = film_of.read()
        assert read and distance(Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)), frames[number]) < 6
    assert film.film_frames(trace, 1e-9) == [0, len(trace.steps) - 1]
    assert film.film_frames(trace) == range(len(trace.steps))


def test_a_picture_is_the_last_frame(trace: Trace, tmp_path):
    export(trace, tmp_path / "run.PNG")
    with Image.open(tmp_path / "run.PNG") as picture:
        assert picture.tobytes() == last_frame(trace).tobytes()


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_who_leaves_stops_the_film(trace: Trace, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch):
    drawn = []
    monkeypatch.setattr(film, "draw_frames", lambda *given: (drawn.append(1) or frame for frame in draw_frames(*given)))
    work = exporting(trace, tmp_path / f"run.{ending}")
    next(work)
    work.close()
    assert len(drawn) <= 2 < len(trace.steps)
