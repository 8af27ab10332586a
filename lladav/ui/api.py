"""The model for programs: named endpoints, all of which wait in the page's line and decode in its places."""

import json
import logging
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
import spaces
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from lladav.checks import require
from lladav.pipeline import LladaVPipeline, Prompt, step_record
from lladav.recording import Frame, Recording
from lladav.render import EXPORT_FORMATS, exporting
from lladav.sampling import SamplingConfig, SamplingStep, stop_sequences
from lladav.sampling.infilling import Template
from lladav.trace import Trace
from lladav.ui.chat.edits import edited
from lladav.ui.chat.tab import SLOTS
from lladav.ui.completions import create_chat_endpoint
from lladav.ui.export import MEGAPIXELS, RENDERS, read_trace, trace_of
from lladav.ui.failures import told
from lladav.ui.journal import JOURNAL
from lladav.ui.limits import LIMITS, affordable
from lladav.ui.requests import messages_of, prepared, refuses_in_a_sentence, settings_of, uploaded
from lladav.ui.streaming import create_settler, gpu_seconds

Records = Iterator[dict[str, Any]]
History = list[dict[str, Any]]
SettingValues = dict[str, Any]
SentPicture = gr.FileData | str | None
COMPARED = ("first", "second")

log = logging.getLogger(__name__)


def create_endpoints(pipe: LladaVPipeline) -> None:
    """Serve `/sample`, `/infill`, `/branch`, `/compare` and `/export` from the current Blocks."""
    follow = create_follower(pipe)
    for endpoint in (_sample(pipe, follow), _infill(pipe, follow), _branch(pipe, follow), _compare(pipe, follow)):
        gr.api(refuses_in_a_sentence(endpoint), api_name=endpoint.__name__, **SLOTS)
    gr.api(refuses_in_a_sentence(_export()), api_name="export", **RENDERS)
    create_chat_endpoint(pipe, follow)


def create_follower(pipe: LladaVPipeline) -> Callable[[Recording, bool], Records]:
    """A generator of the records of a run, on the GPU where one is lent; the last has the trace where it is wanted."""

    @spaces.GPU(duration=gpu_seconds)
    def steps(prompt: Prompt, config: SamplingConfig) -> Iterator[tuple[dict[str, Any], Frame]]:
        before: SamplingStep | None = None
        for step in pipe.stream(prompt, config):
            yield step_record(pipe, step), Frame.of(before, step, 0.0, pipe.text(step))
            before = step

    def follow(recording: Recording, traced: bool) -> Records:
        try:
            with JOURNAL.run("program", recording.prompt, recording.config) as entry:
                for record, frame in steps(recording.prompt, recording.config):
                    recording.add(frame)
                    entry.see(record["nfe"], record["finish_reason"])
                    ended = traced and frame.finish_reason is not None
                    yield record | {"trace": json.loads(pipe.record(recording).to_json())} if ended else record
        except Exception as error:
            log.exception("a run was broken off")
            raise gr.Error(told(error), print_exception=False) from error

    return follow


def _sample(pipe: LladaVPipeline, follow: Callable[[Recording, bool], Records]) -> Callable[..., Records]:
    def sample(
        message: str,
        image: SentPicture = None,
        history: History | None = None,
        gen_length: int | None = None,
        block_length: int | None = None,
        steps: int | None = None,
        temperature: float | None = None,
        cfg_scale: float | None = None,
        remasking: str | None = None,
        seed: int | None = None,
        settings: SettingValues | None = None,
        trace: bool = False,
    ) -> Records:
        """Answer a question about a picture by refining a canvas of masks, step by step; every step is an update.

        Args:
            message: the question.
            image: the picture that it is about: an uploaded file, or a data URL.
            history: earlier messages as {"role", "content"}, where content is text or a list of
                {"type": "text", "text"} and {"type": "image", "image": uploaded file}.
            gen_length: tokens in the answer; 64 if left out.
            block_length: tokens in a block; the whole answer if left out.
            steps: forward passes over the whole answer; one for two tokens if left out.
            temperature: 0 takes the most probable token.
            cfg_scale: guidance; 0 is off.
            remasking: what orders proposals, such as low_confidence.
            seed: of the noise.
            settings: any other setting of SamplingConfig by name, and "method" for a published way of decoding.
            trace: whether the last update holds the whole run, which /branch and /export take.

        Returns:
            {"step", "steps", "text", "tokens", "confidence", "nfe", "finish_reason", "revoked_index"}: tokens and
            confidence hold null for positions still masked.
        """
        named = {
            "gen_length": gen_length, "block_length": block_length, "steps": steps, "temperature": temperature,
            "cfg_scale": cfg_scale, "remasking": remasking, "seed": seed,
        }  # fmt: skip
        config = settings_of(pipe, settings, **named)
        prompt = prepared(pipe, messages_of(message, image, history), config)
        yield from follow(Recording(prompt, config), trace)

    return sample


