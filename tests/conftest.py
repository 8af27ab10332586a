"""What tests share: the published layout with golden figures, a small model with random weights, and a browser."""

import copy
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest
import torch
from helpers import CHROMIUM, GOLDEN, OWN_LENGTH, Visit, program, served
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, PreTrainedTokenizerFast, SiglipVisionConfig

from lladav import LladaVConfig, LladaVForMaskedDiffusion, LladaVPipeline, LladaVProcessor

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

PICTURES = {  # input: (its prompt, its pictures, the processor's options)
    "tiny30x20": ("single_image", ["tiny30x20"], {}),
    "wide900x300": ("single_image", ["wide900x300"], {}),
    "two_turn": ("two_turn_image", ["tiny30x20"], {}),
    "two_image_pad_eval": ("two_image", ["wide900x300", "tall200x700"], {}),
    "two_image_pad_list": ("two_image", ["wide900x300", "tall200x700"], {"multi_image": "train"}),
    "video4": ("video", ["frame0", "frame1", "frame2", "frame3"], {}),
}


@pytest.fixture(scope="session", autouse=True)
def uploads(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Gradio's files, where no other process of the tests looks for its own."""
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("uploads"))


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


def messages_with_pictures(golden_prompts: dict, prompt: str, files: list[str]) -> list[dict]:
    """The messages of a golden prompt, its pictures in the first of them."""
    messages = [{"role": role, "content": text} for role, text in golden_prompts[prompt]["messages"] if text]
    pictures = [GOLDEN / "images" / f"{file}.png" for file in files]
    if prompt == "video":
        content = [{"type": "video", "video": pictures}]
    else:
        content = [{"type": "image", "image": picture} for picture in pictures]
    first = {"role": "user", "content": [*content, {"type": "text", "text": messages[0]["content"]}]}
    return [first, *messages[1:]]


@pytest.fixture(scope="session")
def golden_inputs(golden_processor, golden_prompts):
    """Name of an input -> what `sample` takes."""

    def make(name: str) -> Mapping[str, torch.Tensor]:
        if name not in PICTURES:
            return {"input_ids": torch.tensor([golden_prompts[name]["input_ids"]])}
        prompt, files, options = PICTURES[name]
        processor = copy.copy(golden_processor)
        vars(processor).update(options)
        return processor.apply_chat_template(messages_with_pictures(golden_prompts, prompt, files))

    return make


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
    capabilities = {"summary": "random weights", "can_think": True, "max_frames": 8, "gen_length": OWN_LENGTH}
    (folder / "capabilities.json").write_text(json.dumps(capabilities))
    return folder


@pytest.fixture(scope="session")
def tiny_pipeline(tiny_random: Path) -> LladaVPipeline:
    return LladaVPipeline.from_pretrained(tiny_random, device="cpu")


@pytest.fixture(scope="session")
def browser():
    """Debian's chromium; what needs it is skipped where that or playwright is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def url(tiny_pipeline: LladaVPipeline) -> Iterator[str]:
    """Where the page for the small model is served."""
    with served(tiny_pipeline) as address:
        yield address


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page for the embedded model is served, by a process of its own."""
    tools = ["--mcp"] if find_spec("mcp") else []
    with program(tmp_path_factory.mktemp("served"), *tools) as address:
        yield address


@pytest.fixture(scope="session")
def new_page(browser) -> Callable[..., Any]:
    """Makes pages, which share what the browser keeps of scripts where they have the same options."""
    contexts: dict[str, Any] = {}

    def page(**options: Any) -> Any:
        key = json.dumps(options, sort_keys=True)
        if key not in contexts:
            contexts[key] = browser.new_context(**options)
        return contexts[key].new_page()

    return page


@contextmanager
def visiting(new_page: Callable[..., Any]) -> Iterator[Callable[..., Visit]]:
    """Opens pages; at the end none of them may have met an error or asked for anything elsewhere."""
    visits: list[Visit] = []

    def visit(url: str, width: int = 1440, height: int = 900, opens: str = "#question textarea", **options) -> Visit:
        page = new_page(viewport={"width": width, "height": height}, **options)
        visits.append(Visit(page, url, opens))
        return visits[-1]

    yield visit
    for one in visits:
        if not one.page.is_closed():
            one.page.evaluate("localStorage.clear(); sessionStorage.clear()")
            one.page.close()
    assert [trouble for one in visits for trouble in one.troubles] == []


@pytest.fixture
def open_page(new_page: Callable[..., Any]) -> Iterator[Callable[..., Visit]]:
    """Opens pages for a test, see `visiting`."""
    with visiting(new_page) as open_one:
        yield open_one


@pytest.fixture
def visit(open_page: Callable[..., Visit], url: str) -> Visit:
    return open_page(url)


@pytest.fixture(scope="module")
def one_page(new_page: Callable[..., Any], url: str) -> Iterator[Visit]:
    """A visit for all tests of a module that do no more than look at it, or begin with a new chat."""
    with visiting(new_page) as open_one:
        yield open_one(url)


@pytest.fixture(scope="module")
def answered(one_page: Visit) -> Visit:
    """A visit with one answer."""
    one_page.ask("What is this?")
    return one_page


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("browser") / "red.png"
    Image.new("RGB", (120, 90), "red").save(path)
    return path
