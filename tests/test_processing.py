"""Pictures and videos of every kind that people upload, the chat template, and the processor's options."""

import io
import json
import shutil

import numpy as np
import pytest
import torch
from helpers import GOLDEN, encoded, frame_number, write_video
from PIL import Image
from transformers import AutoImageProcessor, AutoProcessor, AutoTokenizer

from lladav import LladaVProcessor
from lladav.anyres import ImageLayout
from lladav.image_processing import LladaVImageProcessor
from lladav.imaging import load_image, load_video

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


# Pictures


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "PPM", "TIFF"])
@pytest.mark.parametrize("source", ["bytes", "path", "text", "image"])
def test_a_picture_may_come_as_bytes_path_or_image(file_format, source, tmp_path):
    data = encoded(NOISE, file_format)
    path = tmp_path / "picture"
    path.write_bytes(data)
    sources = {"bytes": data, "path": path, "text": str(path), "image": Image.open(io.BytesIO(data))}
    assert np.array_equal(load_image(sources[source]), NOISE)


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "AVIF", "MPO"])
def test_lossy_formats_come_close(file_format):
    smooth = Image.linear_gradient("L").convert("RGB")
    options = {"save_all": True, "append_images": [NOISE]} if file_format == "MPO" else {}
    assert np.abs(pixels(load_image(encoded(smooth, file_format, **options))) - pixels(smooth)).max() < 12


def test_sixteen_bits_are_scaled_and_not_cut_off():
    levels = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    for file_format in ("PNG", "TIFF"):
        loaded = load_image(encoded(Image.fromarray(levels), file_format))
        assert np.array_equal(pixels(loaded)[..., 0], np.arange(256).reshape(16, 16))


def test_transparency_is_dropped_and_not_blended():
    rgba = Image.merge("RGBA", [*NOISE.split(), Image.new("L", NOISE.size, 7)])
    assert np.array_equal(load_image(encoded(rgba)), NOISE)
    palette = NOISE.quantize(16)
    for transparency in (0, bytes(range(16))):
        loaded = load_image(encoded(palette, transparency=transparency))
        assert np.array_equal(loaded, palette.convert("RGB"))
    assert load_image(encoded(Image.new("LA", (2, 2), (77, 0)))).getpixel((0, 0)) == (77, 77, 77)


def test_colours_of_print_are_converted():
    red = load_image(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95)).getpixel((4, 4))
    assert red[0] > 240
    assert max(red[1:]) < 40


def test_of_an_animation_the_first_frame_is_taken():
    data = encoded(
        Image.new("RGB", (9, 5), "red"), "GIF", save_all=True, append_images=[Image.new("RGB", (9, 5), "blue")]
    )
    assert load_image(data).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright(orientation):
    """Whatever a camera wrote, the corner that it calls top left is top left."""
    corner = Image.new("RGB", (32, 16), "white")
    corner.paste("black", (0, 0, 8, 8))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that makes a camera's picture of this one
    stored = corner.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else corner
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = load_image(encoded(stored, "PNG", exif=exif))
    assert np.array_equal(loaded, corner)
    assert np.array_equal(load_image(loaded), corner), "and is not turned again"


def test_the_smallest_picture(golden_processor):
    inputs = golden_processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "image", "image": encoded(Image.new("L", (1, 1), 9))}]}]
    )
    assert inputs["tile_counts"].tolist() == [2]
    assert inputs["pixel_values"].unique().tolist() == pytest.approx([9 / 127.5 - 1])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"only text\n" * 100,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        encoded(NOISE, "EPS"),
        encoded(NOISE)[:20],
    ],
    ids=["empty", "text", "svg", "eps", "header"],
)
def test_what_is_no_picture_is_refused(data, tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(ValueError, match="not a picture that can be read"):
            load_image(source)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_damaged_pictures_are_refused(file_format):
    data = encoded(NOISE.resize((300, 200)), file_format)
    with pytest.raises(ValueError, match="damaged"):
        load_image(data[: len(data) // 2])


@pytest.mark.parametrize("size", [(20_000, 20_000), (9_000, 6_000), (17_000, 10)])
def test_too_large_pictures_are_refused_before_they_are_decoded(size, monkeypatch):
    data = encoded(Image.new("1", size))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    with pytest.raises(ValueError, match="at most"):
        load_image(data)


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        load_image(tmp_path / "nothing.png")
    with pytest.raises(ValueError, match="no such file"):
        load_video(tmp_path / "nothing.mp4", 32)


# Videos


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "mp4v"),
        ("a.m4v", "mp4v"),
        ("a.mov", "mp4v"),
        ("a.3gp", "mp4v"),
        ("a.webm", "VP80"),
        ("a.webm", "VP90"),
        ("a.avi", "MJPG"),
        ("a.mkv", "FFV1"),
        ("a.wmv", "WMV2"),
        ("a.mpg", "MPG1"),  # whose header says nothing of its length
        ("a.mpg", "MPG2"),
    ],
)
def test_frames_are_spread_evenly_over_a_video(name, codec, tmp_path):
    write_video(tmp_path / name, codec, 200)
    frames = load_video(tmp_path / name, 32)
    assert list(map(frame_number, frames)) == np.linspace(0, 199, 32, dtype=int).tolist()
    assert {frame.size for frame in frames} == {(256, 64)}


