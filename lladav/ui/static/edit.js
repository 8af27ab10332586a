// Taking hold of the tokens of a canvas: marking, pinning, typing over them, taking an alternative.
//
// Every edit is sent as {step, changes, label}: go on from the canvas as it stood after `step`, with `changes` put in:
// {position: id of a token, null for a mask, or words}. What comes back is another run, with another record.

const LABEL_LETTERS = 24;
const DIGITS = "12345";

function editing({ root, record, shownStep, paint, seek, cutShort, editable }, on) {
  const bar = root.querySelector(".tc-edit"), words = bar.querySelector("input");
  const grid = root.querySelector(".tc-tokens");
  const buttons = Object.fromEntries([...bar.querySelectorAll("[data-edit]")].map((el) => [el.dataset.edit, el]));
  let marked = new Set(), pinned = new Set();
  let typing = false;

  function begin() {
    marked = new Set();
    pinned = new Set(record.state.pins);
    typing = false;
  }

  // ---- what is sent --------------------------------------------------------------------------

  function send(changes, label, step = shownStep()) {
    for (const position of pinned)
      if (!(position in changes)) changes[position] = record.tokens[position].piece.id;
    cutShort();
    on.edit({ step, changes, label });
  }

  const masks = (positions) => Object.fromEntries([...positions].map((position) => [position, null]));
  const counted = (number) => `${number} token${number === 1 ? "" : "s"}`;
  const quoted = (text) => `“${text.trim().slice(0, LABEL_LETTERS)}”`;
  const inOrder = () => [...marked].sort((a, b) => a - b);
  const setMarks = () => inOrder().filter((position) => record.tokenAt(position, shownStep()));

  const actions = {
    mask() {
      if (marked.size) send(masks(marked), setMarks().length ? `re-masked ${counted(setMarks().length)}` : "went on");
    },
    pin() {
      const unpin = allPinned();
      for (const position of setMarks()) unpin ? pinned.delete(position) : pinned.add(position);
      actions.clear();
    },
    type() {
      if (!marked.size) return;
      typing = true;
      paint();
      words.focus();
    },
    put() {
      const text = words.value.trim();
      if (!text || !marked.size) return;
      send({ ...masks(marked), [inOrder()[0]]: text }, `typed ${quoted(text)}`);
      words.value = "";
    },
    rest() {
      const others = Array.from({ length: record.state.gen_length }, (_, position) => position)
        .filter((position) => !pinned.has(position));
      send(masks(others), `rewrote all but ${counted(pinned.size)}`);
    },
    unpin() {
      pinned.clear();
      paint();
    },
    clear() {
      marked.clear();
      typing = false;
      paint();
    },
  };

  function take(position, piece) {
    if (!editable()) return;
    const step = record.branchStep(position, shownStep());
    send({ [position]: piece.id }, `took ${quoted(piece.text)} at step ${step}`, step);
  }

  function toggle(position) {
    if (!editable()) return;
    seek(shownStep());
    if (!marked.delete(position)) marked.add(position);
    paint();
  }

  // ---- painting ------------------------------------------------------------------------------

  const isMarked = (position) => marked.has(position);
  const isPinned = (position) => pinned.has(position);
  const allPinned = () => setMarks().length > 0 && setMarks().every(isPinned);

  function classesOf(position) {
    return [isMarked(position) && "tc-marked", isPinned(position) && "tc-pinned"].filter(Boolean);
  }

  function paintBar() {
    bar.hidden = false;
    root.dataset.editable = editable();
    const some = marked.size > 0, set = setMarks().length;
    bar.querySelector(".tc-edit-hint").hidden = !editable() || some || pinned.size > 0;
    bar.querySelector(".tc-typing").hidden = !(some && typing);
    for (const name of ["mask", "pin", "type", "clear"]) buttons[name].hidden = !some || (typing && name !== "clear");
    for (const name of ["rest", "unpin"]) buttons[name].hidden = pinned.size === 0 || typing;
    buttons.mask.textContent = set ? `Re-mask ${set}` : "Go on from here";
    buttons.pin.disabled = set === 0;
    buttons.pin.textContent = allPinned() ? "Unpin" : "Pin";
    buttons.rest.textContent = `Rewrite all but ${pinned.size} pinned`;
    buttons.unpin.hidden ||= some;
  }

  // ---- people --------------------------------------------------------------------------------

  const KEYS = { Delete: "mask", Backspace: "mask", p: "pin", t: "type", Escape: "clear" };

  grid.addEventListener("click", (event) => {
    const cell = event.target.closest(".tc-tok");
    if (cell) toggle(Number(cell.dataset.position));
  });
  grid.addEventListener("keydown", (event) => {
    const cell = event.target.closest(".tc-tok");
    if (!cell || !editable() || event.ctrlKey || event.metaKey || event.altKey) return;
    const position = Number(cell.dataset.position);
    if (DIGITS.includes(event.key)) {
      const step = record.tokenAt(position, shownStep())?.step || shownStep();
      const alternative = record.tokenProbsAt(position, step)[DIGITS.indexOf(event.key)];
      if (alternative) take(position, alternative.piece);
    } else if (event.key in KEYS) {
      event.preventDefault();
      if (event.key !== "Escape" && !marked.size) marked.add(position);
      actions[KEYS[event.key]]();
    }
  });
  bar.addEventListener("click", (event) => actions[event.target.closest("[data-edit]")?.dataset.edit]?.());
  words.addEventListener("keydown", (event) => {
    if (event.key === "Enter") actions.put();
    if (event.key === "Escape") actions.clear();
    event.stopPropagation();
  });
  root.addEventListener("keydown", (event) => {
    if (event.key === "z" && (event.ctrlKey || event.metaKey)) on.undo();
  });

  return { begin, take, classesOf, isMarked, isPinned, paint: paintBar };
}
