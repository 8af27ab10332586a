// The token canvas: paints the record of one decoding run and lets people scrub through it.
//
// `update(state)` takes the whole record so far, so a skipped update loses nothing:
//   run     name of the run; another name starts another history
//   length, block, steps, seed       the run's settings (block: tokens per block)
//   pieces  ["<id> <kind><piece>", …], kind: t text, s special token
//   log     one JSON array a step: [step, nfe, milliseconds, block, position of the stop or null,
//             [[position, piece, confidence ‰], …]                committed in this step
//             [[position, piece, %, piece, %, …], …]]             alternatives that changed
//   text    the final answer, or null while decoding
//   finish  "idle" before the first run, null while decoding, then "stop" or "length"
// Only textContent carries data: neither model nor user text is ever parsed as HTML.

const MASK = "░";
const HINT = "Point at a token to see what the model weighed there.";
const SECONDS_A_RUN = 3;                 // a run plays in about this long at speed 1
const RATE_BOUNDS = [5, 40];             // steps a second

function readLog(log) {
  return log.map((line) => {
    const [step, nfe, ms, block, stop, commits, beliefs] = JSON.parse(line);
    return { step, nfe, ms, block, stop, commits, beliefs };
  });
}

// What each position holds, and when it was committed: {step, piece, confidence} or undefined.
function commitsByPosition(steps) {
  const byPosition = [];
  for (const { step, commits } of steps)
    for (const [position, piece, permille] of commits)
      byPosition[position] = { step, piece, confidence: permille / 1000 };
  return byPosition;
}

function readPiece(entry) {
  const space = entry.indexOf(" ");
  return { id: entry.slice(0, space), kind: entry[space + 1], text: entry.slice(space + 2) };
}

// How a piece is drawn in its cell. Spaces and line ends are shown only where they are all there is.
function glyph(piece, stops) {
  if (piece.kind === "s") return stops ? "∎" : "·";
  return piece.text.trim() || (piece.text.includes("\n") ? "⏎" : "␣");
}

function spelled(piece) {
  return piece.text.replaceAll("\n", "⏎").replaceAll(" ", "␣");
}

function percent(share) {
  return share < 0.01 ? "<1%" : Math.round(share * 100) + "%";
}

