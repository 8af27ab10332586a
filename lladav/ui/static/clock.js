// The clock of two runs: one slider that says to both canvases which step to show.
//
// `update(state)` takes the whole record so far, so a skipped update loses nothing:
//   canvases  selector of both canvases, first side first
//   run     name of the pair of runs; another name starts another clock
//   sides   [{ms: [milliseconds at which each step was there], finished}, …], ms empty until the side begins
//
// It counts steps, and a side that has taken its last one waits for the other; or it counts each side's own time.

const RUN_SECONDS = 4;               // both runs play in about this long
const STEP_RATE = [4, 40];           // steps a second

function pairClock(root, canvases) {
  const $ = (selector) => root.querySelector(selector);
  const scrub = $(".pc-scrub"), key = $(".pc-play"), now = $(".pc-now");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  let state = null, begun = 0;
  let unit = "step";
  let cursor = 0;          // in steps, or in milliseconds
  let playing = false;
  let following = false;   // these runs have not been shown to their end yet
  let stopped = null;      // the pair that was stopped here
  let lastFrame = 0, frame = 0;

  function update(next) {
    if (!next || next.run === stopped) return;
    const fresh = !state || next.run !== state.run;
    state = next;
    const started = state.sides.filter(({ ms }) => ms.length).length;
    if (fresh) following = true;
    // Where the runs come one after the other, the second's start is the clock's, too.
    if (fresh || (following && started > begun)) {
      cursor = 0;
      playing = started > 0;
    }
    begun = started;
    paint();
    play();
  }

  const finished = () => state.run === stopped || state.sides.every((side) => side.finished);
  const extent = ({ ms }) => unit === "step" ? Math.max(0, ms.length - 1) : ms.at(-1) ?? 0;

  // How far the clock may go: to the end of the longer run, and while a run goes on no further than that.
  function limit() {
    const open = finished() ? [] : state.sides.filter((side) => side.ms.length && !side.finished);
    return open.length ? Math.min(...open.map(extent)) : Math.max(...state.sides.map(extent));
  }

  function stepOf({ ms }) {
    const step = unit === "step" ? Math.floor(cursor) : ms.findLastIndex((moment) => moment <= cursor);
    return Math.max(0, Math.min(ms.length - 1, step));
  }

  // ---- playing -------------------------------------------------------------------------------

  function play() {
    if (frame) return;
    lastFrame = performance.now();
    frame = requestAnimationFrame(tick);
  }

  function rate() {
    if (unit === "time") return finished() ? limit() / RUN_SECONDS : 1000;
    const [low, high] = STEP_RATE;
    return Math.min(high, Math.max(low, limit() / RUN_SECONDS));
  }

  function tick(time) {
    frame = 0;
    if (playing) {
      const ahead = rate() * (time - lastFrame) / 1000;
      // In steps, a slow browser plays slower, and skips none.
      cursor = calm.matches && following ? limit() : cursor + (unit === "step" ? Math.min(1, ahead) : ahead);
      cursor = Math.min(cursor, limit());
      if (finished() && cursor >= limit()) playing = following = false;
    }
    lastFrame = time;
    paint();
    if (playing) frame = requestAnimationFrame(tick);
  }

  function seek(to) {
    playing = false;
    cursor = Math.max(0, Math.min(limit(), to));
    paint();
  }

  function togglePlay() {
    if (!playing && finished() && cursor >= limit()) cursor = 0;
    playing = !playing && limit() > 0;
    paint();
    play();
  }

  // Going on from the same step of the run that is longer in the new unit.
  function count(next) {
    const share = cursor / Math.max(limit(), 1e-9);
    unit = next;
    for (const button of root.querySelectorAll("[data-unit]"))
      button.setAttribute("aria-pressed", String(button.dataset.unit === unit));
    cursor = share * limit();
    paint();
  }

  // Keeps what is on show as the whole of both runs.
  function stop() {
    stopped = state.run;
    state = { ...state, sides: state.sides.map((side) => ({ ...side, ms: side.ms.slice(0, stepOf(side) + 1) })) };
    cursor = limit();
    playing = following = false;
    for (const canvas of canvases()) canvas.dispatchEvent(new Event("tokencanvas:stop"));
    paint();
  }

  // ---- painting ------------------------------------------------------------------------------

  function reading() {
    if (!begun) return "–";
    if (unit === "time") return `${(cursor / 1000).toFixed(2)} of ${(limit() / 1000).toFixed(2)} s`;
    return `step ${Math.floor(cursor)} of ${limit()}`;
  }

  function paint() {
    scrub.max = limit();
    scrub.step = unit === "step" ? 1 : "any";
    scrub.value = cursor;
    scrub.setAttribute("aria-valuetext", reading());
    if (now.textContent !== reading()) now.textContent = reading();
    key.textContent = playing ? "⏸\uFE0E" : "▶\uFE0E";
    key.setAttribute("aria-label", playing ? "Pause" : "Play");
    for (const el of [...root.querySelectorAll(".pc-key"), scrub]) el.disabled = !(limit() > 0);
    root.dataset.state = !begun ? "idle" : playing ? "playing" : finished() && cursor >= limit() ? "done" : "paused";
    canvases().forEach((canvas, index) => {
      const side = state.sides[index];
      if (!side.ms.length) return;
      const detail = { step: stepOf(side), playing };
      canvas.dispatchEvent(new CustomEvent("tokencanvas:lead", { detail }));
    });
  }

  scrub.addEventListener("input", () => seek(Number(scrub.value)));
  root.addEventListener("click", (event) => {
    const does = event.target.closest("[data-do]")?.dataset.do;
    if (does === "first") seek(0);
    if (does === "last") seek(limit());
    if (does === "play") togglePlay();
    const next = event.target.closest("[data-unit]")?.dataset.unit;
    if (next && next !== unit) count(next);
  });
  root.addEventListener("pairclock:stop", stop);

  return { update };
}

const clock = pairClock(element.querySelector(".pc"), () => [...document.querySelectorAll(props.value.canvases)]);
watch("value", () => clock.update(props.value));
clock.update(props.value);