def test_a_short_video_repeats_frames(tmp_path):
    write_video(tmp_path / "a.avi", "MJPG", 3)
    assert list(map(frame_number, load_video(tmp_path / "a.avi", 6))) == [0, 0, 0, 1, 1, 2]


def test_a_video_that_breaks_off_is_read_as_far_as_it_goes(tmp_path):
    write_video(tmp_path / "a.avi", "MJPG", 200)
    data = (tmp_path / "a.avi").read_bytes()
    (tmp_path / "b.avi").write_bytes(data[: len(data) // 2])
    numbers = list(map(frame_number, load_video(tmp_path / "b.avi", 8)))
    assert numbers[0] == 0
    assert 80 < numbers[-1] < 120
    assert np.abs(numbers - np.linspace(0, numbers[-1], 8)).max() <= 2, "one frame, at which it broke off, is lost"


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"only text\n" * 100)
    with pytest.raises(ValueError, match="not a video that can be read"):
        load_video(tmp_path / "a.mp4", 32)


def test_of_many_frames_some_are_taken_and_of_few_all():
    frames = [Image.new("L", (4, 4), index) for index in range(10)]
    assert [frame.getpixel((0, 0))[0] for frame in load_video(frames, 4)] == [0, 3, 6, 9]
    assert len(load_video(frames, 10)) == len(load_video(frames, 32)) == 10


# The template


PICTURE = {"type": "image", "image": NOISE}


def text(words: str) -> dict:
    return {"type": "text", "text": words}


def prompt_of(processor: LladaVProcessor, *content: dict) -> str:
    """What stands in the user's message."""
    prompt = processor.apply_chat_template([{"role": "user", "content": list(content)}], tokenize=False)
    return prompt.rpartition("user<|end_header_id|>\n\n")[2].partition("<|eot_id|>")[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([PICTURE, text("What?")], "<image>\nWhat?"),
        ([PICTURE, text(" \n What? ")], "<image>\nWhat?"),
        ([PICTURE, PICTURE, text("What?")], "<image> <image>\nWhat?"),
        ([PICTURE, text(" "), PICTURE, text("\nWhat?")], "<image> <image>\nWhat?"),
        ([text("Look:"), PICTURE], "Look: <image>"),
        ([text("Is "), PICTURE, text(" red?")], "Is <image> red?"),
        ([text("Is"), PICTURE, text("red?")], "Is <image> red?"),
        ([PICTURE], "<image>"),
        ([PICTURE, text("  ")], "<image>"),
        ([PICTURE, text("Is <image>red?")], "Is <image>red?"),
        ([PICTURE, PICTURE, text("<image><image>\nWhich?")], "<image><image>\nWhich?"),
        ([text("What does <image> mean?")], "What does <image> mean?"),
        ([PICTURE, text("<image> or <image>?")], "<image>\n<image> or <image>?"),
        ([text("One. "), text("Two.")], "One. Two."),
    ],
)
def test_pictures_stand_where_they_were_put(golden_processor, content, expected):
    assert prompt_of(golden_processor, *content) == expected
    ids = golden_processor.apply_chat_template([{"role": "user", "content": content}])["input_ids"]
    assert (ids == -200).sum() == content.count(PICTURE), "a typed mark without a picture is text"