function node(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Calls `write` where `memory[name]` is not `value` yet.
function change(memory, name, value, write) {
  if (name in memory && memory[name] === value) return;
  memory[name] = value;
  write(value);
}

function svg(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function tokenCanvas(root, onDone) {
  const $ = (selector) => root.querySelector(selector);
  const grid = $(".tc-tokens"), scrub = $(".tc-scrub"), card = $(".tc-card"), speed = $(".tc-speed");
  const outputs = Object.fromEntries(
    [...root.querySelectorAll("[data-out]")].map((el) => [el.dataset.out, el]));
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  let state = null, pieces = [], steps = [], committed = [], beliefs = [], cells = [];
  let cursor = 0;          // the step on show, with a fraction while playing
  let playing = false;
  let following = false;   // this run has not been shown to its end yet
  let stopped = null;      // the run that was stopped here
  let led = false;         // something else on the page moves the cursor
  let chosen = null, shownPosition = null, cardKey = null;
  let lastFrame = 0, frame = 0, painted = -1;

  // ---- the record ----------------------------------------------------------------------------

  function update(next) {
    if (!next || next.run === stopped) return;
    const fresh = !state || next.run !== state.run;
    state = next;
    if (fresh) begin();
    pieces.push(...state.pieces.slice(pieces.length).map(readPiece));
    const news = readLog(state.log.slice(steps.length));
    steps.push(...news);
    committed = commitsByPosition(steps);
    indexBeliefs(news);
    drawCurves();
    paint();
    play();
  }

  function begin() {
    steps = [];
    pieces = [];
    cursor = 0;
    following = playing = state.finish !== "idle";
    chosen = cardKey = null;
    beliefs = Array.from({ length: state.length }, () => []);
    cells = Array.from({ length: state.length }, (_, position) => makeCell(position));
    grid.replaceChildren(...cells.map((cell) => cell.el));
    root.classList.toggle("tc-many", state.length > 96);
    card.replaceChildren(node("p", "tc-hint", HINT));
  }

  // beliefs[position] = [[step, alternatives], …] in order of steps
  function indexBeliefs(news) {
    for (const { step, beliefs: changed } of news)
      for (const [position, ...pairs] of changed) {
        const alternatives = [];
        for (let i = 0; i < pairs.length; i += 2)
          alternatives.push({ piece: pieces[pairs[i]], share: pairs[i + 1] / 100 });
        beliefs[position].push([step, alternatives]);
      }
  }

  function beliefAt(position, step) {
    const found = beliefs[position].findLast(([at]) => at <= step);
    return found ? found[1] : [];
  }

  function shownStep() {
    return Math.max(0, Math.min(steps.length - 1, Math.floor(cursor)));
  }

  function tokenAt(position, step) {
    const token = committed[position];
    return token && token.step <= step ? token : undefined;
  }

  // Where the stop begins; from there on nothing is part of the answer.
  const endOfAnswer = (step) => steps[step]?.stop ?? state.length;

  function textAt(step) {
    let text = "";
    for (let position = 0; position < endOfAnswer(step); position++) {
      const token = tokenAt(position, step);
      if (!token) text += MASK;
      else if (pieces[token.piece].kind === "t") text += pieces[token.piece].text;
    }
    return text.trim();
  }

  const finished = () => state.finish !== null || state.run === stopped;
  const atEnd = () => shownStep() >= steps.length - 1;

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
      const [low, high] = RATE_BOUNDS;
      const rate = Math.min(high, Math.max(low, state.steps / SECONDS_A_RUN)) * Number(speed.value);
      const ahead = Math.min(1, rate * (now - lastFrame) / 1000);  // a slow browser plays slower, and skips no step
      cursor = calm.matches && following ? steps.length - 1 : Math.min(steps.length - 1, cursor + ahead);
      if (atEnd() && finished()) playing = false;
    }
    lastFrame = now;
    if (shownStep() !== painted || !playing) paint();
    if (playing && !led) frame = requestAnimationFrame(tick);
  }

  function seek(step) {
    playing = false;
    cursor = Math.max(0, Math.min(steps.length - 1, step));
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
    playing = !playing && steps.length > 1;
    paint();
    play();
  }

  // Keeps what is on show as the whole run: later steps, and any still on their way, are dropped.
  function stop() {
    if (!state || !following) return;
    stopped = state.run;
    steps = steps.slice(0, shownStep() + 1);
    committed = commitsByPosition(steps);
    playing = false;
    drawCurves();
    paint();
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
    const first = position % state.block === 0 && state.block < state.length;
    return { el, text, order, base: first ? "tc-tok tc-first" : "tc-tok", painted: {} };
  }

  // Writes to the page only what differs from what the cell shows already.
  function paintCell(cell, position, step, end) {
    const token = tokenAt(position, step), piece = token && pieces[token.piece];
    const guess = token ? undefined : beliefAt(position, step)[0];
    const classes = [cell.base, token ? "tc-set" : "tc-mask"];
    if (position >= end) classes.push("tc-after");
    if (Math.floor(position / state.block) === steps[step]?.block) classes.push("tc-active");
    if (piece && piece.kind !== "t") classes.push("tc-special");
    if (position === shownPosition) classes.push("tc-chosen");
    const shown = piece ? glyph(piece, position === end) : guess ? glyph(guess.piece) : "";
    if (shown.length > 7) classes.push("tc-long");
    const { painted, el } = cell;
    change(painted, "classes", classes.join(" "), (value) => { el.className = value; });
    change(painted, "shown", shown, (value) => { cell.text.textContent = value; });
    change(painted, "confidence", token?.confidence ?? 0, (value) => el.style.setProperty("--c", value));
    const opacity = piece ? 1 : guess ? 0.12 + guess.share * 0.6 : 0;
    change(painted, "opacity", opacity, (value) => { cell.text.style.opacity = value; });
    change(painted, "step", token?.step, (value) => {
      cell.order.textContent = value ?? "";
      el.style.setProperty("--o", token ? token.step / Math.max(1, state.steps) : 0);
      el.setAttribute("aria-label", token
        ? `Position ${position}: ${spelled(piece)}, confidence ${percent(token.confidence)}, step ${token.step}`
        : `Position ${position}: masked`);
    });
  }

  function paint() {
    const step = painted = shownStep(), end = endOfAnswer(step), done = finished() && atEnd();
    shownPosition = cardPosition(step);
    cells.forEach((cell, position) => paintCell(cell, position, step, end));
    paintReadouts(step, done);
    paintCursor(step);
    paintCard(step);
    const text = state.log.length ? textAt(step) : "";
    const live = following && !done;
    root.dataset.state = state.finish === "idle" ? "idle" : done ? "done" : playing ? "playing" : "paused";
    root.dataset.step = step;
    root.dispatchEvent(new CustomEvent("tokencanvas:shown", { bubbles: true, detail: { text, live } }));
    if (done && following) finish(text);
  }

  function finish(text) {
    following = false;
    $(".tc-live").textContent = state.text ?? text;
    onDone();
  }

  function put(name, text) {
    if (outputs[name].textContent !== text) outputs[name].textContent = text;
  }

  function paintReadouts(step, done) {
    const now = steps[step];
    put("seed", state.seed === null ? "–" : String(state.seed));
    scrub.max = Math.max(0, steps.length - 1);
    put("state", stateWord(step, done));
    put("finish", now && done && state.run !== stopped ? state.finish : "–");
    put("step", now ? `${step}/${state.steps}` : "–");
    put("nfe", now ? String(now.nfe) : "–");
    const count = committed.filter((token) => token && token.step <= step).length;
    put("tpf", now?.nfe ? (count / now.nfe).toFixed(1) : "–");
    put("tps", now?.ms ? String(Math.round(count / now.ms * 1000)) : "–");
    put("committed", now ? `${now.commits.length} this step, ${count}/${state.length}` : "–");
    const mean = meanConfidence(step);
    put("mean", mean === null ? "–" : percent(mean));
    scrub.value = step;
    scrub.setAttribute("aria-valuetext", `step ${step} of ${Math.max(0, steps.length - 1)}`);
    const key = $(".tc-play");
    key.textContent = playing ? "⏸\uFE0E" : "▶\uFE0E";
    key.setAttribute("aria-label", playing ? "Pause" : "Play");
    for (const el of [...root.querySelectorAll(".tc-key"), scrub]) el.disabled = steps.length < 2;
  }

  function stateWord(step, done) {
    if (state.finish === "idle") return "ready";
    if (done) return state.run === stopped ? "stopped" : "finished";
    if (step === 0 && steps.length === 1) return "reading";
    return playing ? "refining" : "paused";
  }

  // Mean confidence of the tokens a step committed.
  function meanConfidence(step) {
    const commits = steps[step]?.commits ?? [];
    if (!commits.length) return null;
    return commits.reduce((sum, commit) => sum + commit[2], 0) / commits.length / 1000;
  }

  // ---- the curves ----------------------------------------------------------------------------

  const WIDTH = 200, HEIGHT = 48;
  const across = (step) => steps.length < 2 ? 0 : step / Math.max(1, state.steps) * WIDTH;

  function drawCurves() {
    const confidence = $("[data-curve=confidence]"), counts = $("[data-curve=committed]");
    const points = steps.map((_, step) => [across(step), meanConfidence(step)])
      .filter(([, mean]) => mean !== null)
      .map(([x, mean]) => `${x.toFixed(1)},${(HEIGHT - 3 - mean * (HEIGHT - 6)).toFixed(1)}`);
    const now = () => svg("line", { class: "tc-now", y1: 0, y2: HEIGHT });
    confidence.replaceChildren(svg("polyline", { points: points.join(" "), class: "tc-line" }), now());
    const most = Math.max(1, ...steps.map(({ commits }) => commits.length));
    const width = Math.max(1, WIDTH / Math.max(1, state.steps) - 1);
    counts.replaceChildren(...steps.slice(1).map(({ step, commits }) => {
      const height = commits.length / most * (HEIGHT - 4);
      return svg("rect", { x: across(step) - width, y: HEIGHT - height, width, height, class: "tc-col" });
    }), now());
    confidence.setAttribute("aria-label", "Mean confidence of the tokens committed at each step");
    counts.setAttribute("aria-label", "Tokens committed at each step");
  }

  function paintCursor(step) {
    for (const line of root.querySelectorAll(".tc-now")) {
      line.setAttribute("x1", across(step));
      line.setAttribute("x2", across(step));
    }
  }

  // ---- the card ------------------------------------------------------------------------------

  // Where nothing is pointed at, the card follows the surest word of the latest step that committed one, and until
  // there is one, what the model thinks of the first position.
  function cardPosition(step) {
    if (chosen !== null) return chosen;
    const words = ({ commits }) => commits.filter(([, piece]) => pieces[piece].kind === "t");
    const latest = steps.slice(0, step + 1).findLast((earlier) => words(earlier).length);
    if (!latest) return step > 0 ? 0 : null;
    return words(latest).reduce((a, b) => (b[2] > a[2] ? b : a))[0];
  }

  function paintCard(step) {
    const position = shownPosition;
    if (position === null) return;
    const token = tokenAt(position, step);
    const at = token ? token.step : step;
    const key = [position, at, token?.piece, beliefs[position].length].join();
    if (cardKey === key) return;
    cardKey = key;
    const title = node("p", "tc-title");
    title.append(node("strong", "", token ? spelled(pieces[token.piece]) : "masked"));
    const facts = [`position ${position}`];
    if (token) {
      const sure = `confidence ${percent(token.confidence)}`;
      facts.push(`id ${pieces[token.piece].id}`, `step ${token.step}`, sure);
    }
    title.append(node("span", "tc-facts", facts.join(" · ")));
    card.replaceChildren(title, alternativesList(position, at, token));
  }

  function alternativesList(position, step, token) {
    const list = node("ol", "tc-alternatives");
    for (const { piece, share } of beliefAt(position, step)) {
      const item = node("li");
      const bar = node("span", "tc-share");
      bar.style.setProperty("--share", share);
      item.append(node("span", "tc-alt", spelled(piece)), bar, node("span", "tc-percent", percent(share)));
      item.classList.toggle("tc-taken", Boolean(token) && pieces[token.piece] === piece);
      list.append(item);
    }
    if (!list.children.length) list.append(node("li", "tc-none", "No forward pass has looked here yet."));
    return list;
  }

  function choose(position) {
    chosen = position;
    paint();
  }

  // ---- people --------------------------------------------------------------------------------

  const cellOf = (event) => event.target.closest?.(".tc-tok");
  const positionOf = (el) => el ? Number(el.dataset.position) : null;

  function moveFocus(event) {
    const from = positionOf(cellOf(event));
    const width = Math.max(1, cells.filter(({ el }) => el.offsetTop === cells[0].el.offsetTop).length);
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -width, ArrowDown: width }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? cells.length - 1 : from + by;
    if (from === null || !(to >= 0 && to < cells.length)) return;
    event.preventDefault();
    cells[from].el.tabIndex = -1;
    cells[to].el.tabIndex = 0;
    cells[to].el.focus();
  }

  grid.addEventListener("pointerover", (event) => cellOf(event) && choose(positionOf(cellOf(event))));
  grid.addEventListener("pointerleave", () => choose(null));
  grid.addEventListener("focusin", (event) => choose(positionOf(cellOf(event))));
  grid.addEventListener("focusout", () => choose(null));
  grid.addEventListener("keydown", moveFocus);
  scrub.addEventListener("input", () => seek(Number(scrub.value)));
  root.addEventListener("tokencanvas:stop", stop);
  root.addEventListener("tokencanvas:lead", ({ detail }) => follow(detail));
  root.addEventListener("click", (event) => {
    const does = event.target.closest("[data-do]")?.dataset.do;
    if (does === "first") seek(0);
    if (does === "last") seek(steps.length - 1);
    if (does === "play") togglePlay();
    const look = event.target.closest("[data-look]")?.dataset.look;
    if (look) setView(look);
    const curve = event.target.closest("[data-curve]");
    if (curve && steps.length > 1) {
      const box = curve.getBoundingClientRect();
      seek(Math.round((event.clientX - box.left) / box.width * state.steps));
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
