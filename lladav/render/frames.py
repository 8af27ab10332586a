"""The canvas of a trace, drawn: what was asked on top, a chip for every token, and how far the run has come."""

import base64
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice, pairwise

from PIL import Image, ImageChops, ImageDraw, ImageOps

from lladav.imaging import load_image
from lladav.render.lettering import BOLD, MEDIUM, REGULAR, lettering, shortened, text_width, wrapped
from lladav.render.wording import summary
from lladav.sampling import SamplingStep
from lladav.trace import Trace
from lladav.viewer.palette import Color, glyph, mix, paint, tint
from lladav.viewer.state import SPECIAL

WIDTH, MARGIN, PADDING = 1080, 40, 28
INNER = WIDTH - 2 * (MARGIN + PADDING)  # the width of a row of chips
MANY_TOKENS = 96  # more than these are drawn small
THUMBNAIL, MOST_THUMBNAILS = 150, 3
QUESTION_SIZE, ANSWER_SIZE, SMALL_SIZE = 34, 24, 17
QUESTION_LINE, ANSWER_LINE = 46, 34  # from one line to the next
WHITE = (255, 255, 255)
SMOOTHING = 4  # shapes are drawn this much larger first
LEVELS = 24  # shades of a guess, so that not every chip has to be drawn anew for every step


def draw_frames(trace: Trace, shown: Container[int] | None = None) -> Iterator[Image.Image | None]:
    """One picture for the state after each step; for a run without a step, one of the canvas it would have begun with.

    All have one size of even sides, as video wants it. They share no memory.

    Args:
        trace: the run.
        shown: the numbers of the pictures that are drawn, from 0, or None for all; for each other one None is yielded.
    """
    drawing = Drawing(trace)
    for number, state in enumerate(islice(trace.replay(), 1 if trace.steps else 0, None)):
        yield drawing.draw(state).copy() if shown is None or number in shown else None


def last_frame(trace: Trace) -> Image.Image:
    """The picture of the last state."""
    *_, state = trace.replay()
    return Drawing(trace).draw(state)


@dataclass(frozen=True)
class Chip:
    """How one position looks: equal chips are drawn alike.

    Attributes:
        text: what stands on it; where it is revoked, what stood there before.
        kind: "mask", "revoked" where this step took a token back, "template" where the template fixed one, or "token".
        level: out of LEVELS, the confidence in a token or the probability of a guess.
        is_new: committed in this step.
        is_active: in the block that is being filled.
        is_dead: behind the end of the answer.
    """

    text: str
    kind: str
    level: int
    is_new: bool
    is_active: bool
    is_dead: bool


@dataclass(frozen=True)
class Grid:
    """Where the chips lie, in pixels."""

    columns: int
    gap: int
    height: int
    text_size: int
    left: int
    top: int

    @property
    def width(self) -> int:
        return (INNER - (self.columns - 1) * self.gap) // self.columns

    def corner(self, position: int) -> tuple[int, int]:
        """The upper left corner of a chip."""
        row, column = divmod(position, self.columns)
        return self.left + column * (self.width + self.gap), self.top + row * (self.height + self.gap)


