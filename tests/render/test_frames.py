"""A trace as pictures, one a step."""

from dataclasses import replace
from itertools import pairwise

import pytest
from viewer.shared_run import repaired

from lladav import Trace
from lladav.render import draw_frames
from lladav.render.frames import Drawing, last_frame
from lladav.viewer.palette import paint


def test_there_is_a_frame_for_every_step(trace: Trace, unbegun: Trace):
    drawn = list(draw_frames(trace))
    assert len(drawn) == len(trace.steps) > 1
    (size,) = {frame.size for frame in drawn}
    assert size[0] % 2 == size[1] % 2 == 0
    assert all(one.tobytes() != other.tobytes() for one, other in pairwise(drawn))
    assert last_frame(trace).tobytes() == drawn[-1].tobytes()
    assert len(list(draw_frames(unbegun))) == 1


def test_a_drawing_kept_up_to_date_is_one_made_anew(trace: Trace):
    for run in (trace, repaired()):
        kept = Drawing(run)
        for state in run.replay():
            assert kept.draw(state).tobytes() == Drawing(run).draw(state).tobytes()


def test_the_picture_that_was_asked_about_is_on_it(trace: Trace):
    red, green, blue = last_frame(trace).getpixel((100, 100))
    assert red > 240 and green < 15 and blue < 15
    assert last_frame(replace(trace, thumbnails=[])).getpixel((100, 100)) != (red, green, blue)


def test_a_picture_in_a_trace_has_to_be_one(trace: Trace):
    with pytest.raises(ValueError, match="not a picture"):
        last_frame(replace(trace, thumbnails=["data:image/jpeg;base64,QUJD"]))


@pytest.mark.parametrize("length", [1, 8, 96, 97, 512])
def test_any_length_and_any_text_can_be_drawn(trace: Trace, length: int):
    config = replace(trace.config, gen_length=length, block_length=length, steps=length, template=(7,) * length)
    pieces = dict.fromkeys(trace.pieces, "w" * 60) | {7: " 中文 🙂 \x00"}
    odd = replace(trace, config=config, steps=[], pieces=pieces, question="why " * 200, text="b" * 500)
    assert last_frame(odd).width == 1080


def test_what_was_given_is_told_from_what_was_committed(trace: Trace):
    template = tuple([9] * 16 + [None] * 16)
    pieces = trace.pieces | {9: "it"}
    given = replace(trace, config=replace(trace.config, template=template), steps=[], seconds=[0.0], pieces=pieces)
    (state,) = given.replay()
    kinds = [chip.kind for chip in Drawing(given).chips_of(state)]
    assert kinds == ["template"] * 16 + ["mask"] * 16


def test_a_word_that_is_taken_back_is_struck_out_and_counted():
    drawing = Drawing(repaired())
    left, top = drawing.grid.corner(0)
    below = (left, drawing.bar_top + 22, left + 500, drawing.bar_top + 50)
    seen = []
    for state in drawing.trace.replay():
        chip, *_ = drawing.chips_of(state)
        image = drawing.draw(state)
        struck = image.getpixel((left + 6, top + drawing.grid.height // 2)) == paint("revoked")
        colors = {color for _, color in image.crop(below).getcolors(1 << 16)}
        seen.append((chip.kind, chip.text, struck, paint("revoked") in colors))
    expected = [("mask", "", False, False), ("token", "dog", False, False), ("revoked", "dog", True, True)]
    assert seen == [*expected, ("token", "cat", False, True)]
