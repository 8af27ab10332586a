"""What happens on the Chat tab: each handler reads the visitor's session and yields updates of the page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from lladav.pipeline import LladaVPipeline, Prompt
from lladav.recording import Recording
from lladav.sampling import SamplingConfig, effective_config, stop_sequences
from lladav.sampling.infilling import Template
from lladav.trace import Trace
from lladav.ui.chat import edits, scenes
from lladav.ui.chat.conversation import chat_messages, model_messages, read_message, stage_of, without_oldest
from lladav.ui.chat.session import Exchange, Session
from lladav.ui.components import OFF, ON, Data, Updates
from lladav.ui.failures import in_page_words, told
from lladav.ui.limits import LIMITS, affordable
from lladav.ui.settings import code
from lladav.ui.streaming import create_decoder, create_observer, create_settler
from lladav.ui.texts import said
from lladav.viewer.state import CanvasState, StateWriter, canvas_state, idle_state

if TYPE_CHECKING:
    from lladav.ui.chat.tab import ChatTab

log = logging.getLogger(__name__)

FORGETS, NOTHING_TO_LOOK_AT = said("said.forgets"), said("said.no_picture")


class ChatHandlers:
    """The handlers behind a `ChatTab`. They keep nothing about a visitor but in the visitor's `Session`."""

    def __init__(self, pipe: LladaVPipeline, tab: ChatTab):
        self.pipe, self.tab = pipe, tab
        self.decode, self.settle = create_decoder(pipe), create_settler(pipe)
        self.observe = create_observer(pipe)

    # ---- asking --------------------------------------------------------------------------------

    def ask(self, data: Data) -> Iterator[Updates]:
        """Answer what is in the box."""
        yield from self._ask(data[self.tab.box], data)

    def ask_suggestion(self, event: gr.EventData, data: Data) -> Iterator[Updates]:
        """Ask a suggested question about the picture in the box, if there is one."""
        yield from self._ask({"text": event.text, "files": data[self.tab.box]["files"]}, data)

    def ask_example(self, event: gr.SelectData, data: Data) -> Iterator[Updates]:
        """Ask the question of an example about its picture."""
        example = self.tab.examples[event.index]
        yield from self._ask({"text": example.question, "files": [example.image]}, data)

    def ask_again(self, data: Data) -> Iterator[Updates]:
        """Answer the last question once more."""
        session: Session = data[self.tab.session]
        if not session.turns:
            yield self.refusal(session, said("said.no_retry"))
            return
        session.interrupt(self.pipe)
        turns = [*session.turns[:-1], replace(session.turns[-1], answer=None)]
        yield from self._reply(turns, data, {})

    def ask_like(self, question: str, config: SamplingConfig, image: str, data: Data) -> Iterator[Updates]:
        """Ask about a picture, in a conversation of its own, with the settings of another run."""
        session: Session = data[self.tab.session]
        session.clear()
        updates = self.tab.panel.of_config(config)
        values = {part: update for part, update in updates.items() if part in self.tab.panel.components}
        yield self.notice(None) | updates
        yield from self._ask({"text": question, "files": [image]}, {**data, **values})

    def _ask(self, message: dict[str, Any], data: Data) -> Iterator[Updates]:
        session: Session = data[self.tab.session]
        if session.is_answering(message):
            yield {self.tab.stop: ON}
            return
        try:
            turn = read_message(message, self.tab.capabilities)
        except ValueError as error:
            yield self.refusal(session, in_page_words(error))
            return
        session.interrupt(self.pipe)
        yield from self._reply([*session.turns, turn][-LIMITS.turns :], data, {self.tab.box: None})

    def _reply(self, turns: list[Exchange], data: Data, shown: Updates) -> Iterator[Updates]:
        """Answer the last of the turns, which become the conversation once it is known that they can be answered."""
        session: Session = data[self.tab.session]
        try:
            settings = self.tab.panel.read(data)
            config = affordable(effective_config(self.pipe.model, settings.config))
            prompt, seen = self._prepare(turns, config, settings.thinking)
        except ValueError as error:
            yield self.refusal(session, in_page_words(error))
            return
        session.turns, session.past = turns, []
        note = self.notice(FORGETS if len(seen) < len(turns) else None)
        yield from self._run(Recording(prompt, config), data, shown | note)

    def _prepare(
        self, turns: list[Exchange], config: SamplingConfig, thinking: bool | None
    ) -> tuple[Prompt, list[Exchange]]:
        """The prompt of a conversation, and what of it the model sees: the oldest turns go where all do not fit."""
        seen = turns
        while True:
            prompt = self.pipe.prepare(model_messages(seen), thinking)
            try:
                self.pipe.check(prompt, config)
                return prompt, seen
            except ValueError:
                if len(seen) == 1:
                    raise
                seen = without_oldest(seen)

    def _run(self, recording: Recording, data: Data, shown: Updates) -> Iterator[Updates]:
        """Run the model as `recording` says, for as long as nothing else takes the run's place."""
        session: Session = data[self.tab.session]
        session.begin(recording, self.pipe)
        session.turns[-1].answer = None
        writer = StateWriter.of(self.pipe, recording)
        recording.add(self.pipe.first_frame(recording.config))
        yield shown | self._talk(session) | {self.tab.canvas: writer.value(), self.tab.stop: ON}
        try:
            for frame in self.decode(recording.prompt, recording.config, session.features):
                if session.running is not recording:
                    return
                if frame.changed is None:  # the first is on the page already
                    continue
                recording.add(frame)
                if frame.finish_reason is not None:
                    session.finish(self.pipe.record(recording))
                    yield self._talk(session) | {self.tab.canvas: writer.value()} | self._same_again(session)
                else:
                    yield {self.tab.canvas: writer.value()}
        except Exception as error:
            if session.running is recording:
                yield self._broken_off(session, error)
        finally:
            if session.running is recording:  # it was cancelled: nothing goes on any more
                session.interrupt(self.pipe)

    def _broken_off(self, session: Session, error: Exception) -> Updates:
        """What is left of a run that failed: what it had written, and a sentence."""
        log.exception("a run was broken off")
        sentence = told(error)
        session.interrupt(self.pipe)
        assert session.trace is not None
        shown = {self.tab.canvas: canvas_state(session.trace), self.tab.stop: OFF}
        return self._talk(session) | shown | self.notice(sentence)

    # ---- views ---------------------------------------------------------------------------------

    def view(self, session: Session) -> Updates:
        """All of the tab but the canvas, as the session stands."""
        return self._talk(session) | self._beside(session)

    def _talk(self, session: Session) -> Updates:
        """What the visitor and the model have said."""
        return {
            self.tab.chatbot: chat_messages(session),
            self.tab.stage: self._stage(session),
            self.tab.suggestions: [],
        }

    def _beside(self, session: Session) -> Updates:
        """What can be done, and what is said of the run on show: its settings as code, how much context it takes."""
        tab, asked = self.tab, gr.update(interactive=bool(session.turns))
        undo = gr.update(interactive=bool(session.past))
        return {tab.retry: asked, tab.edit_question: asked, tab.undo_edit: undo} | self._about_run(session)

    def _about_run(self, session: Session) -> Updates:
        tab, run = self.tab, session.running or session.trace
        if run is None:
            return {tab.context: gr.update(visible=False), tab.python: "", tab.json: "", tab.same_seed: OFF}
        length = run.prompt.length if isinstance(run, Recording) else run.prompt_length
        used = said("said.context", used=f"{length} + {run.config.gen_length}", most=self.pipe.max_length)
        return {
            tab.context: gr.update(value=used, visible=True),
            tab.python: code.as_python(run.config),
            tab.json: code.as_json(run.config),
            tab.same_seed: gr.update(interactive=run.config.seed is not None),
        }

    def _stage(self, session: Session) -> dict[str, Any]:
        """The pictures that the run on show is about, its question, and its answer."""
        if session.running is not None:
            prompt = session.running.prompt
            return {"pictures": prompt.thumbnails, "question": prompt.question, "answer": session.running.text}
        if session.trace is None:
            return stage_of([])
        trace = session.trace
        return {"pictures": trace.thumbnails, "question": trace.question, "answer": trace.text}

    def reuse_seed(self, data: Data) -> Any:
        """The seed of the run on show, for the next one."""
        session: Session = data[self.tab.session]
        run = session.running or session.trace
        return gr.skip() if run is None else run.config.seed

    def notice(self, sentence: str | None) -> Updates:
        """A sentence for the visitor, above the conversation; None takes the last one away."""
        return {self.tab.notice: sentence}

    def refusal(self, session: Session, sentence: str) -> Updates:
        """Why nothing was run, so that there is nothing to stop but what ran before."""
        return self.notice(sentence) | {self.tab.stop: gr.update(interactive=session.running is not None)}

    def failure(self, sentence: str, *args: Any) -> Updates:
        """What is shown where a handler, given `args`, has failed."""
        session: Session = args[-1][self.tab.session]
        return self.refusal(session, sentence)

    # ---- looking into an answer ----------------------------------------------------------------

    def look(self, event: gr.EventData, data: Data) -> Updates:
        """Show what a token looked at, in the step that wrote it or, as long as it is masked, in the one on show."""
        session: Session = data[self.tab.session]
        if session.recording is None or not session.recording.prompt.thumbnails:
            return self.notice(NOTHING_TO_LOOK_AT)
        trace = session.trace if session.running is None else self.pipe.record(session.running)
        try:
            view = self.observe(session.recording.prompt, trace, event.step, event.position, session.features)
        except ValueError as error:
            return self.notice(in_page_words(error))
        return {self.tab.stage: self._stage(session) | {"attention": view}}

    # ---- taking hold of an answer --------------------------------------------------------------

    def stop(self, event: gr.EventData, data: Data) -> Updates:
        """Keep what a run was up to the step at which it was stopped, though the model may be further or done."""
        session: Session = data[self.tab.session]
        recording = session.recording
        if recording is None or recording.run != event.run:
            return {self.tab.stop: gr.update(interactive=session.running is not None)}
        session.finish(self.pipe.record(recording, event.step))
        return self.view(session) | {self.tab.stop: OFF}

    def begun(self, data: Data) -> Updates:
        """Show what stays the same as long as a run lasts, once the canvas has its first step."""
        session: Session = data[self.tab.session]
        return self._beside(session) | self.tab.panel.fit(data)

    def shown(self) -> Updates:
        """The canvas has shown a run to its end, perhaps long after the model was done: there is nothing to stop."""
        return {self.tab.stop: OFF}

    def edit(self, event: gr.EventData, data: Data) -> Iterator[Updates]:
        """Go on from a canvas on which something was changed."""
        session: Session = data[self.tab.session]
        change = {"step": event.step, "changes": event.changes, "label": event.label}

        def make(trace: Trace) -> edits.Edit:
            edit = edits.edited(trace, change, self.pipe.encode)
            return replace(edit, config=replace(edit.config, seed=self.tab.panel.read(data).config.seed))

        if session.running is not None:
            session.interrupt(self.pipe, event.step)
        yield from self._go_on(make, data)

    def fill(self, data: Data) -> Iterator[Updates]:
        """Answer the last question in the words of a template, whose blanks find their own length."""
        session: Session = data[self.tab.session]
        session.interrupt(self.pipe)

        def make(trace: Trace) -> edits.Edit:
            config, longest = self.tab.panel.read(data).config, self.tab.capabilities.longest_answer
            (stop, *_) = stop_sequences(config, self.pipe.tokenizer)
            template = Template.read(data[self.tab.template][: LIMITS.letters], self.pipe.encode, longest)
            assert session.recording is not None
            template = self.settle(session.recording.prompt, template, config)
            return edits.Edit(template.config(config, stop), (), said("said.filled"))

        yield from self._go_on(make, data)

    def _go_on(self, make: Callable[[Trace], edits.Edit], data: Data) -> Iterator[Updates]:
        """Run what `make` makes of the run on show."""
        session: Session = data[self.tab.session]
        trace, last = session.trace, session.recording
        if trace is None or last is None:
            yield self.refusal(session, said("said.no_edit"))
            return
        try:
            edit = make(trace)
            self.pipe.check(last.prompt, affordable(edit.config))
        except ValueError as error:
            yield self._talk(session) | self.refusal(session, in_page_words(error))
            return
        session.remember(trace)
        recording = Recording(last.prompt, edit.config, trace.id, edit.label, edit.pins, edit.carried)
        yield from self._run(recording, data, self.notice(None))

    def _same_again(self, session: Session) -> Updates:
        """Why an edit has changed nothing, where that is so."""
        trace, before = session.trace, session.past[-1:]
        same = trace is not None and before and trace.edit and trace.text == before[0].text
        return self.notice(said("said.same_again")) if same and trace and trace.config.temperature == 0 else {}

    def undo(self, data: Data) -> Updates:
        """Back to what the last edit changed."""
        session: Session = data[self.tab.session]
        if not session.past:
            return {self.tab.undo_edit: gr.update(interactive=False)}
        *session.past, packed = session.past
        trace = packed.unpack()
        session.finish(trace)
        shown = {self.tab.canvas: canvas_state(trace), self.tab.stop: OFF}
        return self.view(session) | self.notice(None) | shown

    # ---- other conversations -------------------------------------------------------------------

    def new_chat(self, data: Data) -> Updates:
        """Forget the conversation."""
        session: Session = data[self.tab.session]
        session.clear()
        idle = {self.tab.canvas: self._masks(data), self.tab.stop: OFF}
        return self.view(session) | self.notice(None) | {self.tab.box: None} | idle

    def take_back(self, data: Data) -> Updates:
        """Put the last question back into its box, to be asked in other words."""
        session: Session = data[self.tab.session]
        if not session.turns:
            return self.notice(said("said.no_question"))
        session.interrupt(self.pipe)
        message = session.turns.pop().message
        session.recording, session.past = None, []
        return self.view(session) | self.notice(None) | {self.tab.box: message, self.tab.stop: OFF}

    def show_trace(self, session: Session, trace: Trace, note: str = "") -> Updates:
        """Play a run that does not belong to the conversation."""
        session.show(trace)
        state = canvas_state(trace, play=True, editable=False, note=note)
        return self.view(session) | self.notice(None) | {self.tab.canvas: state, self.tab.stop: OFF}

    # ---- something to ask ----------------------------------------------------------------------

    def attach(self, data: Data) -> Updates:
        """Show what is attached where nothing else was asked about, with questions as long as none is being written."""
        session: Session = data[self.tab.session]
        message = data[self.tab.box] or {"text": "", "files": []}
        files, written = message["files"], (message["text"] or "").strip()
        updates: Updates = {self.tab.suggestions: self._suggestions(session, files) if files and not written else []}
        if files != session.attached and not (session.turns or session.running):
            updates |= self._waiting(files, data) if files else self._on_show(session, data)
        session.attached = files
        return updates

    def _waiting(self, files: list[str], data: Data) -> Updates:
        """Pictures that nothing was asked about yet, and masks for the answer."""
        return {self.tab.stage: stage_of(files), self.tab.canvas: self._masks(data)}

    def _on_show(self, session: Session, data: Data) -> Updates:
        state = self._masks(data) if session.trace is None else canvas_state(session.trace, editable=False)
        return {self.tab.stage: self._stage(session), self.tab.canvas: state}

    def _masks(self, data: Data) -> CanvasState:
        return idle_state(round(data[self.tab.panel.gen_length]))

    def _suggestions(self, session: Session, files: list[str]) -> list[str]:
        of_scene = session.scene_questions if files == [session.scene] else []
        return of_scene or list(self.tab.capabilities.suggested_questions)

    def new_scene(self, data: Data) -> Updates:
        """Begin a conversation about a picture that nobody has seen before."""
        session: Session = data[self.tab.session]
        try:
            path, questions = scenes.compose(data[self.tab.things])
        except ValueError as error:
            return self.notice(in_page_words(error))
        updates = self.new_chat(data)
        session.scene, session.scene_questions = path, questions
        return updates | {self.tab.box: {"text": "", "files": [path]}, self.tab.suggestions: questions}
