"""Evaluation: what is asked, what counts as right, and that the embedded default is not broken."""

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from lladav import LladaVForMaskedDiffusion, cli
from lladav.assets import asset
from lladav.evaluation import Score, answer, conversation, held_out_questions, is_right, mentions, run_settings, score
from lladav.evaluation.pictures import DISTURBANCES, SIZES, two_tone_ground
from lladav.evaluation.plots import interval, plot_scores
from lladav.evaluation.questions import ASKED
from lladav.evaluation.report import report
from lladav.evaluation.scoring import Bin, calibration_error, reliability
from lladav.evaluation.studies import load_scores, models_by_share, robustness, save_scores, speeds, sweep
from lladav.pipeline import LladaVPipeline
from lladav.sampling import SPEEDS, SamplingConfig
from lladav.scenes import (
    COLORS,
    KINDS,
    TRAINING_ARTWORK,
    Example,
    Scene,
    class_names,
    held_out_strangers,
    render,
    training_strangers,
)

CONFIG = SamplingConfig(gen_length=16, block_length=16, steps=16)
SHORT = SamplingConfig(gen_length=8, block_length=8, steps=4)
FEW_WORDS = 3  # in answers to the questions that the trained model is asked here


@pytest.fixture(scope="module")
def pipe() -> LladaVPipeline:
    if not (asset("lladav-tiny") / "model.safetensors").exists():
        pytest.skip("the embedded default is not in assets")
    return LladaVPipeline.from_pretrained(asset("lladav-tiny"), device="cpu")


