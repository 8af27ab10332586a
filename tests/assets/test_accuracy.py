"""The embedded default is not broken: it knows every second name and colour at least.

How good it is, `lladav evaluate` says.
"""

from itertools import islice

from lladav.evaluation import answer, held_out_questions, score
from lladav.evaluation.questions import ASKED
from lladav.sampling import SamplingConfig
from lladav.scenes import Example, Scene, render

CONFIG = SamplingConfig(gen_length=8, block_length=8, steps=8)
COUNT = 40
FEW_WORDS = 3  # in answers to the questions that are asked here


def few_words(seed: int, count: int) -> list[tuple[Scene, Example]]:
    """Held-out questions that are answered in few words, and so quickly."""
    short = (one for one in held_out_questions(seed, 10_000) if len(one[1].turns[-1][1].split()) <= FEW_WORDS)
    return list(islice(short, count))


def test_it_is_right_whatever_the_seed(pipe):
    """A seed's questions are a sample: the figures may differ by three points and what chance makes of it."""
    one, other = (score(pipe, few_words(seed, COUNT), CONFIG)[0].accuracy for seed in (1, 2))
    assert min(one["name"], other["name"], one["color"], other["color"]) >= 0.5
    share = (one["all"] + other["all"]) / 2
    chance = (share * (1 - share) * 2 / COUNT) ** 0.5
    assert abs(one["all"] - other["all"]) <= 0.03 + 2 * chance


def test_it_looks_at_the_picture(pipe):
    """With the pictures shuffled against the questions, names fall to chance."""
    names = [question for question in held_out_questions(2, 30 * len(ASKED)) if question[1].kind == "name"]
    shown = dict(zip([scene for scene, _ in names], [scene for scene, _ in names[1:] + names[:1]], strict=True))
    own = answer(pipe, names, CONFIG)
    other = answer(pipe, names, CONFIG, draw=lambda scene: render(shown[scene]))
    assert sum(one.right for one in own) >= 18 and sum(one.right for one in other) <= 5
