"""Fresh pictures for a model of scenes: composed at random, signs among them, or of things that a visitor chose."""

import random
from collections.abc import Sequence
from pathlib import Path

from gradio.processing_utils import save_pil_to_cache
from gradio.utils import get_upload_folder

from lladav.scenes import ask, class_names, make_scene, make_sign, render, scene_of
from lladav.ui.texts import said

PICTURE_SIZE = 512
MOST_THINGS = 6
# of questions, the most telling first
TELLING_KINDS = ("caption", "where", "relation", "color", "count", "exists", "name", "position")
TELLING_OF_SIGNS = ("sign", "caption", "exists")
SIGN_SHARE = 0.15  # of the pictures that nobody chose things for
QUESTIONS = 3
SEEDS = 2**32


def offered_things() -> list[str]:
    """What can be chosen for a scene."""
    return sorted(class_names())


def compose(chosen: Sequence[str]) -> tuple[str, list[str]]:
    """Draw a picture of the chosen things or, where none are, of any, now and then of a sign; find questions about it.

    Returns:
        The picture's path among the uploads, and the questions.

    Raises:
        ValueError: a thing is none of `offered_things`, or there are too many.
    """
    unknown = set(chosen) - set(offered_things())
    if unknown or len(chosen) > MOST_THINGS:
        raise ValueError(said("said.scene", most=MOST_THINGS))
    seed = random.randrange(SEEDS)
    rng = random.Random(f"page/{seed}")  # training and evaluation seed theirs with other words
    if chosen:
        scene = scene_of(chosen, rng)
    else:
        scene = make_sign(rng) if rng.random() < SIGN_SHARE else make_scene(rng, strangers=())
    path = save_pil_to_cache(render(scene, PICTURE_SIZE), get_upload_folder(), name="scene", format="png")
    kinds = TELLING_OF_SIGNS if scene.sign else TELLING_KINDS
    asked = (ask(scene, rng, kind) for kind in kinds)
    questions = dict.fromkeys(example.turns[0][0] for example in asked if example.kind in kinds)
    return str(Path(path)), list(questions)[:QUESTIONS]
