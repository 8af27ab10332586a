"""The Chat tab driven without a browser: questions, refusals, edits, and whatever ends a run."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
import torch

from lladav import LladaVPipeline, SamplingConfig
from lladav.pipeline import MASK_SIGN
from lladav.ui.attention import attention_view
from lladav.ui.capabilities import Capabilities
from lladav.ui.chat import conversation
from lladav.ui.chat.handlers import FORGETS, NOTHING_TO_LOOK_AT
from lladav.ui.chat.session import Session
from lladav.ui.chat.tab import ChatTab
from lladav.ui.components import OFF
from lladav.ui.examples import recorded_runs
from lladav.ui.failures import FAILED, NO_ROOM, OUT_OF_MEMORY, ends_in_a_notice
from lladav.ui.gallery import opening
from lladav.ui.settings.knobs import Decoding
from lladav.viewer.state import idle_state

QUESTION = "What is this?"
CONFIG = SamplingConfig(gen_length=8, block_length=8, steps=8, seed=3)


@pytest.fixture(scope="module")
def tab(tiny_pipeline: LladaVPipeline, examples: list) -> ChatTab:
    blank = idle_state(8), {"pictures": [], "question": "", "answer": ""}
    with gr.Blocks():
        return ChatTab(tiny_pipeline, Capabilities.of(tiny_pipeline), None, examples, blank)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list:
    return []


class Visitor:
    """A visitor of the tab: a session, what stands in the widgets, and everything that the page was told."""

    def __init__(self, tab: ChatTab):
        self.tab, self.session = tab, Session()
        self.page: dict[Any, Any] = {}
        panel = tab.panel
        self.widgets = {part: part.value for part in panel.components} | {tab.template: ""}
        self.widgets |= {panel.linked[name]: getattr(CONFIG, name) for name in ("gen_length", "block_length", "steps")}
        self.widgets |= {panel.seed: CONFIG.seed, panel.refresh_interval: 1, panel.method: Decoding("exact").written()}

    def data(self, **widgets: Any) -> dict[Any, Any]:
        return self.widgets | {self.tab.session: self.session} | {getattr(self.tab, k): v for k, v in widgets.items()}

    def send(self, text: str, *files: Path) -> Iterator[dict]:
        return self.tab.handlers.ask(self.data(box={"text": text, "files": [str(file) for file in files]}))

    def see(self, updates: dict | Iterator[dict]) -> None:
        for one in [updates] if isinstance(updates, dict) else updates:
            self.page |= one

    def ask(self, text: str = QUESTION, *files: Path) -> str:
        self.see(self.send(text, *files))
        return self.bubbles()[-1]

    def bubbles(self) -> list[str]:
        return ["\n".join(b["text"] for b in one["content"] if "text" in b) for one in self.page[self.tab.chatbot]]

    @property
    def notice(self) -> str | None:
        return self.page.get(self.tab.notice)


@pytest.fixture
def visitor(tab: ChatTab) -> Visitor:
    return Visitor(tab)


def stopped(run: str, step: int) -> SimpleNamespace:
    return SimpleNamespace(run=run, step=step)


def edit_event(step: int, changes: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(step=step, changes=changes, label="an edit")


def test_the_answer_is_the_pipelines_and_the_next_question_has_a_history(
    visitor: Visitor, tiny_pipeline: LladaVPipeline
):
    messages = [{"role": "user", "content": QUESTION}]
    first = tiny_pipeline(messages, CONFIG).text
    visitor.ask()
    assert visitor.session.turns[-1].answer == first
    messages += [{"role": "assistant", "content": first}, {"role": "user", "content": "Is it red?"}]
    visitor.ask("Is it red?")
    assert visitor.session.turns[-1].answer == tiny_pipeline(messages, CONFIG).text
    assert visitor.session.trace == replace(
        tiny_pipeline(messages, CONFIG).trace, seconds=visitor.session.trace.seconds
    )


def test_what_lasts_as_long_as_a_run_is_shown_once_it_has_begun(visitor: Visitor):
    tab = visitor.tab
    visitor.widgets[tab.panel.block_length] = 5
    run = visitor.send(QUESTION)
    visitor.see(next(run))
    visitor.see(tab.handlers.begun(visitor.data()))
    config = visitor.session.running.config
    assert (visitor.page[tab.retry]["interactive"], visitor.page[tab.undo_edit]["interactive"]) == (True, False)
    assert json.loads(visitor.page[tab.json])["seed"] == config.seed
    assert f"+ {config.gen_length} of " in visitor.page[tab.context]["value"]
    assert visitor.page[tab.panel.block_length] == config.block_length != 5
    assert "lock length" in visitor.page[tab.panel.note]["value"]
    visitor.see(run)


def looked(visitor: Visitor, step: int, position: int) -> dict:
    visitor.see(visitor.tab.handlers.look(SimpleNamespace(step=step, position=position), visitor.data()))
    return visitor.page[visitor.tab.stage].get("attention")


def test_a_token_is_asked_what_it_looked_at(visitor: Visitor, tiny_pipeline: LladaVPipeline, picture: Path):
    visitor.ask(QUESTION, picture)
    trace, prompt = visitor.session.trace, visitor.session.recording.prompt
    (position,) = trace.steps[2].transfer_index
    view = looked(visitor, 2, position)
    written = trace.steps[2].x0[trace.steps[2].positions.index(position)]
    assert view == attention_view(
        tiny_pipeline.attention(prompt, trace, 2, [position]), position, trace.pieces[written], step=3
    )
    assert visitor.page[visitor.tab.stage]["pictures"] == prompt.thumbnails
    visitor.ask("And now?")
    assert "attention" not in visitor.page[visitor.tab.stage], "it belongs to the run before"


def test_a_token_can_be_asked_while_the_run_goes_on(visitor: Visitor, picture: Path):
    run = visitor.send(QUESTION, picture)
    for _ in range(4):
        visitor.page |= next(run)
    assert looked(visitor, 1, 0)["step"] == 2
    looked(visitor, 7, 0)
    assert "step must lie between 0 and" in visitor.notice
    visitor.see(run)
    assert visitor.session.trace.finish_reason


def test_without_a_picture_there_is_nothing_to_look_at(visitor: Visitor):
    visitor.ask()
    assert looked(visitor, 0, 0) is None
    assert visitor.notice == NOTHING_TO_LOOK_AT


def test_an_answer_in_the_chat_is_never_read_back(visitor: Visitor, tiny_pipeline: LladaVPipeline):
    visitor.ask()
    visitor.page[visitor.tab.chatbot][-1]["content"][0]["text"] = "something else"
    first = tiny_pipeline([{"role": "user", "content": QUESTION}], CONFIG).text
    visitor.ask("And now?")
    assert visitor.session.recording.prompt.text.count("something else") == 0
    assert visitor.session.turns[0].answer == first


def test_updates_of_a_run_name_it_and_end_with_its_trace(visitor: Visitor):
    canvas = visitor.tab.canvas
    states = [updates[canvas] for updates in visitor.send(QUESTION) if canvas in updates]
    assert len({state["run"] for state in states}) == 1
    assert [len(state["log"]) for state in states] == list(range(1, len(states) + 1))
    assert states[-1]["finish_reason"] == visitor.session.trace.finish_reason
    assert states[-1]["text"] == visitor.session.trace.text


@pytest.mark.parametrize("text", ["", "  ", "word " * 2000])
def test_a_refused_question_changes_nothing(visitor: Visitor, text: str):
    visitor.ask()
    before = replace(visitor.session), visitor.bubbles()
    updates = list(visitor.send(text))
    # box, chat and canvas stay as they are
    assert [list(one) for one in updates] == [[visitor.tab.notice, visitor.tab.stop]]
    assert (visitor.session, visitor.bubbles()) == before
    assert visitor.ask("Still there?")
    assert visitor.notice is None


def test_a_rule_calls_settings_what_the_page_calls_them(visitor: Visitor):
    visitor.see(visitor.send("word " * 780))
    assert "must fit into 512 tokens" in visitor.notice
    assert "a smaller “Max new tokens”" in visitor.notice and "gen_length" not in visitor.notice


def test_a_refused_file_is_named(visitor: Visitor, tmp_path: Path):
    (tmp_path / "note.png").write_text("This is no picture.")
    visitor.see(visitor.send(QUESTION, tmp_path / "note.png"))
    assert visitor.notice.startswith("note.png: ")
    assert visitor.session.turns == []


def test_a_long_chat_forgets_its_oldest_words_and_says_so(visitor: Visitor, picture: Path):
    visitor.ask("word " * 60, picture)
    for _ in range(8):
        visitor.ask("word " * 60)
    assert visitor.notice == FORGETS
    assert len(visitor.session.turns) == 9
    prompt = visitor.session.recording.prompt
    assert prompt.text.count("<image>") == 1, "the picture stays in sight"
    assert prompt.text.count("user") < 9


def run_to(visitor: Visitor, updates: Iterator[dict], steps: int) -> Iterator[dict]:
    """Show the first updates of a run, and return what is still to come."""
    for _ in range(steps + 1):
        visitor.see(next(updates))
    return updates


def new_chat(visitor: Visitor) -> None:
    visitor.see(visitor.tab.handlers.new_chat(visitor.data()))


def show_another(visitor: Visitor) -> None:
    other = next(iter(recorded_runs().values()))
    visitor.see(visitor.tab.handlers.show_trace(visitor.session, other.trace))


def stop(visitor: Visitor) -> None:
    visitor.see(visitor.tab.handlers.stop(stopped(visitor.session.running.run, 2), visitor.data()))


def take_back(visitor: Visitor) -> None:
    visitor.see(visitor.tab.handlers.take_back(visitor.data()))


def ask_another(visitor: Visitor) -> None:
    visitor.ask("And this?")


def retry(visitor: Visitor) -> None:
    visitor.see(visitor.tab.handlers.ask_again(visitor.data()))


def edit(visitor: Visitor) -> None:
    token = visitor.session.running.frames[1].changed.top_ids[1]
    visitor.see(visitor.tab.handlers.edit(edit_event(1, {"0": token}), visitor.data()))


def fill(visitor: Visitor) -> None:
    visitor.see(visitor.tab.handlers.fill(visitor.data(template="It is ___.")))


def undo(visitor: Visitor) -> None:
    visitor.see(visitor.tab.handlers.undo(visitor.data()))


ENDINGS = [new_chat, show_another, stop, take_back, ask_another, retry, edit, fill]


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
def test_whatever_ends_a_run_wins(visitor: Visitor, end: Callable[[Visitor], None]):
    visitor.ask("Hello")
    late = run_to(visitor, visitor.send(QUESTION), 3)
    end(visitor)
    after = replace(visitor.session), dict(visitor.page)
    assert list(late) == [], "a run that was left has nothing more to say"
    assert (visitor.session, visitor.page) == after
    assert visitor.session.running is None
    assert visitor.ask("Still there?")


@pytest.mark.parametrize("again", [QUESTION, "", " "])
def test_a_second_press_of_enter_asks_nothing_more(visitor: Visitor, again: str):
    late = run_to(visitor, visitor.send(QUESTION), 3)
    visitor.see(visitor.send(again))
    assert visitor.notice is None
    assert len(visitor.session.turns) == 1
    visitor.see(late)
    assert visitor.session.trace.finish_reason
    visitor.ask()
    assert len(visitor.session.turns) == 2, "once it is answered it can be asked again"


def test_a_run_that_the_browser_cancels_goes_on_no_more(visitor: Visitor):
    cancelled = visitor.send(QUESTION)
    run_to(visitor, cancelled, 3)
    cancelled.close()
    assert visitor.session.running is None
    assert visitor.session.turns[-1].answer == visitor.session.trace.text
    assert visitor.ask()


def test_undo_in_the_middle_of_an_edited_run_wins(visitor: Visitor):
    visitor.ask()
    before = visitor.session.trace
    late = run_to(visitor, visitor.tab.handlers.edit(edit_event(8, {"2": None, "3": None}), visitor.data()), 1)
    undo(visitor)
    assert visitor.session.trace == before
    assert list(late) == []
    assert visitor.session.trace == before


def test_stop_keeps_what_was_shown(visitor: Visitor, tiny_pipeline: LladaVPipeline):
    late = run_to(visitor, visitor.send(QUESTION), 5)
    stop(visitor)
    assert list(late) == []
    states = list(tiny_pipeline.stream([{"role": "user", "content": QUESTION}], CONFIG))
    assert visitor.session.turns[-1].answer == tiny_pipeline.text(states[2])
    assert visitor.session.trace.finish_reason is None
    assert len(visitor.session.trace.steps) == 2
    visitor.ask("And now?")
    assert MASK_SIGN not in visitor.session.recording.prompt.text


def test_a_stop_while_the_page_still_plays_what_the_model_finished(visitor: Visitor, tiny_pipeline: LladaVPipeline):
    visitor.ask()
    run = visitor.session.recording.run
    visitor.see(visitor.tab.handlers.stop(stopped(run, 3), visitor.data()))
    states = list(tiny_pipeline.stream([{"role": "user", "content": QUESTION}], CONFIG))
    assert visitor.session.turns[-1].answer == tiny_pipeline.text(states[3])
    assert visitor.bubbles()[-1].count(MASK_SIGN) == 5


def test_a_stop_of_a_run_that_was_left_stops_no_other(visitor: Visitor):
    visitor.ask()
    run = visitor.session.recording.run
    late = run_to(visitor, visitor.send(QUESTION), 2)
    visitor.see(visitor.tab.handlers.stop(stopped(run, 1), visitor.data()))
    assert visitor.session.running is not None
    visitor.see(late)
    assert visitor.session.trace.finish_reason


def test_undo_goes_back_edit_by_edit(visitor: Visitor):
    visitor.ask()
    answers = [visitor.session.trace]
    for position in ("1", "2", "3"):
        step = len(visitor.session.trace.steps)
        visitor.see(visitor.tab.handlers.edit(edit_event(step, {position: None}), visitor.data()))
        answers.append(visitor.session.trace)
    for expected in reversed(answers[:-1]):
        undo(visitor)
        assert visitor.session.trace == expected
        assert visitor.session.turns[-1].answer == expected.text
    undo(visitor)
    assert visitor.session.trace == answers[0]


def test_an_edit_needs_an_answer(visitor: Visitor):
    fill(visitor)
    assert "Ask a question first" in visitor.notice


def test_another_question_starts_afresh(visitor: Visitor):
    visitor.ask()
    visitor.see(visitor.tab.handlers.edit(edit_event(8, {"1": None}), visitor.data()))
    assert visitor.session.past
    visitor.ask("And now?")
    assert visitor.session.past == []


def test_a_recorded_run_comes_out_the_same_when_it_is_tried(
    visitor: Visitor, tiny_pipeline: LladaVPipeline, picture: Path
):
    content = [{"type": "image", "image": str(picture)}, {"type": "text", "text": QUESTION}]
    config = replace(CONFIG, steps=4, temperature=0.7, seed=11, refresh_interval=2)
    trace = tiny_pipeline([{"role": "user", "content": content}], config).trace
    visitor.ask("Something else")
    visitor.see(visitor.tab.handlers.ask_like(trace.question, trace.config, str(picture), visitor.data()))
    assert replace(visitor.session.trace, seconds=trace.seconds) == trace
    assert len(visitor.session.turns) == 1


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RuntimeError("boom"), FAILED),
        (torch.OutOfMemoryError("no"), OUT_OF_MEMORY),
        (gr.Error("No quota."), "No quota."),
    ],
)
def test_a_run_that_fails_leaves_what_it_had_and_a_sentence(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
):
    handlers = visitor.tab.handlers
    decode = handlers.decode

    def failing(*args: Any) -> Iterator:
        frames = decode(*args)
        for _ in range(4):
            yield next(frames)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(handlers, "decode", failing)
        visitor.ask()
    assert visitor.notice == sentence
    assert len(visitor.session.trace.steps) == 3
    assert visitor.page[visitor.tab.canvas]["finish_reason"] == "stopped"
    assert visitor.page[visitor.tab.stop] == OFF
    assert visitor.ask("And now?")
    assert visitor.notice is None


def test_a_full_disk_is_a_sentence_and_the_next_question_is_answered(
    tab: ChatTab, visitor: Visitor, picture: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: Any, **__: Any) -> None:
        raise OSError(ENOSPC, "No space left on device")

    ask = ends_in_a_notice(tab.handlers.ask, tab.handlers.failure)  # as the tab has it
    given = visitor.data(box={"text": QUESTION, "files": [str(picture)]})
    with monkeypatch.context() as patch:
        patch.setattr(conversation, "save_pil_to_cache", full)
        visitor.see(ask(given))
    assert visitor.notice == NO_ROOM
    assert visitor.session.turns == []
    visitor.see(ask(given))
    assert visitor.notice is None
    assert visitor.session.trace.finish_reason


def test_what_opens_is_a_recorded_run():
    run = next(iter(recorded_runs().values()))
    state, stage = opening(run)
    assert state["text"] == stage["answer"] == run.trace.text
    assert not state["editable"]


def test_the_first_picture_of_a_conversation_takes_the_stage(visitor: Visitor, tmp_path: Path):
    path = str(tmp_path / "my picture #1.png")
    attach = visitor.tab.handlers.attach

    def attached(*files: str, text: str = "") -> dict:
        return attach(visitor.data(box={"text": text, "files": list(files)}))

    updates = attached(path)
    stage, canvas = updates[visitor.tab.stage], updates[visitor.tab.canvas]
    assert stage["question"] == stage["answer"] == ""
    assert canvas["finish_reason"] == "idle", "the answer to something else is gone"
    assert stage["pictures"] == [f"gradio_api/file={tmp_path}/my%20picture%20%231.png"]
    assert visitor.tab.stage not in attached(path, text="Is"), "letters do not change it"
    assert attached()[visitor.tab.stage]["pictures"] == []
    run = next(iter(recorded_runs().values())).trace
    visitor.see(visitor.tab.handlers.show_trace(visitor.session, run))
    attached(path)
    assert attached()[visitor.tab.canvas]["text"] == run.text, "which comes back when the picture is taken away"
    attached(path)
    visitor.ask()
    assert visitor.tab.stage not in attached(path, str(tmp_path / "next.png")), "which shows what was answered"