@pytest.fixture(scope="module")
def twin_folder(tiny_random: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("twin")
    for file in tiny_random.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    LladaVForMaskedDiffusion.from_pretrained(tiny_random, is_causal=True).save_pretrained(folder)
    return folder


class TestQuestions:
    def test_they_are_seeded_and_cycle_through_the_kinds(self):
        count = 2 * len(ASKED)
        first = list(held_out_questions(3, count))
        assert first == list(held_out_questions(3, count))
        assert first != list(held_out_questions(4, count))
        assert [example.kind for _, example in first] == list(ASKED) * 2

    def test_artwork_can_be_held_out(self):
        questions = held_out_questions(0, 50, ("twemoji",))
        drawn = {item.artwork for scene, _ in questions for item in scene.items if not item.color}
        assert drawn == {"twemoji"} and not drawn & set(TRAINING_ARTWORK)

    def test_what_is_unknown_was_never_shown(self):
        unknown = [scene for scene, example in held_out_questions(0, 4 * len(ASKED)) if example.kind == "unknown"]
        assert len(unknown) == 4
        assert {item.name for scene in unknown for item in scene.items} <= set(held_out_strangers())
        assert not set(held_out_strangers()) & {*training_strangers(), *class_names()}

    def test_a_caption_may_list_in_any_order(self):
        example = Example("caption", (("Describe the picture.", "A dog, two cats and a red star."),))
        assert is_right(example, "Two cats, a red star and a dog.")
        assert is_right(example, "A dog, two cats and a red star.")
        for wrong in (
            "A dog, two cats and a blue star.",
            "A dog and two cats.",
            "A dog, a dog, two cats and a red star.",
            "",
        ):
            assert not is_right(example, wrong)
        assert mentions("A bee.") == ["a bee"]

    def test_a_detailed_one_may_do_so_in_its_first_sentence(self):
        turn = ("Tell me everything.", "I see a dog and two cats. The dog is at the left.")
        example = Example("detail", (turn,))
        assert is_right(example, "I see two cats and a dog. The dog is at the left.") and is_right(example, turn[1])
        for wrong in (
            "I see two cats and a dog. The dog is at the right.",
            "I see two cats and a dog.",
            "I see a dog.",
        ):
            assert not is_right(example, wrong)

    def test_other_answers_are_exact(self):
        example = Example("color", (("What color is the star?", "Red."),))
        assert is_right(example, " Red.") and not is_right(example, "red.") and not is_right(example, "Red. Red.")

    def test_earlier_answers_are_given(self):
        scene, example = next(q for q in held_out_questions(0, 50) if q[1].kind == "follow_up")
        messages = conversation(scene, example)
        assert [message["role"] for message in messages] == ["user", "assistant", "user"]
        assert messages[1]["content"] == example.turns[0][1] and messages[2]["content"] == example.turns[1][0]


class Parrot:
    """A pipeline that says what it is told to, in ids that are the lengths of words."""

    name, model = "parrot", SimpleNamespace(config=SimpleNamespace(is_causal=False))
    stop = 9

    def __init__(self, sayings: dict[str, tuple[str, list[float]]]):
        self.sayings = sayings
        self.tokenizer = SimpleNamespace(encode=lambda text, add_special_tokens: self.ids(text))

    def ids(self, text: str) -> list[int]:
        return [len(word) for word in text.replace("<|eot_id|>", " " + "x" * self.stop).split()]

    def encode(self, text: str) -> list[int]:
        return self.ids(text)

    def text(self, step) -> str:
        return step.text

    def stream_batch(self, conversations, config):
        yield "earlier states do not count"
        yield [self.say(*self.sayings[messages[0]["content"][1]["text"]]) for messages in conversations]

    def say(self, text: str, confidence: list[float]):
        ids = [*self.ids(text), self.stop, 0, 0]
        return SimpleNamespace(
            text=text, tokens=torch.tensor(ids), nfe=len(confidence), stop_position=len(ids) - 3,
            confidence=torch.tensor([*confidence, 0.5, 0.5], dtype=torch.float64),
        )  # fmt: skip


def question(kind: str, asked: str, expected: str) -> tuple[Scene, Example]:
    return Scene((), 0), Example(kind, ((asked, expected),))


class TestScores:
    questions = (
        question("name", "What?", "A red dog."),
        question("name", "Who?", "A cat."),
        question("caption", "Describe.", "A bee and a dog."),
    )
    sayings = {  # noqa: RUF012
        "What?": ("A blue dog.", [0.9, 0.3, 0.8, 0.7]),
        "Who?": ("A cat.", [1.0, 0.96, 0.92]),
        "Describe.": ("A dog and a bee.", [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]),
    }

    def test_every_token_up_to_the_stop_is_held_against_the_answer(self):
        answers = {one.question: one for one in answer(Parrot(self.sayings), self.questions, SHORT)}
        what, who, caption = (answers[one] for one in self.questions)
        assert (what.right, what.hits, what.confidence) == (False, [True, False, True, True], [0.9, 0.3, 0.8, 0.7])
        assert who.right and all(who.hits) and len(who.hits) == 3
        assert caption.right and all(caption.hits) and len(caption.hits) == 6
        assert what.mistake == "name: What? 'A blue dog.', not 'A red dog.'"

    def test_what_is_said_behind_the_expected_end_is_wrong(self):
        (long,) = answer(Parrot({"Who?": ("A cat. A dog.", [0.5] * 5)}), self.questions[1:2], SHORT)
        assert long.hits == [True, True, False, False, False]

    def test_they_add_up(self):
        result, answers = score(Parrot(self.sayings), self.questions, SHORT)
        assert result.accuracy == {"all": 0.6667, "name": 0.5, "caption": 1.0}
        assert result.asked == {"all": 3, "name": 2, "caption": 1}
        assert len(answers) == 3 and result.nfe == round(13 / 3, 2) and result.tokens_per_forward == 1.0
        assert sum(each.tokens for each in result.reliability) == 13
        assert (result.model, result.objective) == ("parrot", "masked")

    def test_bins_average_what_is_in_them(self):
        bins = list(reliability(torch.tensor([0.21, 0.29, 0.95, 1.0]), torch.tensor([1.0, 0, 1, 1]).double()))
        assert bins == [Bin(2, 0.25, 0.5), Bin(2, 0.975, 1.0)]
        assert calibration_error(bins) == pytest.approx((2 * 0.25 + 2 * 0.025) / 4)
        assert calibration_error([Bin(5, 0.8, 0.8), Bin(1, 0.1, 0.1)]) == 0

    def test_a_batch_is_as_good_as_one_by_one(self, tiny_pipeline):
        questions = list(held_out_questions(0, len(ASKED)))
        batched = answer(tiny_pipeline, questions, SHORT, batch_size=7)
        for one, alone in zip(batched, answer(tiny_pipeline, questions, SHORT, batch_size=1), strict=True):
            assert (one.question, one.text, one.nfe, one.hits) == (alone.question, alone.text, alone.nfe, alone.hits)
            assert one.confidence == pytest.approx(alone.confidence, abs=1e-5)
        reply = tiny_pipeline(conversation(*batched[0].question), SHORT)
        assert (reply.text, reply.nfe) == (batched[0].text, batched[0].nfe)

    def test_they_are_json(self, tmp_path):
        result, _ = score(Parrot(self.sayings), self.questions, SHORT)
        save_scores([result, replace(result, label="other")], tmp_path / "scores.json")
        assert load_scores(tmp_path / "scores.json") == [result, replace(result, label="other")]
        (tmp_path / "scores.json").write_text('[{"model": "x"}]')
        with pytest.raises(ValueError, match=r"load must be a file that evaluate --save wrote, got .*scores\.json"):
            load_scores(tmp_path / "scores.json")


class TestStudies:
    def test_the_sweep_crosses_blocks_and_steps(self):
        settings = sweep(SamplingConfig(64, 64, 64))
        pairs = [(setting.config.block_length, setting.config.steps) for setting in settings]
        assert pairs == [(block, steps) for block in (64, 32, 16, 8) for steps in (64, 32, 16)]
        assert len({setting.label for setting in settings}) == len(settings)

    def test_every_speed_is_there(self):
        assert [setting.label for setting in speeds(CONFIG)] == list(SPEEDS)

    def test_what_comes_to_the_same_is_run_once(self, tiny_pipeline, monkeypatch):
        runs, stream_batch = [], tiny_pipeline.stream_batch

        def spy(conversations, config):
            runs.append(config)
            return stream_batch(conversations, config)

        monkeypatch.setattr(tiny_pipeline, "stream_batch", spy)
        settings = [*speeds(SHORT), *sweep(SHORT), *robustness(SHORT)[:1]]
        results = list(run_settings(tiny_pipeline, list(held_out_questions(0, 2)), settings))
        assert [(one.study, one.label) for one, _ in results] == [(each.study, each.label) for each in settings]
        assert len(runs) == len({setting.config for setting in settings}) < len(settings)

    def test_a_causal_model_has_one_way_of_sampling(self, twin_folder):
        twin = LladaVPipeline.from_pretrained(twin_folder, device="cpu")
        settings = [*sweep(SHORT), *speeds(SHORT), *robustness(SHORT)[:2]]
        results = [one for one, _ in run_settings(twin, list(held_out_questions(0, 2)), settings)]
        assert [one.study for one in results] == ["sweep", "speeds", "robust", "robust"]
        assert [one.label for one in results[:2]] == ["left to right"] * 2
        assert {one.objective for one in results} == {"autoregressive"} and results[0].tokens_per_forward == 1

    def test_shares_are_read_off_folders(self, tmp_path):
        for name in ("masked-1_16", "autoregressive-1", "masked-1_4"):
            (tmp_path / name / "model").mkdir(parents=True)
        shares = [(share, path.parent.name) for share, path in models_by_share(tmp_path)]
        assert shares == [("1/16", "masked-1_16"), ("1/4", "masked-1_4"), ("1", "autoregressive-1")]
        with pytest.raises(ValueError, match="scalability must be a folder that holds masked-1_16/model"):
            list(models_by_share(tmp_path / "masked-1_4"))


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [scene for scene, _ in held_out_questions(5, 12)]


class TestPictures:
    @pytest.mark.parametrize("name", DISTURBANCES)
    def test_a_scene_is_sent_the_same_way_each_time(self, scenes, name: str):
        draw = DISTURBANCES[name]
        for scene in scenes[:3]:
            picture = draw(scene)
            assert picture.mode == "RGB" and picture.tobytes() == draw(scene).tobytes()
            assert SIZES[0] <= picture.width == picture.height <= SIZES[1]

    @pytest.mark.parametrize("name", [name for name in DISTURBANCES if name != "as drawn"])
    def test_what_is_sent_is_another_picture_of_the_same(self, scenes, name: str):
        """It looks different, but more like its own scene than like another one."""
        scenes = [scene for scene in scenes if any(not item.color for item in scene.items)][:4]

        def pixels(picture: Image.Image) -> torch.Tensor:
            return torch.tensor(list(picture.convert("L").resize((64, 64)).tobytes())).double()

        for scene in scenes:
            sent, drawn = pixels(DISTURBANCES[name](scene)), pixels(render(scene))
            assert (sent - drawn).abs().mean() > 0.2
            if name != "other grounds":
                others = [pixels(render(other)) for other in scenes if other is not scene]
                assert (sent - drawn).abs().mean() < min((sent - other).abs().mean() for other in others)

    def test_sizes_go_from_one_end_to_the_other(self):
        sides = [DISTURBANCES["64 to 4000 pixels"](scene).width for scene, _ in held_out_questions(1, 24)]
        assert min(sides) < 150 and max(sides) > 1500

    def test_grounds_stay_clear_of_the_shapes(self, scenes):
        for scene in scenes:
            ground = torch.tensor(list(two_tone_ground(scene, 32).tobytes())).view(-1, 3)
            for item in scene.items:
                if item.color:
                    assert (ground - torch.tensor(COLORS[item.color])).abs().sum(1).min() > 100


def made_up(study: str, label: str, accuracy: float, objective: str = "masked") -> Score:
    kinds = ["all", "name", "color", "caption", "follow_up"]
    return Score(
        model={"masked": "lladav-tiny", "autoregressive": "lladav-tiny-ar"}[objective], objective=objective,
        study=study, label=label, accuracy=dict.fromkeys(kinds, accuracy), asked=dict.fromkeys(kinds, 100),
        nfe=10 * accuracy, tokens_per_forward=1.5, reliability=[Bin(10, 0.55, 0.5), Bin(90, 0.97, 0.9)],
        calibration_error=0.05, seconds=1.0,
    )  # fmt: skip


class TestReport:
    scores = (
        made_up("questions", "", 0.8),
        made_up("questions", "", 0.7, "autoregressive"),
        *(made_up("sweep", setting.label, 0.6) for setting in sweep(CONFIG)),
        made_up("sweep", "left to right", 0.7, "autoregressive"),
        *(made_up("speeds", name, 0.6) for name in SPEEDS),
        *(made_up("robust", name, 0.5) for name in DISTURBANCES),
    )

    def test_models_stand_side_by_side(self):
        lines = report(self.scores[:2]).splitlines()
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        assert cells[0] == ["question", "asked", "lladav-tiny", "lladav-tiny-ar"]
        assert cells[2] == ["all", "100", "80.0%", "70.0%"] and cells[7][0] == "forward passes an answer"
        assert len(set(map(len, lines))) == 1

    def test_every_study_has_a_table(self):
        text = report(self.scores)
        for title in ("**Steps and block length**", "**Speeds**", "**Pictures as people send them**"):
            assert title in text
        assert text.count("\n| lladav-tiny ") == sum(one.study != "questions" for one in self.scores) - 1

    @pytest.mark.parametrize("study", ["all of them", "questions", "scalability"])
    def test_scores_are_drawn(self, tmp_path, study: str):
        shares = [
            made_up("scalability", share, accuracy, objective)
            for objective in ("masked", "autoregressive")
            for share, accuracy in {"1/16": 0.3, "1/4": 0.6, "1": 0.9}.items()
        ]
        plot_scores(
            {"questions": self.scores[:1], "scalability": shares}.get(study, self.scores), tmp_path / "plot.png"
        )
        with Image.open(tmp_path / "plot.png") as picture:
            assert picture.format == "PNG" and min(picture.size) > 400
            assert len(picture.convert("RGB").getcolors(1 << 24)) > 100

    def test_an_interval_holds_its_accuracy_and_narrows(self):
        for accuracy in (0.0, 0.3, 1.0):
            one = made_up("questions", "", accuracy)
            low, high = interval(one, "all")
            assert 0 <= low <= accuracy <= high <= 1 and 0.03 < high - low < 0.2
            more = interval(replace(one, asked=dict.fromkeys(one.asked, 10_000)), "all")
            assert more[1] - more[0] < high - low


class TestCommand:
    def test_it_ends_with_a_line_of_json(self, tiny_random, twin_folder, tmp_path, capsys):
        arguments = ["--count", "3", "--gen-length", "8", "--model", str(tiny_random), "--twin", str(twin_folder)]
        saved, drawn = tmp_path / "scores.json", tmp_path / "scores.png"
        assert cli.main(["evaluate", *arguments, "--json", "--save", str(saved), "--plot", str(drawn)]) == 0
        result = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert list(result["accuracy"]) == ["all", *list(KINDS)[:3]]
        assert all(0 <= share <= 1 for share in result["accuracy"].values())
        assert result["model"] == tiny_random.name and result["asked"]["all"] == 3 and result["nfe"] <= 8
        assert [one["objective"] for one in result["scores"]] == ["masked", "autoregressive"]
        assert drawn.stat().st_size > 10_000
        assert cli.main(["evaluate", "--load", str(saved), "--json"]) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["scores"] == result["scores"]

    def test_amounts_of_data_are_compared(self, tiny_random, twin_folder, tmp_path, capsys):
        for name, source in (("masked-1_16", tiny_random), ("autoregressive-1", twin_folder)):
            (tmp_path / name).mkdir()
            (tmp_path / name / "model").symlink_to(source)
        arguments = ["--count", "1", "--gen-length", "8", "--scalability", str(tmp_path), "--json"]
        assert cli.main(["evaluate", *arguments]) == 0
        scores = json.loads(capsys.readouterr().out.splitlines()[-1])["scores"]
        assert [(one["model"], one["objective"], one["label"]) for one in scores] == [
            ("masked-1_16", "masked", "1/16"),
            ("autoregressive-1", "autoregressive", "1"),
        ]

    def test_scalability_asks_its_own_models_only(self, tmp_path, capsys):
        assert cli.main(["evaluate", "--scalability", str(tmp_path), "--speeds"]) == 2
        assert "speeds does not go with scalability" in capsys.readouterr().err

    def test_no_question_is_refused(self, capsys):
        assert cli.main(["evaluate", "--count", "0"]) == 2
        assert "count must be at least 1, got 0" in capsys.readouterr().err


def few_words(seed: int, count: int) -> list[tuple[Scene, Example]]:
    """Held-out questions that are answered in few words, and so quickly."""
    short = (one for one in held_out_questions(seed, 10_000) if len(one[1].turns[-1][1].split()) <= FEW_WORDS)
    return list(islice(short, count))


class TestEmbeddedDefault:
    """Every second name and colour is the least; `lladav evaluate` measures how good it is."""

    def test_it_is_right_whatever_the_seed(self, pipe):
        """A seed's questions are a sample: the figures may differ by three points and what chance makes of it."""
        one, other = (score(pipe, few_words(seed, 80), CONFIG)[0].accuracy for seed in (1, 2))
        assert min(one["name"], other["name"], one["color"], other["color"]) >= 0.5
        share = (one["all"] + other["all"]) / 2
        chance = (share * (1 - share) * 2 / 80) ** 0.5
        assert abs(one["all"] - other["all"]) <= 0.03 + 2 * chance

    def test_it_looks_at_the_picture(self, pipe):
        """With the pictures shuffled against the questions, names fall to chance."""
        names = [question for question in held_out_questions(2, 30 * len(ASKED)) if question[1].kind == "name"]
        shown = dict(zip([scene for scene, _ in names], [scene for scene, _ in names[1:] + names[:1]], strict=True))
        own = answer(pipe, names, CONFIG)
        other = answer(pipe, names, CONFIG, draw=lambda scene: render(shown[scene]))
        assert sum(one.right for one in own) >= 18 and sum(one.right for one in other) <= 5
