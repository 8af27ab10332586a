"""Templates whose blanks find their own length."""

import math
from types import SimpleNamespace

import pytest
import torch
from helpers import CONVERSATIONS

from lladav.sampling import SamplingConfig, stop_sequences
from lladav.sampling.infilling import MOST_BLANKS, TRIED_LENGTHS, Template, mean_log_confidence, settled

LONGEST = 100
STOP = [7, 8]


def letters(text: str) -> list[int]:
    """Every letter is a token."""
    return list(map(ord, text))


def read(text: str, longest: int = LONGEST) -> Template:
    return Template.read(text, letters, longest)


def ids(text: str) -> tuple[int, ...]:
    return tuple(letters(text))


class TestReading:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("A ___ on {12}.", (ids("A"), None, ids(" on"), 12, ids("."))),
            ("__", ((), None, ())),
            ("{1}{3}", ((), 1, (), 3, ())),
            (" a  ____b_c {x} {12345}", (ids(" a "), None, ids("b_c {x} {12345}"))),  # one space of two is the blank's
        ],
    )
    def test_blanks_stand_between_the_words(self, text: str, parts: tuple):
        assert read(text).parts == parts

    def test_only_blanks_of_no_length_are_open(self):
        assert read("A ___ and {2} and ___").open_blanks == [1, 5]

    @pytest.mark.parametrize("text", ["", "no blank", "a _ b", "A ___ and {0}.", "{0}"])
    def test_what_has_no_blank_to_fill_is_refused(self, text: str):
        words = "There is no blank to fill: write ___ for a blank, or {2} for one of two tokens."
        with pytest.raises(ValueError, match="blank") as refusal:
            read(text)
        assert str(refusal.value) == words

    def test_there_are_so_many_open_blanks_at_most(self):
        most = "a ___" * MOST_BLANKS
        assert len(read(most).open_blanks) == MOST_BLANKS
        assert len(read(f"{most} {{1}} {{2}}").open_blanks) == MOST_BLANKS  # of the others there may be more
        with pytest.raises(ValueError, match=f"^A template may have {MOST_BLANKS} blanks like ___, this one has more"):
            read(f"{most} ___")

    @pytest.mark.parametrize(("text", "length"), [("ab ___ cd", 9), ("{5}", 5), ("___", 4), ("{2} ___ x{3}", 11)])
    def test_a_template_leaves_room_for_its_end(self, text: str, length: int):
        """At the longest that its open blanks may become."""
        assert read(text, longest=length + 1).parts
        words = f"A template may take {length - 1} tokens, this one takes {length}: shorten it."
        with pytest.raises(ValueError, match="template") as refusal:
            read(text, longest=length)
        assert str(refusal.value) == words


class TestSettings:
    def test_the_answer_is_the_template_and_its_end(self):
        config = read("ab ___{3}c").config(SamplingConfig(64, 32, 64, seed=5), STOP)
        assert config.template == (*ids("ab"), *[None] * 2, *[None] * 3, *ids("c"), *STOP)  # an open blank is guessed
        assert (config.gen_length, config.block_length, config.steps, config.seed) == (10, 10, 10, 5)
        assert config.suppress_token_ids == tuple(STOP)
        assert STOP == [7, 8], "what is given stays as it is"

    @pytest.mark.parametrize(("suppressed", "kept"), [((5, 9), (5, 9, 7, 8)), ((8, 5), (8, 5, 7))])
    def test_what_may_not_be_written_may_not_fill_a_blank(self, suppressed: tuple[int, ...], kept: tuple[int, ...]):
        """Each token once, since there may be only so many."""
        assert read("___").config(SamplingConfig(suppress_token_ids=suppressed), STOP).suppress_token_ids == kept

    @pytest.mark.parametrize(("steps", "expected"), [(64, 6), (32, 3), (16, 2), (1, 1)])
    def test_a_step_commits_as_many_tokens_as_before(self, steps: int, expected: int):
        assert read("{4}").config(SamplingConfig(64, 64, steps), STOP).steps == expected

    def test_a_settled_blank_is_as_long_as_it_was_settled(self):
        template = read("a ___ b ___ c").settle(1, 4)
        assert template.parts == (ids("a"), 4, ids(" b"), None, ids(" c")) and template.open_blanks == [3]


class TestSettling:
    def test_every_blank_takes_its_most_probable_length_from_the_first_on(self):
        wanted, tried = {1: 3, 5: 1}, []

        def probability(template: Template) -> float:
            tried.append((template.parts[1], template.parts[5]))
            return -sum(abs((template.parts[at] or 0) - length) for at, length in wanted.items())

        found = settled(read("a ___{7}___ b"), probability)
        assert found.parts == (ids("a"), 3, (), 7, (), 1, ids(" b"))
        assert tried == [*((length, None) for length in TRIED_LENGTHS), *((3, length) for length in TRIED_LENGTHS)]

    def test_of_lengths_that_are_as_probable_the_shortest_is_kept(self):
        assert settled(read("___"), lambda _: 0.0).parts == ((), TRIED_LENGTHS[0], ())

    def test_nothing_is_tried_where_nothing_is_open(self):
        template = read("{2}")
        assert settled(template, lambda _: pytest.fail("there is nothing to try")) is template

    def test_the_model_settles_a_blank_at_the_length_that_it_fills_best(self, tiny_pipeline):
        config = SamplingConfig(16, 16, 16)
        prompt = tiny_pipeline.prepare(CONVERSATIONS[0])
        template = Template.read("It is ___.", tiny_pipeline.encode, LONGEST)
        stop = stop_sequences(config, tiny_pipeline.tokenizer)[0]

        def probability(tried: Template) -> float:
            settings = tried.config(config, stop)
            *_, last = tiny_pipeline.stream(prompt, settings)
            return mean_log_confidence(last, settings.template)

        best = max(TRIED_LENGTHS, key=lambda length: probability(template.settle(1, length)))
        assert tiny_pipeline.settle_blanks(prompt, template, config) == template.settle(1, best)


class TestProbability:
    def test_it_is_the_mean_over_the_blanks_alone(self):
        last = SimpleNamespace(confidence=torch.tensor([1.0, 0.5, 0.9, 0.25, 1.0], dtype=torch.float64))
        mean = mean_log_confidence(last, (4, None, 5, None, 6))
        assert mean == pytest.approx((math.log(0.5) + math.log(0.25)) / 2)

    def test_a_blank_that_stayed_masked_is_next_to_impossible(self):
        last = SimpleNamespace(confidence=torch.tensor([0.0, 1.0]))
        assert mean_log_confidence(last, (None, None)) == pytest.approx(math.log(1e-12) / 2)


def test_zero_is_a_token():
    config = SamplingConfig(4, 4, 4, suppress_token_ids=(0,), template=(0, *[None] * 3))
    assert (config.suppress_token_ids, config.template[0]) == ((0,), 0)
