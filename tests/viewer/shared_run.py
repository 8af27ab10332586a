"""The runs in tests/fixtures/viewer, which tests of Python and of JavaScript share; run this file to record them.

Each is a trace, the state that a canvas is given of it, and for every step what the readouts must say and how the run
up to there was decided, worked out from the trace alone.
"""

import json
import sys
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent.parent))  # where this file is run by itself

from scripted import Neighbors, hasty, traced

from lladav import LladaVPipeline, SamplingConfig, Trace
from lladav.assets import asset
from lladav.decisions import decisions, stood_at
from lladav.viewer.state import DIGITS, canvas_state

FOLDER = Path(__file__).parent.parent / "fixtures" / "viewer"
NAMES = ("run", "repaired", "restless", "grown")
CONFIG = SamplingConfig(gen_length=32, block_length=16, steps=16, seed=3)


def shared(name: str) -> dict[str, Any]:
    """A fixture."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def traces() -> dict[str, Trace]:
    """A run of the embedded model, one that repairs a word, one that takes back much, and one that opens room."""
    pipe = LladaVPipeline.from_pretrained(asset("lladav-tiny"), device="cpu")
    picture = {"type": "image", "image": str(asset("examples") / "picnic.png")}
    content = [picture, {"type": "text", "text": "Describe the picture."}]
    lost = torch.zeros(40, 20)
    lost[:2, 2], lost[3:, 1] = 9.0, 5.9  # no idea of the third word
    growing = SamplingConfig.method("daedal", gen_length=16, start_length=8, stop=("1",))
    warm = {
        "gen_length": 16,
        "block_length": 8,
        "steps": 16,
        "stop": (),
        "temperature": 0.7,
        "seed": 8,
        "revision_rounds": 5,
    }
    return {
        "run": pipe([{"role": "user", "content": content}], CONFIG).trace,
        "repaired": repaired(),
        "restless": traced(Neighbors.at_random(40, seed=3), SamplingConfig.method("remdm", **warm))[1],
        "grown": traced(Neighbors(lost, torch.zeros(20, 20)), growing)[1],
    }


def repaired() -> Trace:
    """A run of a model that begins with the wrong word, and takes it back once it has written more."""
    config = SamplingConfig.method("wino", gen_length=6, stop=())
    pieces = dict(enumerate(("<|mdm_mask|>", " cat", " dog", " purrs", " softly", " here")))
    return replace(traced(hasty(), config)[1], pieces=pieces, text="cat purrs softly here purrs purrs")


def decided(trace: Trace) -> list[list[list[int | None]]]:
    """For the run up to each of its steps, when each position was committed and settled, and how often taken back."""
    cuts = (replace(trace, steps=trace.steps[:end], finish_reason=None) for end in range(len(trace.steps) + 1))
    return [[[*astuple(one)] for one in decisions(cut)] for cut in cuts]


def readouts(trace: Trace) -> list[dict[str, str]]:
    """What the canvas says of each step, by the names in lladav/viewer/static/canvas.html."""
    said, total, revoked = [], 0, 0
    steps = [*trace.replay()]
    for state, changed in zip(steps, (None, *trace.steps), strict=True):
        committed = [] if changed is None else changed.transfer_index
        total += len(committed)
        revoked += 0 if changed is None else len(changed.revoked_index)
        confidence = {} if changed is None else dict(zip(changed.positions, changed.confidence, strict=True))
        sure = [round(confidence[position], DIGITS) for position in committed]
        last = state is steps[-1]
        said.append(
            {
                "step": f"{state.step} of {len(trace.steps)}",
                "nfe": str(state.nfe),
                "tpf": f"{(total - revoked) / state.nfe:.1f}" if state.nfe else "–",
                "masks": str(int(state.mask_index[: len(state.answer_ids)].sum())),
                "committed": f"{len(committed)} now, {total} in all",
                "revoked": str(revoked),
                "mean": f"{int(100 * sum(sure) / len(sure) + 0.5)}%" if sure else "–",
                "seed": "–" if trace.config.seed is None else str(trace.config.seed),
                "finish": str(trace.finish_reason) if last else "–",
                "state": "finished" if last else "paused",
            }
        )
    return said


def main() -> None:
    """Records the runs anew."""
    for name, trace in traces().items():
        data = {
            "trace": json.loads(trace.to_json()),
            "state": canvas_state(trace, run="shared"),
            "readouts": readouts(trace),
            "decisions": decided(trace),
            "stood_at": stood_at(trace),
        }
        (FOLDER / f"{name}.json").write_text(json.dumps(data, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