def test_the_system_message_is_the_processors_unless_there_is_one(golden_processor):
    question = {"role": "user", "content": "Why?"}
    own = [{"role": "system", "content": "Be brief."}, question]
    assert golden_processor.apply_chat_template([question], tokenize=False).count("You are a helpful language") == 1
    assert golden_processor.apply_chat_template(own, tokenize=False).startswith(
        "<|startoftext|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user"
    )
    plain = LladaVProcessor(golden_processor.tokenizer)
    assert plain.apply_chat_template([question], tokenize=False) == (
        "<|startoftext|><|start_header_id|>user<|end_header_id|>\n\nWhy?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )


def test_empty_messages_are_left_out(golden_processor):
    spoken = [{"role": "user", "content": "Why?"}]
    silent = [{"role": "assistant", "content": " \n"}, {"role": "user", "content": []}]
    template = golden_processor.apply_chat_template
    assert template(spoken + silent, tokenize=False) == template(spoken, tokenize=False)


def test_the_generation_prompt_is_optional(golden_processor):
    messages = [{"role": "user", "content": "Why?"}]
    bare = golden_processor.apply_chat_template(messages, add_generation_prompt=False, tokenize=False)
    assert bare.endswith("Why?<|eot_id|>")
    whole = golden_processor.apply_chat_template(messages, tokenize=False)
    assert whole == bare + "<|start_header_id|>assistant<|end_header_id|>\n\n"


def test_what_is_returned(golden_processor):
    messages = [{"role": "user", "content": [PICTURE, text("Why?")]}]
    inputs = golden_processor(messages)
    assert inputs["input_ids"].shape == inputs["attention_mask"].shape == (1, inputs["input_ids"].shape[1])
    assert inputs["attention_mask"].all()
    assert inputs["pixel_values"].shape == (2, 3, 384, 384)
    assert inputs["image_sizes"].tolist() == [[30, 20]]
    assert inputs["image_layouts"].tolist() == [ImageLayout.ANYRES]
    ids = golden_processor.apply_chat_template(messages, return_dict=False)
    assert torch.equal(ids, inputs["input_ids"])
    assert set(golden_processor([{"role": "user", "content": "Why?"}])) == {"input_ids", "attention_mask"}


def test_pictures_of_later_turns_and_videos_keep_their_order(golden_processor):
    video = {"type": "video", "video": [NOISE, NOISE, NOISE]}
    messages = [
        {"role": "user", "content": [video, text("What happens?")]},
        {"role": "assistant", "content": "Nothing."},
        {"role": "user", "content": [PICTURE, text("And here?")]},
    ]
    inputs = golden_processor(messages)
    assert inputs["image_layouts"].tolist() == [ImageLayout.VIDEO, ImageLayout.ANYRES]
    assert inputs["tile_counts"].tolist() == [3, 2]
    assert len(inputs["pixel_values"]) == 5


def test_what_cannot_be_said_is_refused(golden_processor):
    with pytest.raises(ValueError, match="role must be one of system, user, assistant, got 'tool'"):
        golden_processor([{"role": "tool", "content": "42"}])
    with pytest.raises(ValueError, match="got 'audio'"):
        golden_processor([{"role": "user", "content": [{"type": "audio", "audio": "a.wav"}]}])
    with pytest.raises(ValueError, match='return_tensors must be "pt"'):
        golden_processor([{"role": "user", "content": "Why?"}], return_tensors="np")


# Labels


def test_labels_leave_pictures_and_users_words_out(golden_processor):
    messages = [
        {"role": "user", "content": [PICTURE, text("What is <|endoftext|> shown?")]},
        {"role": "assistant", "content": [text("A red circle."), PICTURE]},
    ]
    inputs = golden_processor.training_inputs(messages)
    ids, labels = inputs["input_ids"][0].tolist(), inputs["labels"][0].tolist()
    assert all(label in (-100, token) for token, label in zip(ids, labels, strict=True))
    assert [labels[place] for place, token in enumerate(ids) if token == -200] == [-100, -100]
    assert labels[ids.index(126081)] == -100, "a special token that is not the template's"
    learnt = golden_processor.tokenizer.decode([label for label in labels if label != -100])
    assert learnt.endswith("<|start_header_id|>assistant<|end_header_id|>\n\nA red circle. <|eot_id|>")
    assert learnt.count("<|start_header_id|>") == 3
    assert "shown" not in learnt


# Options


def test_options_round_trip(golden_processor, tmp_path):
    options = {
        "system_prompt": "Be brief.",
        "drop_token_after_image": True,
        "image_aspect_ratio": "pad",
        "image_grid_pinpoints": "(1x1),...,(2x2)",
        "image_size": 128,
        "patch_size": 16,
        "multi_image": "train",
        "video_frames": 5,
    }
    LladaVProcessor(golden_processor.tokenizer, **options).save_pretrained(tmp_path)
    for loaded in (LladaVProcessor.from_pretrained(tmp_path), AutoProcessor.from_pretrained(tmp_path)):
        expected = options | {"image_grid_pinpoints": [[128, 128], [128, 256], [256, 128], [256, 256]]}
        assert {name: getattr(loaded, name) for name in options} == expected
        assert type(loaded) is LladaVProcessor
    assert LladaVProcessor.from_pretrained(tmp_path, multi_image="eval").multi_image == "eval"


def test_a_published_checkpoint_brings_the_published_options(tmp_path):
    """It has no processor file, and needs none of the tokenizer's but tokenizer.json."""
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(GOLDEN / "checkpoint" / name, tmp_path)
    for processor in (LladaVProcessor.from_pretrained(tmp_path), AutoProcessor.from_pretrained(tmp_path)):
        assert processor.drop_token_after_image
        assert processor.system_prompt.startswith("You are a helpful language and vision assistant.")
        assert (processor.image_size, processor.patch_size, processor.image_aspect_ratio) == (384, 14, "anyres_max_4")
        assert (processor.multi_image, processor.video_frames, len(processor.tokenizer)) == ("eval", 32, 126349)


def test_our_own_models_do_the_plain_thing(tiny_random):
    options = json.loads((tiny_random / "processor_config.json").read_text())
    assert options["drop_token_after_image"] is False
    assert options["system_prompt"] == ""
    processor = LladaVProcessor.from_pretrained(tiny_random)
    inputs = processor([{"role": "user", "content": [PICTURE, text("What?")]}])
    assert inputs["pixel_values"].shape == (1, 3, 128, 128)
    assert processor.count_tokens(inputs) == inputs["input_ids"].shape[1] - 1 + 64


@pytest.mark.parametrize(
    ("option", "value"), [("multi_image", "both"), ("image_aspect_ratio", "crop"), ("image_grid_pinpoints", "all")]
)
def test_unknown_options_are_refused(golden_processor, option, value):
    with pytest.raises(ValueError, match=f"{option} must be .*{value}"):
        LladaVProcessor(golden_processor.tokenizer, **{option: value})


def test_one_tile_may_be_padded_or_squashed(golden_processor):
    wide = Image.new("RGB", (40, 20), "white")
    for ratio, edge in (("pad", 127), ("square", 255)):
        processor = LladaVProcessor(golden_processor.tokenizer, image_aspect_ratio=ratio)
        tile = processor([{"role": "user", "content": [{"type": "image", "image": wide}]}])["pixel_values"][0]
        assert tile[:, 0, 192].tolist() == pytest.approx([edge / 127.5 - 1] * 3)
        assert tile[:, 192, 192].tolist() == [1.0] * 3


# What transformers' users expect


ASKED = [{"role": "user", "content": [PICTURE, text("What?")]}]


def test_the_image_processor_is_found(golden_processor, tiny_random, tmp_path):
    found = AutoImageProcessor.from_pretrained(tiny_random)
    assert isinstance(found, LladaVImageProcessor) and found.image_size == 128
    published = AutoProcessor.from_pretrained(GOLDEN / "checkpoint").image_processor
    assert isinstance(published, LladaVImageProcessor) and published.image_aspect_ratio == "anyres_max_4"
    published.save_pretrained(tmp_path)
    for found in (
        AutoImageProcessor.from_pretrained(tmp_path),
        LladaVImageProcessor.from_pretrained(GOLDEN / "checkpoint"),
    ):
        assert found.to_dict() == published.to_dict()
    tiles, inputs = golden_processor.image_processor(NOISE), golden_processor(ASKED)
    assert {name: values.tolist() for name, values in tiles.items()} == {
        name: inputs[name].tolist() for name in golden_processor.image_processor.model_input_names
    }


def test_a_model_that_was_saved_before_there_was_an_image_processor(tiny_random, tmp_path):
    shutil.copytree(tiny_random, tmp_path, dirs_exist_ok=True)
    options = json.loads((tmp_path / "processor_config.json").read_text())
    images = options.pop("image_processor")
    (tmp_path / "processor_config.json").write_text(json.dumps(options | images))
    (tmp_path / "chat_template.jinja").unlink()
    earlier, now = (LladaVProcessor.from_pretrained(path) for path in (tmp_path, tiny_random))
    assert earlier.to_dict() == now.to_dict()
    assert torch.equal(earlier(ASKED)["pixel_values"], now(ASKED)["pixel_values"])


def test_the_template_is_saved_beside_the_tokenizer(golden_processor, tmp_path):
    golden_processor.save_pretrained(tmp_path)
    assert (tmp_path / "chat_template.jinja").is_file()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    conversations = [ASKED, [*ASKED, {"role": "assistant", "content": "Noise."}, {"role": "user", "content": "Why?"}]]
    for messages in conversations:
        prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        assert prompt == golden_processor.apply_chat_template(messages, tokenize=False)
        loaded = LladaVProcessor.from_pretrained(tmp_path, system_prompt="")
        assert "You are" not in loaded.apply_chat_template(messages, tokenize=False)


def test_a_template_of_ones_own(golden_processor):
    template = "{% for message in messages %}{{ '<|eot_id|>' ~ message.content }}{% endfor %}"
    own = LladaVProcessor(golden_processor.tokenizer, chat_template=template)
    (ids,) = own([{"role": "user", "content": "a<|eot_id|>"}])["input_ids"].tolist()
    assert ids[0] == 126348 and ids.count(126348) == 1


def equal(one, other) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_prompt_and_its_pictures_are_as_good_as_a_conversation(golden_processor):
    for content in ([PICTURE, text("What?")], [PICTURE, PICTURE, text("Which?")], [text("What does <image> mean?")]):
        messages = [{"role": "user", "content": content}]
        prompt = golden_processor.apply_chat_template(messages, tokenize=False)
        images = [NOISE] * content.count(PICTURE) or None
        assert equal(golden_processor(text=prompt, images=images), golden_processor(messages))
    video = [{"role": "user", "content": [{"type": "video", "video": [NOISE, NOISE]}, text("What?")]}]
    prompt = golden_processor.apply_chat_template(video, tokenize=False)
    assert equal(golden_processor(text=prompt, videos=[[NOISE, NOISE]]), golden_processor(video))
    both = golden_processor(text="<image> <video>", images=NOISE, videos=[[NOISE, NOISE]])
    assert both["image_layouts"].tolist() == [ImageLayout.ANYRES, ImageLayout.VIDEO]


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"text": None, "videos": [[NOISE]]}, "text must be a prompt or a list of prompts, got None"),
        ({"text": []}, "text must be a prompt or a list of prompts"),
        ({"text": [5]}, "text must be a prompt or a list of prompts, got 5"),
        ({"text": "What?", "images": NOISE}, "text must have <image> once for every picture, got it 0 times for 1"),
        ({"text": "<image>", "images": [NOISE, NOISE]}, "got it 1 times for 2"),
        ({"text": ["<image>", ""], "images": [[NOISE]]}, "images must be a list for each of 2 texts"),
        ({"text": "<image>", "images": 5}, "image must be a path"),
        ({"text": "What?", "return_tensors": "np"}, 'return_tensors must be "pt"'),
        ({}, "messages must be a list|text must be"),
    ],
)
def test_a_prompt_that_does_not_fit_its_pictures_is_refused(golden_processor, given, rule):
    with pytest.raises(ValueError, match=rule):
        golden_processor(**given)


def test_several_conversations_are_one_batch(tiny_pipeline):
    processor, model = tiny_pipeline.processor, tiny_pipeline.model
    short = [{"role": "user", "content": "Why?"}]
    conversations = [short, ASKED, [{"role": "user", "content": [PICTURE, text("What is this?"), PICTURE]}]]
    batch = processor.apply_chat_template(conversations)
    prompts = processor.apply_chat_template(conversations, tokenize=False)
    assert prompts == [processor.apply_chat_template(messages, tokenize=False) for messages in conversations]
    assert equal(processor(text=prompts, images=[NOISE] * 3), batch)
    assert equal(processor(text=prompts, images=[[], [NOISE], [NOISE, NOISE]]), batch)
    with torch.no_grad():
        embeds, mask = model.embed_prompt(**batch)
        for row, kept, messages in zip(embeds, mask.bool(), conversations, strict=True):
            alone, _ = model.embed_prompt(**processor(messages))
            torch.testing.assert_close(row[kept], alone[0])
