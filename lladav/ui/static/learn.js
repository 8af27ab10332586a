// Lessons: each shows a stretch of a recorded run on one of the canvases of the tab.
//
// value: {canvases: selector of their frames, picture: of the runs,
//         lessons: [{title, text, canvas, first, last: step or null for the end}, …]}

const STEP_MS = 650;
const $ = (selector) => element.querySelector(selector);
const { lessons, canvases, picture } = props.value;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let current = 0, step = 0, timer = 0;

const frames = () => [...document.querySelectorAll(canvases)];
const canvasOf = (lesson) => frames()[lesson.canvas]?.querySelector(".tc");

function lead(playing) {
  canvasOf(lessons[current])?.dispatchEvent(
    new CustomEvent("tokencanvas:lead", { detail: { step, playing } }));
}

function advance() {
  const lesson = lessons[current], end = lesson.last ?? Number(canvasOf(lesson).querySelector(".tc-scrub").max);
  step = calm.matches ? end : step + 1;
  lead(step < end);
  timer = step < end ? setTimeout(advance, STEP_MS) : 0;
}

function show(index) {
  current = Math.max(0, Math.min(lessons.length - 1, index));
  const lesson = lessons[current];
  $(".le-count").textContent = `${current + 1} of ${lessons.length}`;
  $(".le-title").textContent = lesson.title;
  $(".le-text").textContent = lesson.text;
  $("[data-go='-1']").disabled = current === 0;
  $("[data-go='1']").disabled = current === lessons.length - 1;
  $("[data-go='0']").disabled = lesson.first === lesson.last;
  element.querySelectorAll(".le-list button").forEach((button, at) =>
    button.setAttribute("aria-current", at === current ? "step" : "false"));
  frames().forEach((frame, at) => { frame.dataset.shown = at === lesson.canvas; });
  clearTimeout(timer);
  step = lesson.first;
  lead(false);
  if (lesson.first !== lesson.last) timer = setTimeout(advance, STEP_MS);
}

function listed({ title }, index) {
  const item = document.createElement("li"), button = document.createElement("button");
  button.type = "button";
  button.textContent = title;
  button.addEventListener("click", () => show(index));
  item.append(button);
  return item;
}

$(".le-picture").src = picture;
$(".le-list").replaceChildren(...lessons.map(listed));
$(".le-moves").addEventListener("click", (event) => {
  const by = event.target.closest("[data-go]")?.dataset.go;
  if (by) show(current + Number(by));
});
requestAnimationFrame(() => show(0));  // once the canvases beside it are there
