// Two runs in figures, and their words beside each other.
//
// `update(state)`:
//   figures  [[name, unit, digits, value of A or null, value of B or null], …]
//   summary  a sentence about the words, or "" while there is nothing to say
//   words    [[words of A, words of B, whether they are the same], …] in order
// Only textContent carries data: neither model nor user text is ever parsed as HTML.

function made(tag, className, text) {
  const el = document.createElement(tag);
  el.className = className;
  if (text !== undefined) el.textContent = text;
  return el;
}

// A figure of one side, with a bar as long as its share of the larger of the two.
function figure(side, value, most, unit, digits) {
  const cell = made("td", side);
  const bar = made("span", "pv-bar");
  bar.style.setProperty("--share", value && most ? value / most : 0);
  cell.append(made("span", "pv-value", value === null ? "–" : value.toFixed(digits) + unit), bar);
  return cell;
}

function paint(root, state) {
  root.querySelector("tbody").replaceChildren(...state.figures.map(([name, unit, digits, a, b]) => {
    const row = made("tr", ""), most = Math.max(a ?? 0, b ?? 0), head = made("th", "", name);
    head.scope = "row";
    row.append(figure("pv-a", a, most, unit, digits), head, figure("pv-b", b, most, unit, digits));
    return row;
  }));
  root.dataset.state = state.summary ? "done" : "idle";
  root.querySelector(".pv-summary").textContent = state.summary;
  [".pv-text.pv-a span", ".pv-text.pv-b span"].forEach((selector, side) => {
    const spans = state.words.filter((words) => words[side])
      .map((words) => made(words[2] ? "span" : "mark", "", words[side] + " "));
    root.querySelector(selector).replaceChildren(...spans);
  });
}

const root = element.querySelector(".pv");
watch("value", () => paint(root, props.value));
paint(root, props.value);
