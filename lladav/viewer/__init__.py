"""What paints a run, wherever it is painted: in the page, in an exported replay, in a film."""
import re
from pathlib import Path
STATIC = Path(__file__).parent / "static"
UI = Path(__file__).parent.parent / "ui" / "static"
def template(name="canvas"):
    old = {"canvas": STATIC / "canvas.html", "sync_player": UI / "clock.html", "results": UI / "verdict.html"}
    return old[name].read_text()
def styles(): return (STATIC / "canvas.css").read_text() + (UI / "old.css").read_text()
def bundle(entry):
    old = "".join((STATIC / n).read_text() for n in ("record.js", "card.js")) + (UI / "edit.js").read_text() + (STATIC / "canvas.js").read_text()
    clock = (UI / "clock.js").read_text().split("\nconst clock = pairClock")[0]
    verdict = (UI / "verdict.js").read_text().split('\nconst root = element')[0]
    parts = [old, "const mountCanvas = (root, on) => tokenCanvas(root, on);",
      "const {mountPlayer} = (() => {" + clock + "\n return {mountPlayer: pairClock}; })();",
      "const {mountResults} = (() => {" + verdict + "\n return {mountResults: (root) => ({update: (s) => paint(root, s)})}; })();"]
    for name in ("badge", "gallery", "learn", "share", "notice", "page", "stage", "suggestions", "gradio_adapter"):
        text = (UI / f"{name}.js").read_text()
        text = re.sub(r"^import .*$", "", text, flags=re.M)
        exported = re.findall(r"^export (?:async )?function (\w+)", text, flags=re.M)
        text = re.sub(r"^export ", "", text, flags=re.M)
        parts.append("const {" + ",".join(exported) + "} = (() => {" + text + "\nreturn {" + ",".join(exported) + "}; })();" if exported else "{" + text + "}")
    return "(() => {\n" + "\n".join(parts) + "\n})();"
