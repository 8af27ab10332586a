// The token canvas: paints the record of one decoding run and lets people scrub through it.
//
// In a page of its own it takes three things: the template canvas.html in some element, the styles canvas.css, and
//   window.lladav.mount(element, state)
// where `state` is what lladav/viewer/state.py makes of a run; record.js says what is in it. It returns `update`, which
// takes further states. Only textContent carries data: neither model nor user text is ever parsed as HTML.
//
// Events on the canvas's root: it sends tokencanvas:shown ({text, live}) whenever it has painted, and obeys
// tokencanvas:stop (keep what is on show as the whole run) and tokencanvas:lead ({step, playing}: show that step).

const SECONDS_A_RUN = 3;                 // a run plays in about this long at speed 1
const RATE_BOUNDS = [5, 40];             // steps a second
const MANY = 96;                         // tokens; beyond that they are drawn small
const LONG_PIECE = 7;                    // letters

// How a piece is drawn in its cell. Spaces and line ends are shown only where they are all there is.
function glyph(piece, stops) {
  if (piece.kind === "s") return stops ? "∎" : "·";
  return piece.text.trim() || (piece.text.includes("\n") ? "⏎" : "␣");
}

// Calls `write` where `memory[name]` is not `value` yet.
function change(memory, name, value, write) {
  if (name in memory && memory[name] === value) return;
  memory[name] = value;
  write(value);
}

