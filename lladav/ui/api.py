"""The endpoint `/sample`: the model for programs, one update a step."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import spaces

from lladav.pipeline import LladaVPipeline, step_record
from lladav.sampling import SamplingConfig
from lladav.ui.decoding import gpu_seconds


def create_sample_endpoint(pipe: LladaVPipeline) -> None:
    """Serve `/sample` from the current Blocks."""

    @spaces.GPU(duration=gpu_seconds)
    def records(messages: list[dict], config: SamplingConfig) -> Iterator[dict[str, Any]]:
        try:
            steps = pipe.stream(messages, config)
        except ValueError as error:
            raise _refused(error) from error
        for step in steps:
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

        Yields {"step", "steps", "text", "tokens", "confidence", "nfe", "finish_reason"}: `tokens` and `confidence` hold
        null for positions still masked. `history` holds earlier messages as {"role", "content"}, where content is text
        or a list of {"type": "text", "text"} and {"type": "image", "image": file}.
        """
        try:
            config = SamplingConfig(
                gen_length=gen_length, block_length=block_length, steps=steps,
                temperature=temperature, cfg_scale=cfg_scale, remasking=remasking, seed=seed,
            )  # fmt: skip
            messages = _messages(message, image, history or [])
        except ValueError as error:
            raise _refused(error) from error
        yield from records(messages, config)

    gr.api(sample, api_name="sample")


def _refused(error: ValueError) -> gr.Error:
    return gr.Error(str(error), print_exception=False)


def _messages(text: str, image: Any, history: list[dict]) -> list[dict]:
    if not text or not text.strip():
        raise ValueError("message must hold a question, got nothing: write one")
    blocks = [{"type": "text", "text": text}]
    if image is not None:
        blocks.insert(0, {"type": "image", "image": _path(image)})
    return [*map(_with_paths, history), {"role": "user", "content": blocks}]


def _with_paths(message: dict) -> dict:
    if isinstance(message["content"], str):
        return message
    return message | {"content": [_block_with_path(block) for block in message["content"]]}


def _block_with_path(block: dict) -> dict:
    kind = block["type"]
    return block if kind == "text" else block | {kind: _path(block[kind])}


def _path(file: Any) -> str:
    """The path of an uploaded file.

    Others are refused, as in gradio itself, unless they lie in the working directory or the system's temporary one: a
    program elsewhere must not have this machine's pictures described to it.
    """
    path = Path(file["path"] if isinstance(file, dict) else file).resolve()
    if not any(path.is_relative_to(Path(folder).resolve()) for folder in (tempfile.gettempdir(), Path.cwd())):
        raise ValueError(f"image must be a file uploaded to this server, got {path.name}: upload it with the request")
    if not path.is_file():
        raise ValueError(f"image must be a file uploaded to this server, there is no {path.name}: upload it again")
    return str(path)
