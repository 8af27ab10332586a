"""The endpoint `/sample`: the model for programs, one update a step."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import spaces
from gradio.utils import get_upload_folder

from lladav.messages import pictures_of, texts_of
from lladav.pipeline import LladaVPipeline, Prompt, step_record
from lladav.sampling import SamplingConfig
from lladav.ui.chat.tab import SLOTS
from lladav.ui.failures import told
from lladav.ui.journal import JOURNAL
from lladav.ui.limits import LIMITS
from lladav.ui.streaming import gpu_seconds

log = logging.getLogger(__name__)


def create_sample_endpoint(pipe: LladaVPipeline) -> None:
    """Serve `/sample` from the current Blocks."""

    @spaces.GPU(duration=gpu_seconds)
    def records(prompt: Prompt, config: SamplingConfig) -> Iterator[dict[str, Any]]:
        for step in pipe.stream(prompt, config):
            yield step_record(pipe, step)

    def sample(
        message: str,
        image: gr.FileData | None = None,
        history: list[dict[str, Any]] | None = None,
        gen_length: int = 64,
        block_length: int = 64,
        steps: int = 32,
        temperature: float = 0.0,
        cfg_scale: float = 0.0,
        remasking: str = "low_confidence",
        seed: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Answer a message step by step.

        Yields {"step", "steps", "text", "tokens", "confidence", "nfe", "finish_reason", "revoked_index"}: `tokens` and
        `confidence` hold null for positions still masked. `history` holds earlier messages as {"role", "content"},
        where content is text or a list of {"type": "text", "text"} and {"type": "image", "image": uploaded file}.
        """
        try:
            config = SamplingConfig(
                gen_length=gen_length, block_length=block_length, steps=steps,
                temperature=temperature, cfg_scale=cfg_scale, remasking=remasking, seed=seed,
            )  # fmt: skip
            prompt = pipe.prepare(_messages(message, image, history or []))
            pipe.check(prompt, config)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error
        try:
            with JOURNAL.run("sample", prompt, config) as entry:
                for record in records(prompt, config):
                    entry.see(record["nfe"], record["finish_reason"])
                    yield record
        except Exception as error:
            log.exception("a run was broken off")
            raise gr.Error(told(error), print_exception=False) from error

    gr.api(sample, api_name="sample", **SLOTS)


def _messages(text: str, image: Any, history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The conversation that a program asks about. Raises ValueError for what is not one, or too much of one."""
    if not isinstance(text, str) or not text.strip():
        raise ValueError("message must hold a question, got nothing: write one")
    if not isinstance(history, list) or len(history) > 2 * LIMITS.turns:
        raise ValueError(f"history must be a list of at most {2 * LIMITS.turns} messages")
    blocks = [{"type": "text", "text": text}]
    if image is not None:
        blocks.insert(0, {"type": "image", "image": _uploaded(image)})
    messages = [*map(_checked, history), {"role": "user", "content": blocks}]
    _check_size(messages)
    return messages


def _checked(message: Any) -> dict[str, Any]:
    """A message of the history, whose files are uploads."""
    if not isinstance(message, dict) or "content" not in message or "role" not in message:
        raise ValueError('a message of history must be {"role": ..., "content": ...}')
    content = message["content"]
    if isinstance(content, str):
        return message
    if not isinstance(content, list):
        raise ValueError("content must be text or a list of blocks")
    return {"role": message["role"], "content": [_checked_block(block) for block in content]}


def _checked_block(block: Any) -> dict[str, Any]:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text" and isinstance(block.get("text"), str):
        return {"type": "text", "text": block["text"]}
    if kind in ("image", "video") and kind in block:
        return {"type": kind, kind: _uploaded(block[kind])}
    raise ValueError('a block must be {"type": "text", "text": ...}, or {"type": "image", "image": uploaded file}')


def _check_size(messages: list[dict[str, Any]]) -> None:
    for message in messages:
        letters = sum(map(len, texts_of(message)))
        if letters > LIMITS.letters:
            raise ValueError(f"a message may have {LIMITS.letters} letters, got {letters}: shorten it")
    pictures = sum(len(pictures_of(message)) for message in messages)
    if pictures > LIMITS.pictures:
        raise ValueError(f"a conversation may have {LIMITS.pictures} pictures, got {pictures}: leave some out")


def _uploaded(file: Any) -> str:
    """The path of a file that was uploaded to this server.

    Others are refused alike, whether they exist or not: a program elsewhere must neither have this machine's pictures
    described to it nor learn which files there are.
    """
    path = file.get("path") if isinstance(file, dict) else file
    found = Path(path).resolve() if isinstance(path, str) and "\0" not in path else None
    if found is None or not found.is_relative_to(Path(get_upload_folder()).resolve()) or not found.is_file():
        raise ValueError("image must be a file uploaded to this server: upload it with the request")
    return str(found)
