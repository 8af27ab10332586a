"""What the page says about the model it runs, and the examples it offers."""

import json
from pathlib import Path

import gradio as gr

from lladav.pipeline import EMBEDDED_MODEL, LladaVPipeline

EXAMPLES = EMBEDDED_MODEL.parent / "examples"


def examples() -> list[dict[str, str]]:
    """The examples as `{"image": path, "question": str}`; none where the folder is missing."""
    index = EXAMPLES / "examples.json"
    if not index.exists():
        return []
    entries = json.loads(index.read_text(encoding="utf-8"))
    return [{"image": str(EXAMPLES / entry["image"]), "question": entry["question"]} for entry in entries]


def can_think(pipe: LladaVPipeline) -> bool:
    """Whether the model was trained to follow " /think" and " /no_think": the published one was."""
    return abilities(pipe) is None


def abilities(pipe: LladaVPipeline) -> dict | None:
    """What a model trained on emoji scenes can name, from the file beside its weights; None for any other model."""
    file = Path(str(pipe.model.config.name_or_path)) / "abilities.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def create_about(pipe: LladaVPipeline) -> None:
    """One honest sentence about the model, with what it knows to unfold."""
    known = abilities(pipe)
    millions = sum(parameter.numel() for parameter in pipe.model.parameters()) / 1e6
    if known is None:
        sentence = f"**{pipe.name}** ({millions:,.0f} M parameters) can be wrong, and sure of it."
        gr.Markdown(sentence, elem_id="about")
        return
    gr.Markdown(
        f"**A tiny model** ({millions:.1f} M parameters, trained from scratch on emoji scenes): it knows these "
        f"{len(known['classes'])} things and {len(known['colors'])} colours, and nothing of photographs.",
        elem_id="about",
    )
    with gr.Accordion("What it knows", open=False, elem_id="abilities"):
        kinds = "\n".join(f"- {name}: *{question}*" for name, question in known["kinds"].items())
        gr.Markdown(f"{', '.join(known['classes'])}\n\n**Colours:** {', '.join(known['colors'])}\n\n{kinds}")
