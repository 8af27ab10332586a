"""What paints a run, wherever it is painted: in the page, in an exported replay, in a film."""
from pathlib import Path
STATIC = Path(__file__).parent / "static"
def template(name="canvas"):
    p = STATIC / f"{name}.html"
    return p.read_text() if p.exists() else "<div></div>"
def styles(): return (STATIC / "canvas.css").read_text()
def bundle(entry): return ""