def _infill(pipe: LladaVPipeline, follow: Callable[[Recording, bool], Records]) -> Callable[..., Records]:
    settle = create_settler(pipe)

    def infill(
        message: str,
        template: str,
        image: SentPicture = None,
        history: History | None = None,
        settings: SettingValues | None = None,
        trace: bool = False,
    ) -> Records:
        """Answer a question about a picture in the words of a template, whose blanks the model fills.

        Args:
            message: the question.
            template: text with blanks: "The ___ is left of the {2}."; ___ finds its own length, {2} is two tokens.
            image: the picture that it is about: an uploaded file, or a data URL.
            history: as for /sample.
            settings: settings of SamplingConfig by name; the answer is as long as the template.
            trace: as for /sample.

        Returns:
            As /sample.
        """
        config = settings_of(pipe, settings)
        prompt = prepared(pipe, messages_of(message, image, history), config)
        require(bool(config.stop), "stop", "a string that ends an answer", config.stop)
        require(isinstance(template, str), "template", "text with blanks", template)
        (stop, *_) = stop_sequences(config, pipe.tokenizer)
        read = Template.read(template[: LIMITS.letters], pipe.encode, min(LIMITS.answer, pipe.max_length // 2))
        filled = affordable(settle(prompt, read, config).config(config, stop))
        pipe.check(prompt, filled)
        yield from follow(Recording(prompt, filled), trace)

    return infill


def _branch(pipe: LladaVPipeline, follow: Callable[[Recording, bool], Records]) -> Callable[..., Records]:
    def branch(
        trace: dict[str, Any],
        step: int,
        changes: dict[str, Any],
        message: str,
        image: SentPicture = None,
        history: History | None = None,
    ) -> Records:
        """Go on from any step of a run with other tokens: what would the model have said then?

        Args:
            trace: the run, as /sample gave it.
            step: of the run, 0 for the canvas of masks.
            changes: by position of the answer, the id of a token of this run, words, or null for a mask.
            message: the question that the run answered.
            image: its picture, as for /sample.
            history: its history.

        Returns:
            As /sample, of the run that goes on; the last update holds its trace.
        """
        run = trace_of(trace)
        require(isinstance(changes, dict) and all(map(str.isdecimal, changes)), "changes", "by position", changes)
        edit = edited(run, {"step": step, "changes": changes, "label": "branched by a program"}, pipe.encode)
        prompt = prepared(pipe, messages_of(message, image, history), affordable(edit.config))
        if prompt.image_hashes != run.images or prompt.text != run.prompt:
            raise ValueError("message, image and history must be those that the trace answers: send the same")
        yield from follow(Recording(prompt, edit.config, run.id, edit.label, edit.pins, edit.carried), True)

    return branch


def _compare(pipe: LladaVPipeline, follow: Callable[[Recording, bool], Records]) -> Callable[..., Records]:
    def compare(
        message: str,
        first: SettingValues,
        second: SettingValues,
        image: SentPicture = None,
        history: History | None = None,
    ) -> Records:
        """Answer a question about a picture under two settings, one after the other.

        Args:
            message: the question.
            first: settings of SamplingConfig by name, or {"method": "wino"}.
            second: those of the second answer.
            image: the picture that it is about: an uploaded file, or a data URL.
            history: as for /sample.

        Returns:
            As /sample, with "side": "first" or "second"; the last update also has "texts" and "nfes" of both.
        """
        configs = [settings_of(pipe, settings) for settings in (first, second)]
        messages = messages_of(message, image, history)
        prompt = prepared(pipe, messages, configs[0])
        pipe.check(prompt, configs[1])
        last: dict[str, dict[str, Any]] = {}
        for side, config in zip(COMPARED, configs, strict=True):
            for record in follow(Recording(prompt, config), False):
                last[side] = record
                ended = side == COMPARED[-1] and record["finish_reason"] is not None
                both = {name + "s": {key: one[name] for key, one in last.items()} for name in ("text", "nfe")}
                yield record | {"side": side} | (both if ended else {})

    return compare


def _export() -> Callable[..., Iterator[gr.FileData]]:
    def export(
        trace: dict[str, Any] | None = None, format: str = "gif", file: gr.FileData | None = None
    ) -> Iterator[gr.FileData]:
        """Make a film, a picture, a page or data of a run.

        Args:
            trace: the run, as /sample gave it.
            format: gif, mp4, png, html or json.
            file: instead of trace: an uploaded file that holds one.

        Returns:
            The file. A film of more steps than can be drawn in ten seconds leaves some of them out, evenly.
        """
        require(format in EXPORT_FORMATS, "format", f"one of {', '.join(EXPORT_FORMATS)}", format)
        run: Trace = read_trace(uploaded(file, "file")) if file is not None else trace_of(trace)
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"lladav-{run.id}.{format}"
            for _ in exporting(run, path, MEGAPIXELS.get(format, math.inf)):
                pass
            yield gr.FileData(path=save_file_to_cache(path, get_upload_folder()))

    return export
