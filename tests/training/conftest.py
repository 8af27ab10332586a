"""What the tests of training share."""

import pytest
from transformers import PreTrainedTokenizerFast

from lladav.training.vocabulary import build_tokenizer


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """The embedded default's tokenizer."""
    return build_tokenizer()
