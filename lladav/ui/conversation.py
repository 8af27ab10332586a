"""A visitor's conversation: what the chat shows, what the model is given, and the way between them.

The chat component holds what is shown; `turns`, a list kept in the visitor's session, holds what the model needs of
each question: `{"at": index of the question in the chat, "message": as it was sent, "content": blocks for the model}`.
Messages that only show an error belong to no turn, so a question that failed never reaches the model.
"""

import html
from pathlib import Path
from typing import Any

from gradio.processing_utils import save_pil_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from lladav.pipeline import MASK_SIGN, LladaVPipeline

DEFAULT_QUESTION = "What is this?"  # asked about a picture that came without words
SHOWN_SIZE = 640  # pixels along the longer side of a picture in the chat
FRAMES_A_ROW = 8
VIDEO_SUFFIXES = {".mp4", ".mov", ".avi", ".mkv", ".webm"}

Chat = list[dict[str, Any]]
Turn = dict[str, Any]


def read_message(pipe: LladaVPipeline, message: dict[str, Any]) -> tuple[list[dict], list[dict]]:
    """What a visitor sent, for the model and for the chat.

    Args:
        pipe: whose processor reads the pictures.
        message: `{"text": str, "files": [path, …]}`.

    Returns:
        The blocks of the user's message for the pipeline, and those the chat shows: every picture as it was read,
        upright, and for a video a sheet of the frames that were taken from it.

    Raises:
        ValueError: there is nothing in the message, or a file is not a picture or video that can be read.
    """
    text, files = (message["text"] or "").strip(), message["files"]
    if not text and not files:
        raise ValueError("There is nothing to answer yet: write a question, or add a picture and ask about it.")
    blocks, shown = [], []
    for path in files:
        block, picture = _read_file(pipe, path)
        blocks.append(block)
        shown.append(picture)
    text = text or DEFAULT_QUESTION
    return [*blocks, {"type": "text", "text": text}], [*shown, text_block(text)]


def _read_file(pipe: LladaVPipeline, path: str) -> tuple[dict, dict]:
    name = Path(path).name
    try:
        if Path(path).suffix.lower() in VIDEO_SUFFIXES:
            frames = pipe.processor.load_video(path)
            return {"type": "video", "video": path}, _shown(contact_sheet(frames), f"{len(frames)} frames of {name}")
        return {"type": "image", "image": path}, _shown(pipe.processor.load_image(path), name)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def contact_sheet(frames: list[Image.Image]) -> Image.Image:
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


def said(role: str, *blocks: dict) -> dict:
    return {"role": role, "content": list(blocks)}


def question_in_chat(message: dict[str, Any]) -> dict:
    """The chat's record of a message that could not be read: its words and the names of its files."""
    names = [Path(path).name for path in message["files"]]
    return said("user", text_block(" ".join([*(f"[{name}]" for name in names), message["text"] or ""]).strip() or "…"))


def text_of(shown: dict) -> str:
    """The words of a message of the chat."""
    return "\n".join(html.unescape(block["text"]) for block in shown["content"] if block["type"] == "text")


def model_messages(turns: list[Turn], chat: Chat) -> list[dict]:
    """The conversation as the pipeline reads it. The answer to the last turn is still to come."""
    messages = []
    for turn in turns:
        messages.append({"role": "user", "content": turn["content"]})
        if turn is not turns[-1]:
            answer = text_of(chat[turn["at"] + 1]).replace(MASK_SIGN, "")
            messages.append({"role": "assistant", "content": answer})
    return messages
