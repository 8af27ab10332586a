"""The Learn tab: lessons that drive the embedded model, and what the server does for them."""

from collections.abc import Iterator, Mapping
from typing import Any

import gradio as gr

from lladav.assets import asset
from lladav.pipeline import LladaVPipeline
from lladav.ui.chat.tab import SLOTS, ChatTab
from lladav.ui.components import QUIET, Data, Updates, html_component
from lladav.ui.examples import address
from lladav.ui.failures import ends_in_a_notice
from lladav.ui.learn.lessons import BY_NAME, LESSONS, QUIZ, Lesson
from lladav.ui.learn.replies import Replies
from lladav.ui.limits import LIMITS
from lladav.ui.texts import LANGUAGES, TEXTS


class LearnTab:
    """The tab, laid out in the current context, and the handlers behind it. It keeps nothing about a reader.

    Args:
        pipe: the model of the page.
        chat: where "Try it in Chat" takes a lesson's question.
    """

    def __init__(self, pipe: LladaVPipeline, chat: ChatTab):
        self.replies, self.chat = Replies(pipe), chat
        self.lessons = html_component("learn", lessons_value(), elem_id="learn")
        ask = ends_in_a_notice(self.ask, self.failure)
        # The page sends one request at a time; this lets it send the next one as soon as it knows the answer.
        self.lessons.ask(ask, None, self.lessons, trigger_mode="multiple", **SLOTS, **QUIET)
        chat.decode((self.lessons.chat, self.try_in_chat), also=chat.panel.outputs)

    def ask(self, event: gr.EventData) -> Iterator[Updates]:
        """Answer what a lesson asks for, as far as it has come; a request that is refused gets the sentence."""
        reply: dict[str, Any] = {}
        try:
            for reply in self.replies.stream(event.request):
                yield self._answer(event, reply=reply)
        except ValueError as error:
            yield self._answer(event, refused=str(error), done=True)
            return
        yield self._answer(event, reply=reply, done=True)

    def failure(self, sentence: str, event: gr.EventData, *_: Any) -> Updates:
        """What a lesson is told where its request has failed; it then shows what was recorded."""
        return self._answer(event, failed=sentence, done=True)

    def _answer(self, event: gr.EventData, **values: Any) -> Updates:
        return {self.lessons: {"id": event.id} | values}

    def try_in_chat(self, event: gr.EventData, data: Data) -> Iterator[Updates]:
        """Ask a lesson's question about its picture with its settings, in a conversation of its own."""
        example = BY_NAME[event.lesson].chat
        yield from self.chat.handlers.ask_like(example.question, example.config, example.image, data)


def lessons_value() -> dict[str, Any]:
    """What static/learn.js is told once; texts and recorded replies are files that it asks for when it is opened."""
    pictures = sorted(asset("examples").glob("*.png"))
    return {
        "languages": {code: [name, address(str(TEXTS / f"{code}.json"))] for code, name in LANGUAGES.items()},
        "recorded": address(str(asset("lessons"))),
        "pictures": {path.stem: address(str(path)) for path in pictures},
        "lessons": [*map(_described, LESSONS)],
        "quiz": QUIZ,
        "places": LIMITS.runs,
    }


def _described(lesson: Lesson) -> Mapping[str, Any]:
    return {
        "name": lesson.name,
        "picture": lesson.chat.picture,
        "question": lesson.chat.question,
        "choices": lesson.choices,
        "outcome": lesson.outcome,
        "run": lesson.run,
        "values": lesson.values,
    }
