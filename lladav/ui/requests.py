"""What programs ask: conversations and settings out of a request, refused in a sentence where they are none."""

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from lladav.checks import require
from lladav.messages import decoded_base64, pictures_of, texts_of
from lladav.pipeline import LladaVPipeline, Prompt
from lladav.sampling import SamplingConfig, effective_config
from lladav.sampling.completion import completed
from lladav.ui.guard import STORE_FULL, folder_size
from lladav.ui.limits import LIMITS, affordable

DATA_URL = "data:image/"
MOST_BYTES = int(LIMITS.upload.removesuffix("mb")) << 20  # of a picture


def refuses_in_a_sentence(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """An endpoint, a generator, whose ValueErrors are what a program is told."""

    @wraps(endpoint)
    def told(*args: Any, **options: Any) -> Iterator[Any]:
        try:
            yield from endpoint(*args, **options)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return told


def settings_of(pipe: LladaVPipeline, given: Any, **named: Any) -> SamplingConfig:
    """The settings that a program asks for: those in `given`, and those named that are not None.

    Raises:
        ValueError: one of them is none, or cannot be honoured, or a run under them is beyond the bounds.
    """
    require(given is None or isinstance(given, Mapping), "settings", "a dictionary of settings", given)
    asked = {**(given or {}), **{name: value for name, value in named.items() if value is not None}}
    return affordable(effective_config(pipe.model, completed(asked)))


def prepared(pipe: LladaVPipeline, messages: list[dict[str, Any]], config: SamplingConfig) -> Prompt:
    """The prompt of a conversation, which can be answered so. Raises ValueError where it cannot."""
    prompt = pipe.prepare(messages)
    pipe.check(prompt, config)
    return prompt


def messages_of(text: str, image: Any, history: Any) -> list[dict[str, Any]]:
    """The conversation that a program asks about. Raises ValueError for what is not one, or too much of one."""
    if not isinstance(text, str) or not text.strip():
        raise ValueError("message must hold a question, got nothing: write one")
    blocks = [{"type": "text", "text": text}]
    if image is not None:
        is_data = isinstance(image, str) and image.startswith(DATA_URL)
        blocks.insert(0, {"type": "image", "image": saved(image) if is_data else image})
    return checked_messages([*_list(history or []), {"role": "user", "content": blocks}])


def saved(url: str) -> str:
    """The path of an upload that holds what a data URL does. Raises ValueError for what is none, or too large."""
    data = decoded_base64(url)
    if len(data) > MOST_BYTES:
        raise ValueError(f"a picture may have {LIMITS.upload}, this one has {len(data) >> 20} MB: send a smaller one")
    folder = get_upload_folder()
    if folder_size(Path(folder)) + len(data) > LIMITS.cache_bytes:
        raise ValueError(STORE_FULL)
    return str(save_bytes_to_cache(data, "picture.png", folder))


def _list(history: Any) -> list[Any]:
    few = isinstance(history, list) and len(history) <= 2 * LIMITS.turns
    require(few, "history", f"a list of at most {2 * LIMITS.turns} messages", history)
    return history


def checked_messages(messages: Any) -> list[dict[str, Any]]:
    """Messages whose files are uploads, and that are within the bounds of the service. Raises ValueError for others."""
    checked = [*map(_checked, _list(messages))]
    _check_size(checked)
    return checked


def _checked(message: Any) -> dict[str, Any]:
    if not isinstance(message, dict) or "content" not in message or "role" not in message:
        raise ValueError('a message of history must be {"role": ..., "content": ...}')
    content = message["content"]
    if isinstance(content, str):
        return message
    require(isinstance(content, list), "content", "text or a list of blocks", content)
    require(len(content) <= LIMITS.parts, "content", f"a list of at most {LIMITS.parts} blocks", content)
    return {"role": message["role"], "content": [_checked_block(block) for block in content]}


def _checked_block(block: Any) -> dict[str, Any]:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text" and isinstance(block.get("text"), str):
        return {"type": "text", "text": block["text"]}
    if kind in ("image", "video") and kind in block:
        return {"type": kind, kind: uploaded(block[kind])}
    raise ValueError('a block must be {"type": "text", "text": ...}, or {"type": "image", "image": uploaded file}')


def _check_size(messages: list[dict[str, Any]]) -> None:
    for message in messages:
        letters = sum(map(len, texts_of(message)))
        if letters > LIMITS.letters:
            raise ValueError(f"a message may have {LIMITS.letters} letters, got {letters}: shorten it")
    check_pictures(sum(len(pictures_of(message)) for message in messages))


def check_pictures(pictures: int) -> None:
    """Raises ValueError for more pictures than a conversation may have."""
    if pictures > LIMITS.pictures:
        raise ValueError(f"a conversation may have {LIMITS.pictures} pictures, got {pictures}: leave some out")


def uploaded(file: Any, name: str = "image") -> str:
    """The path of a file that was uploaded to this server; `name` is what an error calls it.

    Others are refused alike, whether they exist or not: a program elsewhere must neither have this machine's pictures
    described to it nor learn which files there are.
    """
    path = file.get("path") if isinstance(file, dict) else file
    found = Path(path).resolve() if isinstance(path, str) and "\0" not in path else None
    if found is None or not found.is_relative_to(Path(get_upload_folder()).resolve()) or not found.is_file():
        raise ValueError(f"{name} must be a file uploaded to this server: upload it with the request")
    return str(found)
