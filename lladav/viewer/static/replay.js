// @ts-check
// The page of its own that replays one run: mounts the canvas on the state in it, and lets the arrow keys step.

import { mountCanvas } from "./canvas.js";
import { find } from "./dom.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const followScheme = () => document.documentElement.classList.toggle("dark", dark.matches);
dark.addEventListener("change", followScheme);
followScheme();

const canvas = mountCanvas(find(document.body, ".tc"));
canvas.update(JSON.parse(find(document.body, "#state").textContent ?? "null"));

document.addEventListener("keydown", ({ key, target }) => {
  if (target !== document.body || !["ArrowLeft", "ArrowRight"].includes(key)) return;
  canvas.seek(canvas.playback.step + (key === "ArrowLeft" ? -1 : 1));
});
