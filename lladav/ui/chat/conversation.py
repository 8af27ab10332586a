"""A visitor's conversation: from what was sent to what the model is given, and to what the chat shows."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gradio.processing_utils import save_pil_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from lladav import imaging
from lladav.messages import Messages
from lladav.pipeline import MASK_SIGN
from lladav.ui.capabilities import Capabilities
from lladav.ui.chat.session import Exchange, Session
from lladav.ui.examples import address
from lladav.ui.limits import LIMITS
from lladav.ui.texts import said

DEFAULT_QUESTION = "What is this?"  # asked about a picture that came without words
SHOWN_SIZE = 640  # pixels along the longer side of a picture in the chat
FRAMES_A_ROW = 8
VIDEO_SUFFIXES = {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ogv", ".wmv", ".3gp"}


def read_message(message: dict[str, Any], capabilities: Capabilities) -> Exchange:
    """A new turn out of what a visitor sent.

    Args:
        message: `{"text": str, "files": [path, …]}`.
        capabilities: of the model that is asked.

    Returns:
        The turn, whose pictures are read: upright for the model and small for the chat, which shows of a video a sheet
        of the frames that the model is given.

    Raises:
        ValueError: there is nothing in the message, or too much, or a file cannot be read.
    """
    text, files = (message["text"] or "").strip(), message["files"]
    if not text and not files:
        raise ValueError(said("said.nothing_asked"))
    if len(text) > LIMITS.letters:
        raise ValueError(said("said.long_question", most=LIMITS.letters, has=len(text)))
    if len(files) > LIMITS.files:
        raise ValueError(said("said.many_files", most=LIMITS.files, has=len(files)))
    text = text or DEFAULT_QUESTION
    read = [_read_file(path, capabilities) for path in files]
    content = [block for block, _ in read] + [{"type": "text", "text": text}]
    return Exchange(message, content, [shown for _, shown in read] + [text_block(text)])


def stage_of(files: Sequence[str]) -> dict[str, Any]:
    """What the stage shows of uploaded files that nothing was asked about yet: the pictures among them."""
    return {"pictures": [address(path) for path in files if not _is_video(path)], "question": "", "answer": ""}


def _is_video(path: str) -> bool:
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


def _read_file(path: str, capabilities: Capabilities) -> tuple[dict, dict]:
    """The block for the model, which holds what was read so that nothing is read twice, and the one for the chat."""
    name = Path(path).name
    if not _is_video(path):
        picture = imaging.load_image(Path(path))
        return {"type": "image", "image": picture}, _shown(picture, name)
    if not capabilities.max_frames:
        raise ValueError(said("said.no_video", name=name))
    frames = imaging.load_video(Path(path), capabilities.max_frames)
    return {"type": "video", "video": frames}, _shown(contact_sheet(frames), f"{len(frames)} frames of {name}")


def contact_sheet(frames: Sequence[Image.Image]) -> Image.Image:
    """The frames of a video, small, side by side in rows."""
    columns = min(len(frames), FRAMES_A_ROW)
    width = SHOWN_SIZE // columns
    height = max(1, width * frames[0].height // frames[0].width)
    sheet = Image.new("RGB", (columns * width, -(-len(frames) // columns) * height))
    for index, frame in enumerate(frames):
        sheet.paste(frame.resize((width, height)), (index % columns * width, index // columns * height))
    return sheet


def _shown(picture: Image.Image, alt_text: str) -> dict:
    copy = picture.copy()
    copy.thumbnail((SHOWN_SIZE, SHOWN_SIZE))
    return {"path": save_pil_to_cache(copy, get_upload_folder(), format="png"), "alt_text": alt_text}


def text_block(text: str) -> dict:
    """Words for the chat, which reads HTML even where it renders no Markdown: every letter stands for itself."""
    return {"type": "text", "text": html.escape(text, quote=False)}


def chat_messages(session: Session) -> list[dict[str, Any]]:
    """What the chat shows of a conversation; of an answer that is still to come, its masks."""
    messages: list[dict[str, Any]] = []
    for turn in session.turns:
        messages.append({"role": "user", "content": turn.shown})
        answer = turn.answer if turn.answer is not None else session.running.text if session.running else None
        if answer is not None:
            messages.append({"role": "assistant", "content": [text_block(answer or "(no answer)")]})
    return messages


def model_messages(turns: Sequence[Exchange]) -> Messages:
    """A conversation as the pipeline reads it, up to the last question, whose answer is still to come."""
    messages: list[dict[str, Any]] = []
    for turn in turns:
        messages.append({"role": "user", "content": turn.content})
        if turn is not turns[-1]:
            messages.append({"role": "assistant", "content": (turn.answer or "").replace(MASK_SIGN, "")})
    return messages


def without_oldest(turns: Sequence[Exchange]) -> list[Exchange]:
    """A conversation whose oldest words are left out; its pictures go to the question behind them."""
    first, second, *others = turns
    pictures = [block for block in first.content if block["type"] != "text"]
    return [Exchange(second.message, [*pictures, *second.content], second.shown, second.answer), *others]
