"""How often the embedded default is right: exact match on held-out scenes, by kind of question."""

from lladav.evaluation.command import add_arguments, evaluate
from lladav.evaluation.questions import conversation, held_out_questions, is_right, mentions
from lladav.evaluation.scoring import Answer, Score, answer, score
from lladav.evaluation.studies import Setting, run_settings
from lladav.evaluation.wordings import everyday_questions

__all__ = [
    "Answer",
    "Score",
    "Setting",
    "add_arguments",
    "answer",
    "conversation",
    "evaluate",
    "everyday_questions",
    "held_out_questions",
    "is_right",
    "mentions",
    "run_settings",
    "score",
]
