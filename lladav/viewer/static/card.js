// The two views of a record beside its tokens: the card of one token, and the curves over the steps.

const HINT = "Point at a token to see what the model weighed there.";

function percent(probability) {
  return probability < 0.01 ? "<1%" : Math.round(probability * 100) + "%";
}

function spelled(piece) {
  return piece.text.replaceAll("\n", "⏎").replaceAll(" ", "␣");
}

function node(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function svg(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// The card of a token. Where `take` is given, its alternatives are buttons that call it.
function tokenCard(el, record, take) {
  let key = null;

  function clear() {
    key = null;
    el.replaceChildren(node("p", "tc-hint", HINT));
  }

  function paint(position, step) {
    if (position === null) return;
    const token = record.tokenAt(position, step), at = token?.step || step;
    const next = [position, at, token?.piece.id, record.masksAt(step) > 0, record.token_probs[position].length].join();
    if (key === next) return;
    key = next;
    const title = node("p", "tc-title");
    title.append(node("strong", "", token ? spelled(token.piece) : "masked"));
    title.append(node("span", "tc-facts", facts(position, token)));
    el.replaceChildren(title, alternatives(position, at, token));
    const from = record.branchStep(position, step);
    if (take && record.tokenProbsAt(position, at).length)
      el.append(node("p", "tc-hint", `Choose one to go on from step ${from} with it.`));
  }

  function facts(position, token) {
    const known = [`position ${position}`];
    if (token) known.push(`id ${token.piece.id}`, token.step ? `step ${token.step}` : "given");
    if (token?.step) known.push(`confidence ${percent(token.confidence)}`);
    return known.join(" · ");
  }

  function alternatives(position, step, token) {
    const list = node("ol", "tc-alternatives");
    for (const { piece, probability } of record.tokenProbsAt(position, step)) {
      const row = node(take ? "button" : "span", "tc-row");
      const bar = node("span", "tc-prob");
      bar.style.setProperty("--probability", probability);
      row.append(node("span", "tc-alt", spelled(piece)), bar, node("span", "tc-percent", percent(probability)));
      row.classList.toggle("tc-taken", token?.piece === piece);
      if (take) {
        row.type = "button";
        row.addEventListener("click", () => take(position, piece));
      }
      const item = node("li");
      item.append(row);
      list.append(item);
    }
    const given = "It was there from the start: the model was not asked.";
    const none = token?.step === 0 ? given : "No forward pass has looked here yet.";
    if (!list.children.length) list.append(node("li", "tc-none", none));
    return list;
  }

  return { clear, paint };
}

// Three curves over the steps of a record, each with a line at the step on show.
function stepCurves(root, record) {
  const WIDTH = 200, HEIGHT = 48, TOP = 3;
  const across = (step) => record.steps.length < 2 ? 0 : step / record.lastStep() * WIDTH;
  const up = (share) => (HEIGHT - TOP - share * (HEIGHT - 2 * TOP)).toFixed(1);
  const frames = Object.fromEntries([...root.querySelectorAll("[data-curve]")].map((el) => {
    const drawn = svg(el.dataset.curve === "committed" ? "path" : "polyline", { class: "tc-" + el.dataset.curve });
    const now = svg("line", { class: "tc-now", y1: 0, y2: HEIGHT });
    el.replaceChildren(drawn, now);
    return [el.dataset.curve, { drawn, now }];
  }));

  function draw() {
    const { steps, state } = record;
    const line = (points) => points.map(([step, share]) => `${across(step).toFixed(1)},${up(share)}`).join(" ");
    const confidences = steps.map(({ step }) => [step, record.confidenceAt(step)]).filter(([, share]) => share !== null);
    frames.confidence.drawn.setAttribute("points", line(confidences));
    frames.masks.drawn.setAttribute("points", line(steps.map(({ step, masks }) => [step, masks / state.gen_length])));
    const most = Math.max(1, ...steps.map(({ transfer_index }) => transfer_index.length));
    const width = Math.max(1, WIDTH / Math.max(1, record.lastStep()) - 1);
    frames.committed.drawn.setAttribute("d", steps.slice(1).map(({ step, transfer_index }) => {
      const height = transfer_index.length / most * (HEIGHT - 2 * TOP);
      return `M${across(step) - width} ${HEIGHT}v${-height}h${width}v${height}z`;
    }).join(""));
  }

  function point(step) {
    for (const { now } of Object.values(frames)) {
      now.setAttribute("x1", across(step));
      now.setAttribute("x2", across(step));
    }
  }

  return { draw, point };
}