// `on` may hold functions: done() when a run was shown to its end, stopped({step}) when it was cut short, and
// edit({step, changes, label}) and undo() on pages that can do that (see edit.js).
function tokenCanvas(root, on = {}) {
  const $ = (selector) => root.querySelector(selector);
  const grid = $(".tc-tokens"), scrub = $(".tc-scrub"), speed = $(".tc-speed");
  const outputs = Object.fromEntries(
    [...root.querySelectorAll("[data-out]")].map((el) => [el.dataset.out, el]));
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const record = runRecord();
  const edits = on.edit && editing({ root, record, shownStep, paint, seek, cutShort, editable }, on);
  const card = tokenCard($(".tc-card"), record, edits?.take);
  const curves = stepCurves(root, record);

  let state = null, cells = [];
  let cursor = 0;          // the step on show, with a fraction while playing
  let playing = false;
  let following = false;   // this run has not been shown to its end yet
  let stopped = null;      // the run that was stopped here
  let led = false;         // something else on the page moves the cursor
  let pointed = null;      // the position under the pointer
  let held = null;         // the position that had the focus last, as long as the canvas has it
  let shownPosition = null;
  let lastFrame = 0, frame = 0, painted = -1;

  // ---- the record ----------------------------------------------------------------------------

  function update(next) {
    if (!next || next.run === stopped) return;
    const another = state !== null;
    const fresh = record.read(next);
    state = next;
    if (fresh) begin(another);
    curves.draw();
    paint();
    play();
  }

  function begin(another) {
    const still = !state.play || (calm.matches && !state.live);
    cursor = still ? record.steps.length - 1 : 0;
    playing = !still;
    following = state.live;
    pointed = held = null;
    cells = Array.from({ length: state.gen_length }, (_, position) => makeCell(position));
    grid.replaceChildren(...cells.map((cell) => cell.el));
    root.classList.toggle("tc-many", state.gen_length > MANY);
    card.clear();
    edits?.begin();
    if (!state.live && another) $(".tc-live").textContent = state.text ?? "";
  }

  function shownStep() {
    return Math.max(0, Math.min(record.steps.length - 1, Math.floor(cursor)));
  }

  function finished() {
    return state.finish_reason !== null || state.run === stopped;
  }

  function editable() {
    return Boolean(state?.editable) && record.steps.length > 0;
  }

  const atEnd = () => shownStep() >= record.steps.length - 1;

  // ---- playing -------------------------------------------------------------------------------

  function play() {
    if (!frame) {
      lastFrame = performance.now();
      frame = requestAnimationFrame(tick);
    }
  }

  function tick(now) {
    frame = 0;
    if (playing && !led) {
      const [low, high] = RATE_BOUNDS, last = record.steps.length - 1;
      const rate = Math.min(high, Math.max(low, state.steps / SECONDS_A_RUN)) * Number(speed.value);
      const ahead = Math.min(1, rate * (now - lastFrame) / 1000);  // a slow browser plays slower, and skips no step
      cursor = calm.matches && following ? last : Math.min(last, cursor + ahead);
      if (atEnd() && finished()) playing = false;
    }
    lastFrame = now;
    if (shownStep() !== painted || !playing) paint();
    if (playing && !led) frame = requestAnimationFrame(tick);
  }

  function seek(step) {
    playing = false;
    cursor = Math.max(0, Math.min(record.steps.length - 1, step));
    paint();
  }

  function follow(leader) {
    led = true;
    cursor = leader.step;  // steps may still be on their way
    playing = leader.playing;
    paint();
  }

  function togglePlay() {
    if (!playing && atEnd() && finished()) cursor = 0;
    playing = !playing && record.steps.length > 1;
    paint();
    play();
  }

  // Keeps what is on show as the whole run: later steps, and any still on their way, are dropped.
  function cutShort() {
    if (!state || !following) return false;
    stopped = state.run;
    record.cut(shownStep());
    playing = false;
    curves.draw();
    paint();
    return true;
  }

  function stop() {
    if (cutShort()) on.stopped?.({ run: state.run, step: shownStep() });
  }

  // ---- painting ------------------------------------------------------------------------------

  function makeCell(position) {
    const el = node("button", "tc-tok");
    el.type = "button";
    el.tabIndex = position === 0 ? 0 : -1;
    el.dataset.position = position;
    el.style.setProperty("--i", position);
    const text = node("span", "tc-piece"), order = node("span", "tc-order");
    el.append(text, order);
    const first = position % state.block_length === 0 && state.block_length < state.gen_length;
    return { el, text, order, base: first ? "tc-tok tc-first" : "tc-tok", painted: {} };
  }

  // Writes to the page only what differs from what the cell shows already.
  function paintCell(cell, position, step, end) {
    const token = record.tokenAt(position, step), piece = token?.piece;
    const guess = token ? undefined : record.tokenProbsAt(position, step)[0];
    const classes = [cell.base, !token ? "tc-mask" : token.step ? "tc-set" : "tc-set tc-template"];
    if (position >= end) classes.push("tc-after");
    if (Math.floor(position / state.block_length) === record.steps[step]?.block) classes.push("tc-active");
    if (piece && piece.kind !== "t") classes.push("tc-special");
    if (position === shownPosition) classes.push("tc-chosen");
    if (edits) classes.push(...edits.classesOf(position));
    const known = piece ?? guess?.piece;
    const drawn = known ? glyph(known, piece && position === end) : "";
    const shown = root.dataset.view !== "text" ? drawn : known?.kind === "t" ? known.text : "";
    if (drawn.length > LONG_PIECE) classes.push("tc-long");
    const { painted, el } = cell;
    change(painted, "classes", classes.join(" "), (value) => { el.className = value; });
    change(painted, "shown", shown, (value) => { cell.text.textContent = value; });
    change(painted, "confidence", token?.confidence ?? 0, (value) => el.style.setProperty("--c", value));
    const opacity = piece ? 1 : guess ? 0.12 + guess.probability * 0.6 : 0;
    change(painted, "opacity", opacity, (value) => { cell.text.style.opacity = value; });
    const order = token ? token.step / Math.max(1, record.lastStep()) : 0;
    change(painted, "order", order, (value) => el.style.setProperty("--o", value));
    change(painted, "step", token?.step || "", (value) => { cell.order.textContent = value; });
    change(painted, "label", labelOf(position, token), (value) => el.setAttribute("aria-label", value));
    if (edits) change(painted, "pressed", edits.isMarked(position), (value) => el.setAttribute("aria-pressed", value));
  }

  function labelOf(position, token) {
    const pin = edits?.isPinned(position) ? ", pinned" : "";
    if (!token) return `Position ${position}: masked`;
    const origin = token.step ? `confidence ${percent(token.confidence)}, step ${token.step}` : "given";
    return `Position ${position}: ${spelled(token.piece)}, ${origin}${pin}`;
  }

  function paint() {
    const step = painted = shownStep(), end = record.endAt(step), done = finished() && atEnd();
    shownPosition = cardPosition(step);
    cells.forEach((cell, position) => paintCell(cell, position, step, end));
    paintReadouts(step, done);
    curves.point(step);
    card.paint(shownPosition, step);
    edits?.paint();
    const text = state.log.length ? record.textAt(step) : "";
    const live = following && !done;
    root.dataset.state = state.finish_reason === "idle" ? "idle" : done ? "done" : playing ? "playing" : "paused";
    root.dataset.step = step;
    root.dispatchEvent(new CustomEvent("tokencanvas:shown", { bubbles: true, detail: { text, live } }));
    if (done && following) finish(text);
  }

  function finish(text) {
    following = false;
    $(".tc-live").textContent = state.text ?? text;
    on.done?.({ run: state.run });
  }

  function put(name, text) {
    if (outputs[name].textContent !== text) outputs[name].textContent = text;
  }

  function paintReadouts(step, done) {
    const now = record.steps[step], count = record.countAt(step), mean = record.confidenceAt(step);
    const last = Math.max(0, record.steps.length - 1);
    put("state", stateWord(step, done));
    put("edit", state.edit ?? "");
    put("note", state.note ?? "");
    put("seed", state.seed === null ? "–" : String(state.seed));
    put("finish", now && done && state.run !== stopped ? state.finish_reason : "–");
    put("step", now ? `${step}/${state.steps}` : "–");
    put("nfe", now ? String(now.nfe) : "–");
    put("tpf", now?.nfe ? (count / now.nfe).toFixed(1) : "–");
    put("tps", now?.ms && count ? String(Math.round(count / now.ms * 1000)) : "–");
    put("mean", mean === null ? "–" : percent(mean));
    put("committed", now ? `${now.transfer_index.length} this step, ${count} in all` : "–");
    put("masks", now ? String(now.masks) : "–");
    scrub.max = last;
    scrub.value = step;
    scrub.setAttribute("aria-valuetext", `step ${step} of ${last}`);
    const key = $(".tc-play");
    key.textContent = playing ? "⏸\uFE0E" : "▶\uFE0E";
    key.setAttribute("aria-label", playing ? "Pause" : "Play");
    for (const el of [...root.querySelectorAll(".tc-key"), scrub]) el.disabled = last < 1;
  }

  function stateWord(step, done) {
    if (state.finish_reason === "idle") return "ready";
    if (done) return state.run === stopped || state.finish_reason === "stopped" ? "stopped" : "finished";
    if (step === 0 && record.steps.length === 1) return "reading";
    return playing ? "refining" : "paused";
  }

  // Where nothing is pointed at, the card follows the surest word of the latest step that committed one, and until
  // there is one, what the model thinks of the first mask.
  function cardPosition(step) {
    if ((pointed ?? held) !== null) return pointed ?? held;
    const words = ({ transfer_index }) => transfer_index.filter(([position]) => record.tokens[position].piece.kind === "t");
    const latest = record.steps.slice(0, step + 1).findLast((earlier) => words(earlier).length);
    if (latest) return words(latest).reduce((a, b) => (b[2] > a[2] ? b : a))[0];
    return step > 0 ? cells.findIndex((_, position) => !record.tokenAt(position, 0)) : null;
  }

  // ---- people --------------------------------------------------------------------------------

  const cellOf = (event) => event.target.closest?.(".tc-tok");
  const positionOf = (el) => el ? Number(el.dataset.position) : null;

  function point(position) {
    pointed = position;
    paint();
  }

  function hold(position) {
    held = position;
    cells.forEach(({ el }, at) => { el.tabIndex = at === (position ?? 0) ? 0 : -1; });
    paint();
  }

  const STEPPING = { ",": -1, ".": 1 };

  function onKey(event) {
    if (event.key in STEPPING) return seek(shownStep() + STEPPING[event.key]);
    const from = positionOf(cellOf(event));
    const tops = cells.map(({ el }) => el.offsetTop);
    const width = Math.max(1, tops.filter((top) => top === tops[0]).length);
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -width, ArrowDown: width }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? cells.length - 1 : from + by;
    if (from === null || !(to >= 0 && to < cells.length)) return;
    event.preventDefault();
    cells[to].el.focus();
  }

  grid.addEventListener("pointerover", (event) => cellOf(event) && point(positionOf(cellOf(event))));
  grid.addEventListener("pointerleave", () => point(null));
  grid.addEventListener("focusin", (event) => hold(positionOf(cellOf(event))));
  grid.addEventListener("click", (event) => cellOf(event)?.focus());  // not every browser does
  grid.addEventListener("keydown", onKey);
  root.addEventListener("focusout", (event) => root.contains(event.relatedTarget) || hold(null));
  scrub.addEventListener("input", () => seek(Number(scrub.value)));
  root.addEventListener("tokencanvas:stop", stop);
  root.addEventListener("tokencanvas:lead", ({ detail }) => follow(detail));
  root.addEventListener("click", (event) => {
    const does = event.target.closest("[data-do]")?.dataset.do;
    if (does === "first") seek(0);
    if (does === "last") seek(record.steps.length - 1);
    if (does === "play") togglePlay();
    const look = event.target.closest("[data-look]")?.dataset.look;
    if (look) setView(look);
    const curve = event.target.closest("[data-curve]");
    if (curve && record.steps.length > 1) {
      const box = curve.getBoundingClientRect();
      seek(Math.round((event.clientX - box.left) / box.width * record.lastStep()));
    }
  });
  $(".tc-guess").addEventListener("change", (event) => root.classList.toggle("tc-no-guesses", !event.target.checked));

  function setView(look) {
    root.dataset.view = look;
    for (const button of root.querySelectorAll("[data-look]"))
      button.setAttribute("aria-pressed", String(button.dataset.look === look));
    put("low", look === "order" ? "first" : "unsure");
    put("high", look === "order" ? "last" : "sure");
    paint();
  }

  return { update };
}

window.lladav = Object.assign(window.lladav ?? {}, {
  mount(element, state) {
    const canvas = tokenCanvas(element.querySelector(".tc"));
    canvas.update(state);
    return canvas.update;
  },
});