class Drawing:
    """A picture that is kept up to date with the state of a run; what has not changed is not drawn again."""

    def __init__(self, trace: Trace):
        self.trace = trace
        self.special = {token for token, piece in trace.pieces.items() if SPECIAL.fullmatch(piece)}
        self.chips: list[Chip | None] = [None] * trace.config.gen_length
        self.taken_back = _taken_back(trace)
        self.answer: list[str] = []
        thumbnails = [_decoded(url) for url in trace.thumbnails[:MOST_THUMBNAILS]]
        self.text_left = MARGIN + sum(thumbnail.width + 20 for thumbnail in thumbnails)
        room = WIDTH - MARGIN - self.text_left
        question = wrapped(trace.question or "(no question)", room, QUESTION_SIZE, BOLD)
        answer_lines = len(wrapped(trace.text, room, ANSWER_SIZE, MEDIUM))
        self.answer_top = MARGIN + len(question) * QUESTION_LINE + 34
        header = max(self.answer_top + answer_lines * ANSWER_LINE, MARGIN + (THUMBNAIL if thumbnails else 0))
        self.grid = _grid(trace.config.gen_length, header + 28 + PADDING)
        rows = -(-trace.config.gen_length // self.grid.columns)
        self.bar_top = self.grid.corner((rows - 1) * self.grid.columns)[1] + self.grid.height + 26
        self.image = Image.new("RGB", (WIDTH, (self.bar_top + 118) // 2 * 2), paint("paper"))
        self._draw_card(header + 28)
        self._draw_header(thumbnails, question)

    # ---- what stays ----------------------------------------------------------------------------

    def _draw_header(self, thumbnails: Sequence[Image.Image], question: Sequence[str]) -> None:
        left = MARGIN
        for thumbnail in thumbnails:
            self.image.paste(thumbnail, (left, MARGIN), _rounded(*thumbnail.size, 16))
            left += thumbnail.width + 20
        for line, text in enumerate(question):
            self._write(text, self.text_left, MARGIN - 8 + line * QUESTION_LINE, QUESTION_SIZE, paint("ink"), BOLD)
        room = WIDTH - MARGIN - self.text_left
        settings = shortened(summary(self.trace), room, SMALL_SIZE)
        self._write(settings, self.text_left, self.answer_top - 34, SMALL_SIZE, paint("quiet"))

    def _draw_card(self, top: int) -> None:
        width, height = WIDTH - 2 * MARGIN, self.image.height - MARGIN - top
        self.image.paste(paint("line"), (MARGIN, top), _rounded(width, height, 22))
        self.image.paste(WHITE, (MARGIN + 1, top + 1), _rounded(width - 2, height - 2, 21))
        right, y = self.grid.left + INNER, self.bar_top + 22
        for x in range(96):
            self.image.paste(tint(x / 95), (right - 96 - 44 + x, y + 9, right - 96 - 43 + x, y + 17))
        self._write("sure", right - 36, y, SMALL_SIZE, paint("quiet"))
        self._write("unsure", right - 96 - 52 - text_width("unsure", SMALL_SIZE), y, SMALL_SIZE, paint("quiet"))

    # ---- what changes --------------------------------------------------------------------------

    def draw(self, state: SamplingStep) -> Image.Image:
        """Bring the picture up to date; it is the same one every time."""
        for position, chip in enumerate(self.chips_of(state)):
            if chip != self.chips[position]:
                self._draw_chip(position, chip)
                self.chips[position] = chip
        self._draw_answer(state)
        self._draw_progress(state)
        return self.image

    def chips_of(self, state: SamplingStep) -> Iterator[Chip]:
        """What stands at every position of a state."""
        end = len(state.answer_ids)
        masked, new = state.mask_index.tolist(), state.transfer_index.tolist()
        guesses, shares = state.top_ids[:, 0].tolist(), state.top_probs[:, 0].tolist()
        template = self.trace.config.template or (None,) * len(masked)
        carried = self.trace.carried
        known = dict(zip(carried.positions, carried.confidence, strict=True)) if carried else {}
        revoked = self.taken_back[state.step]
        for position, token in enumerate(state.tokens.tolist()):
            active = position // self.trace.config.block_length == state.block
            if position in revoked:
                yield Chip(self._glyph(revoked[position]), "revoked", 0, True, active, False)
                continue
            if masked[position]:
                text = self._glyph(guesses[position]) if shares[position] else ""
                yield Chip(text, "mask", round(shares[position] * LEVELS), False, active, position >= end)
                continue
            kind = "token" if template[position] is None or position in known else "template"
            text = glyph("end") if position == end and token in self.special else self._glyph(token)
            level = round(known.get(position, float(state.confidence[position])) * LEVELS)
            yield Chip(text, kind, level, new[position], False, position >= end and text != glyph("end"))

    def _glyph(self, token: int) -> str:
        """A token as it is drawn on a chip; a space or the end of a line only where there is nothing else."""
        piece = self.trace.pieces[token]
        if token in self.special:
            return glyph("special")
        return " ".join(piece.split()) or glyph("newline" if "\n" in piece else "space")

    def _draw_chip(self, position: int, chip: Chip) -> None:
        grid, (x, y) = self.grid, self.grid.corner(position)
        fill, border, ink = _colors(chip)
        self.image.paste(WHITE, (x, y, x + grid.width, y + grid.height))
        if position % self.trace.config.block_length == 0 and self.trace.config.num_blocks > 1:
            middle = x - grid.gap // 2  # of the gap, where a line says that a block begins
            self.image.paste(mix(paint("mask"), WHITE, 0.8), (middle - 2, y + 1, middle + 1, y + grid.height - 1))
        radius = grid.height // 5
        self.image.paste(fill, (x, y), _rounded(grid.width, grid.height, radius))
        if chip.kind == "revoked":
            self.image.paste(border, (x, y), _hatched(grid.width, grid.height))
        elif chip.kind == "mask":
            self.image.paste(border, (x, y), _dashed(grid.width, grid.height, radius))
        else:
            self.image.paste(border, (x, y), _outline(grid.width, grid.height, radius, 2 if chip.is_new else 1))
        if chip.kind == "token":
            bar = round((grid.width - 2 * radius) * chip.level / LEVELS)
            self.image.paste(border, (x + radius, y + grid.height - 6, x + radius + bar, y + grid.height - 3))
        self._write_chip(chip, x, y, ink)

    def _write_chip(self, chip: Chip, x: int, y: int, ink: Color) -> None:
        grid, italic = self.grid, chip.kind == "mask"
        weight = REGULAR if italic else MEDIUM
        size, room = grid.text_size, grid.width - 8
        while size > grid.text_size * 0.6 and text_width(chip.text, size, weight, italic) > room:
            size -= 1
        text = shortened(chip.text, room, size, weight)
        left = x + (grid.width - text_width(text, size, weight, italic)) // 2
        self._write(text, left, y + (grid.height - round(1.5 * size)) // 2 - 1, size, ink, weight, italic)
        if chip.kind == "revoked":
            middle = y + grid.height // 2
            self.image.paste(ink, (x + 4, middle - 1, x + grid.width - 4, middle + 2))

    def _draw_answer(self, state: SamplingStep) -> None:
        """The answer as it stands, as text, with an ellipsis for what is masked."""
        room = WIDTH - MARGIN - self.text_left
        lines = wrapped(self._text(state), room, ANSWER_SIZE, MEDIUM)
        if lines != self.answer:
            self.answer, top, color = lines, self.answer_top, mix(paint("mask"), paint("ink"), 0.35)
            self.image.paste(paint("paper"), (self.text_left, top - 2, WIDTH, self.grid.top - PADDING - 2))
            for line, text in enumerate(lines):
                self._write(text, self.text_left, top + line * ANSWER_LINE, ANSWER_SIZE, color, MEDIUM)

    def _text(self, state: SamplingStep) -> str:
        if state.finish_reason:
            return self.trace.text
        runs = groupby(state.answer_ids, key=lambda token: token == self.trace.mask_token_id)
        return "".join(" … " if masked else "".join(map(self._spelled, ids)) for masked, ids in runs)

    def _spelled(self, token: int) -> str:
        return "" if token in self.special else self.trace.pieces[token]

    def _draw_progress(self, state: SamplingStep) -> None:
        left, top, total = self.grid.left, self.bar_top, max(1, len(self.trace.steps))
        self.image.paste(WHITE, (left, top, left + INNER, top + 10))
        self.image.paste(mix(paint("mask"), WHITE, 0.16), (left, top), _rounded(INNER, 10, 5))
        done = max(10, round(INNER * state.step / total))
        self.image.paste(paint("mask"), (left, top), _rounded(done, 10, 5))
        self.image.paste(WHITE, (left, top + 22, left + INNER - 240, top + 52))
        count = f"Step {state.step} of {total}"
        self._write(count, left, top + 22, SMALL_SIZE, paint("ink"), BOLD)
        left += text_width(count, SMALL_SIZE, BOLD)
        masks = int(state.mask_index[: len(state.answer_ids)].sum())
        left += self._told(f"   {masks} mask{'' if masks == 1 else 's'} left", left, paint("quiet"))
        if revoked := sum(map(len, self.taken_back[: state.step + 1])):
            self._told(f"   {revoked} taken back", left, paint("revoked"))

    def _told(self, text: str, left: int, color: Color) -> int:
        """Write a part of the line below the bar, and return how wide it is."""
        self._write(text, left, self.bar_top + 22, SMALL_SIZE, color)
        return text_width(text, SMALL_SIZE)

    def _write(
        self, text: str, left: int, top: int, size: int, color: Color, weight: int = REGULAR, italic: bool = False
    ) -> None:
        self.image.paste(color, (left, top), lettering(text, size, weight, italic))


def _grid(length: int, top: int) -> Grid:
    if length > MANY_TOKENS:
        return Grid(columns=16, gap=6, height=34, text_size=14, left=MARGIN + PADDING, top=top)
    return Grid(columns=8, gap=9, height=50, text_size=21, left=MARGIN + PADDING, top=top)


def _colors(chip: Chip) -> tuple[Color, Color, Color]:
    """Of the fill, the border and the ink."""
    ink = paint("quiet") if chip.text in (glyph("special"), glyph("end")) else paint("ink")
    if chip.kind == "mask":
        shares = (0.15, 0.45) if chip.is_active else (0.07, 0.25)
        fill, border = (mix(paint("mask"), WHITE, share) for share in shares)
        colors = fill, border, mix(paint("ink"), fill, 0.12 + 0.6 * chip.level / LEVELS)
    elif chip.kind == "revoked":
        colors = mix(paint("revoked"), WHITE, 0.1), mix(paint("revoked"), WHITE, 0.45), paint("revoked")
    elif chip.kind == "template":
        colors = mix(paint("quiet"), WHITE, 0.09), paint("line"), ink
    else:
        color = tint(chip.level / LEVELS)
        colors = mix(color, WHITE, 0.4 if chip.is_new else 0.24), color if chip.is_new else mix(color, WHITE, 0.6), ink
    fill, border, ink = (mix(color, WHITE, 0.4) for color in colors) if chip.is_dead else colors
    return fill, border, ink


def _taken_back(trace: Trace) -> list[dict[int, int]]:
    """For the canvas and each step, the tokens that it took back, by position."""
    states = pairwise(trace.replay())
    return [
        {},
        *(
            {at: int(before.tokens[at]) for at in step.revoked_index}
            for step, (before, _) in zip(trace.steps, states, strict=True)
        ),
    ]


def _decoded(url: str) -> Image.Image:
    """The picture in a data URL, at the size it is drawn."""
    image = load_image(base64.b64decode(url.partition(",")[2]))
    return ImageOps.contain(image, (2 * THUMBNAIL, THUMBNAIL))


@lru_cache(maxsize=256)
def _rounded(width: int, height: int, radius: int) -> Image.Image:
    """A mask of a rectangle with round corners and smooth edges."""
    large = Image.new("L", (width * SMOOTHING, height * SMOOTHING))
    box = (0, 0, large.width - 1, large.height - 1)
    ImageDraw.Draw(large).rounded_rectangle(box, radius * SMOOTHING, fill=255)
    return large.reduce(SMOOTHING)


@lru_cache(maxsize=256)
def _outline(width: int, height: int, radius: int, thickness: int) -> Image.Image:
    """A mask of its border."""
    hole = Image.new("L", (width, height))
    hole.paste(_rounded(width - 2 * thickness, height - 2 * thickness, radius - thickness), (thickness, thickness))
    return ImageChops.subtract(_rounded(width, height, radius), hole)


@lru_cache(maxsize=256)
def _dashed(width: int, height: int, radius: int) -> Image.Image:
    """A mask of its border in dashes of 5 pixels."""
    dashes = Image.new("L", (width, height))
    for y in range(height):
        for x in range(width):
            dashes.putpixel((x, y), 255 if (x // 5 + y // 5) % 2 else 0)
    return ImageChops.multiply(_outline(width, height, radius, 1), dashes)


@lru_cache(maxsize=256)
def _hatched(width: int, height: int) -> Image.Image:
    """A mask of a square frame of 3 pixels, filled with slanted lines."""
    lines = Image.new("L", (width, height))
    pen = ImageDraw.Draw(lines)
    for start in range(-height, width, 9):
        pen.line((start, height, start + height, 0), fill=255, width=2)
    pen.rectangle((0, 0, width - 1, height - 1), outline=255, width=3)
    return lines
