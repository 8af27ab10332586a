"""What tests share: the published layout with golden figures, a small model with random weights, and a browser."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, PreTrainedTokenizerFast, SiglipVisionConfig
from visiting import CHROMIUM, Visit, served

from lladav import LladaVConfig, LladaVForMaskedDiffusion, LladaVPipeline, LladaVProcessor

GOLDEN = Path(__file__).parent / "fixtures" / "golden"
SPECIAL_TOKENS = [
    "<|startoftext|>",
    "<|endoftext|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|mdm_mask|>",
]
CORPUS = [
    "What is this? It is a red circle.",
    "user assistant system\n\n",
    "Is the blue square left of the dog? Yes, no.",
]


@pytest.fixture(scope="session")
def golden_model() -> LladaVForMaskedDiffusion:
    """Seeded random weights in the published layout, in float32."""
    return LladaVForMaskedDiffusion.from_pretrained(GOLDEN / "checkpoint", dtype=torch.float32).eval()


@pytest.fixture(scope="session")
def golden_processor() -> LladaVProcessor:
    return LladaVProcessor.from_pretrained(GOLDEN / "checkpoint")


@pytest.fixture(scope="session")
def golden_prompts() -> dict:
    """Name -> messages, text and ids of a prompt, as the published implementation makes them."""
    return json.loads((GOLDEN / "prompts.json").read_text())


def small_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL_TOKENS, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS * 4, trainer)
    start, end, *others, mask = SPECIAL_TOKENS
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=start,
        eos_token=end,
        pad_token=end,
        mask_token=mask,
        extra_special_tokens=others,
    )


def small_config(tokenizer: PreTrainedTokenizerFast) -> LladaVConfig:
    """The embedded default's shape, a few sizes smaller."""
    start, end, header, end_header, eot, mask = tokenizer.convert_tokens_to_ids(SPECIAL_TOKENS)
    text = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=48, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=512, initializer_range=0.2, use_cache=False,
    )  # fmt: skip
    vision = SiglipVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=128, patch_size=16,
        vision_use_head=False,
    )  # fmt: skip
    return LladaVConfig(
        text_config=text, vision_config=vision, bos_token_id=start, eos_token_id=end, pad_token_id=end,
        eot_token_id=eot, mask_token_id=mask, suppress_token_ids=[start, end, header, end_header],
        image_aspect_ratio="pad",
    )  # fmt: skip


@pytest.fixture(scope="session")
def tiny_random(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a model of random weights that `LladaVPipeline.from_pretrained` loads."""
    folder = tmp_path_factory.mktemp("tiny-random")
    tokenizer = small_tokenizer()
    torch.manual_seed(0)
    LladaVForMaskedDiffusion(small_config(tokenizer)).save_pretrained(folder)
    processor = LladaVProcessor(
        tokenizer,
        image_aspect_ratio="pad",
        image_size=128,
        patch_size=16,
        system_prompt="",
        drop_token_after_image=False,
    )
    processor.save_pretrained(folder)
    capabilities = {"summary": "random weights", "can_think": True, "max_frames": 8, "gen_length": 32}
    (folder / "capabilities.json").write_text(json.dumps(capabilities))
    return folder


def picture_message(question: str, color: str = "red") -> dict:
    """A question about a picture of one colour."""
    picture = Image.new("RGB", (200, 100), color)
    return {
        "role": "user",
        "content": [{"type": "image", "image": picture}, {"type": "text", "text": question}],
    }


@pytest.fixture(scope="session")
def tiny_pipeline(tiny_random: Path) -> LladaVPipeline:
    return LladaVPipeline.from_pretrained(tiny_random, device="cpu")


@pytest.fixture(scope="module")
def browser():
    """Debian's chromium; what needs it is skipped where that or playwright is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def url(tiny_pipeline: LladaVPipeline) -> Iterator[str]:
    """Where the page for the small model is served."""
    with served(tiny_pipeline) as address:
        yield address


@pytest.fixture
def open_page(browser) -> Iterator[Callable[..., Visit]]:
    """Opens pages; at the end of the test none of them may have met an error or asked for anything elsewhere."""
    visits: list[Visit] = []

    def visit(url: str, width: int = 1440, height: int = 900, opens: str = "#question textarea", **options) -> Visit:
        page = browser.new_page(viewport={"width": width, "height": height}, **options)
        visits.append(Visit(page, url, opens))
        return visits[-1]

    yield visit
    for one in visits:
        one.page.close()
    assert [trouble for one in visits for trouble in one.troubles] == []


@pytest.fixture
def visit(open_page: Callable[..., Visit], url: str) -> Visit:
    return open_page(url)


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("browser") / "red.png"
    Image.new("RGB", (120, 90), "red").save(path)
    return path
