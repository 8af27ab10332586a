"""The run in tests/fixtures/viewer/run.json, which the tests of Python and of JavaScript share: python tests/viewer/shared_run.py

It holds a trace of the embedded model, the state that a canvas is given of it, and for every step what the readouts must
say, worked out from the trace alone.
"""

import json
from pathlib import Path
from typing import Any

from lladav import LladaVPipeline, SamplingConfig, Trace
from lladav.assets import asset
from lladav.viewer.state import canvas_state

FILE = Path(__file__).parent.parent / "fixtures" / "viewer" / "run.json"
CONFIG = SamplingConfig(gen_length=32, block_length=16, steps=16, seed=3)


def shared() -> dict[str, Any]:
    """The fixture."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def readouts(trace: Trace) -> list[dict[str, str]]:
    """What the canvas says of each step, by the names in lladav/viewer/static/canvas.html."""
    said, total = [], 0
    steps = [*trace.replay()]
    for state, changed in zip(steps, (None, *trace.steps), strict=True):
        committed = [] if changed is None else changed.transfer_index
        total += len(committed)
        confidence = {} if changed is None else dict(zip(changed.positions, changed.confidence, strict=True))
        sure = [confidence[position] for position in committed]
        last = state is steps[-1]
        said.append(
            {
                "step": f"{state.step} of {len(trace.steps)}",
                "nfe": str(state.nfe),
                "tpf": f"{total / state.nfe:.1f}" if state.nfe else "–",
                "masks": str(int(state.mask_index[: len(state.answer_ids)].sum())),
                "committed": f"{len(committed)} now, {total} in all",
                "mean": f"{round(100 * sum(sure) / len(sure))}%" if sure else "–",
                "seed": str(trace.config.seed),
                "finish": str(trace.finish_reason) if last else "–",
                "state": "finished" if last else "paused",
            }
        )
    return said


def main() -> None:
    """Records the run anew."""
    pipe = LladaVPipeline.from_pretrained(asset("lladav-tiny"), device="cpu")
    picture = {"type": "image", "image": str(asset("examples") / "picnic.png")}
    content = [picture, {"type": "text", "text": "Describe the picture."}]
    trace = pipe([{"role": "user", "content": content}], CONFIG).trace
    data = {
        "trace": json.loads(trace.to_json()),
        "state": canvas_state(trace, run="shared"),
        "readouts": readouts(trace),
    }
    FILE.write_text(json.dumps(data, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
