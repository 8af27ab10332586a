"""Conversations as people write them: what they may hold, and where their pictures stand."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from lladav.checks import require, shown

Messages = Sequence[Mapping[str, Any]]

ROLES = ("system", "user", "assistant")
SOURCES = {"image": ("image", "url", "path", "base64"), "video": ("video", "url", "path")}


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture or a video, and its place in a conversation.

    Attributes:
        source: what it is read from.
        is_video: whether it is a video.
        frames: what was read: one picture, or the frames of a video; empty before that.
    """

    source: Any
    is_video: bool = False
    frames: tuple[Image.Image, ...] = ()


def is_batch(messages: Any) -> bool:
    """Whether `messages` are several conversations."""
    return isinstance(messages, (list, tuple)) and len(messages) > 0 and isinstance(messages[0], (list, tuple))


def check_messages(messages: Any) -> None:
    """Refuse what is not a conversation, with a ValueError that names the rule."""
    require(isinstance(messages, (list, tuple)) and len(messages) > 0, "messages", "a list of at least one", messages)
    for message in messages:
        require(isinstance(message, Mapping), "a message", 'a dictionary with "role" and "content"', message)
        role, content = message.get("role"), message.get("content")
        require(isinstance(role, str) and role in ROLES, "role", f"one of {', '.join(ROLES)}", role)
        require(isinstance(content, (str, list, tuple)), "content", "text or a list of parts", content)
        if not isinstance(content, str):
            for part in content:
                _check_part(part)
    spoken = any(text.strip() for message in messages for text in texts_of(message))
    rule = spoken or any(map(pictures_of, messages))
    require(rule, "messages", "a list of which one at least is not empty", messages)


def _check_part(part: Any) -> None:
    require(isinstance(part, Mapping), "a part of content", 'a dictionary with "type"', part)
    kind = part.get("type")
    known = isinstance(kind, str) and kind in ("text", "image", "image_url", "video")
    require(known, "the type of content", '"text", "image" or "video"', kind)
    if kind == "text":
        require(isinstance(part.get("text"), str), "text", "a string", part.get("text"))


def pictures_of(message: Mapping[str, Any]) -> list[Picture]:
    """The pictures and videos of a message, not yet read, in their order. Their sources are not looked at."""
    content = message["content"]
    return [] if isinstance(content, str) else [_picture(part) for part in content if part["type"] != "text"]


def texts_of(message: Mapping[str, Any]) -> list[str]:
    """The texts of a message."""
    content = message["content"]
    return [content] if isinstance(content, str) else [part["text"] for part in content if part["type"] == "text"]


def _picture(part: Mapping[str, Any]) -> Picture:
    if part["type"] == "image_url":  # as OpenAI's interface writes it
        value = part.get("image_url")
        return Picture(value.get("url") if isinstance(value, Mapping) else value)
    kind = part["type"]
    given = {key: part[key] for key in SOURCES[kind] if part.get(key) is not None}
    if len(given) > 1:
        raise ValueError(f"{kind} must have one source, got {' and '.join(given)}: leave out all but one")
    ((key, source),) = given.items() or (("image", None),)
    return Picture(decoded_base64(source) if key == "base64" else source, kind == "video")


def decoded_base64(text: Any) -> bytes:
    """The bytes that base64 text stands for, with or without the head of a data URL."""
    try:
        return base64.b64decode(text.partition("base64,")[2] or text, validate=True)
    except (AttributeError, binascii.Error, TypeError, ValueError) as error:
        raise ValueError(f"base64 must be base64 text, got {shown(text)}: encode the file again") from error
