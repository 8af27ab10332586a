// @ts-check
// Links: puts the settings of the open tab and the run on show into the page's address, and copies that.

import { say } from "../../viewer/static/texts.js";

const SHOWN_FOR = 2500;                  // milliseconds that "Link copied" stands on the button
const RUN = "#run=";

let run = "";                            // the run that a copied link carries, packed by the server

/** value: the packed run, or "" for none. Triggers `open` with {run} for the one in the address of an opened page.
 *  @type {import("./gradio_adapter.js").Painter} */
export function link(_, trigger) {
  if (location.hash.startsWith(RUN)) trigger("open", { run: location.hash.slice(RUN.length) });
  return { update(packed) { run = packed ?? ""; } };
}

function openTab() {
  const tab = /** @type {HTMLElement} */ (document.querySelector("#tabs [role=tab][aria-selected=true]"));
  return tab.dataset.tabId ?? "";
}

/** A decoding method and what it has, by name. @param {string} written as static/decoding.js has it */
function numbers(written) {
  const { method, knobs } = JSON.parse(written);
  return { method, ...knobs };
}

/** @param {[string, string, string][]} panels @param {any[]} values */
function address(panels, values) {
  const query = new URLSearchParams({ tab: openTab() });
  const lesson = /** @type {HTMLElement | null} */ (document.querySelector("#learn .le"))?.dataset.lesson;
  if (lesson && openTab() === "learn") query.set("lesson", lesson);
  const names = panels.flatMap(([tab, prefix, words]) => words.split(" ").map((name) => [tab, prefix, name]));
  names.forEach(([tab, prefix, name], index) => {
    const told = name === "method" ? numbers(values[index]) : { [name]: values[index] };
    if (tab === openTab()) for (const [key, one] of Object.entries(told)) query.set(prefix + key, one);
  });
  const carried = run && openTab() === "chat" ? RUN + run : "";
  return `${location.origin}${location.pathname}?${query}${carried}`;
}

/** @param {HTMLElement} button @param {string} text */
function announce(button, text) {
  button.dataset.label ??= button.textContent ?? "";
  button.textContent = text;
  clearTimeout(Number(button.dataset.timer));
  button.dataset.timer = String(setTimeout(() => { button.textContent = button.dataset.label ?? ""; }, SHOWN_FOR));
}

/** Where the clipboard cannot be had: the link itself, selected, to be copied by hand.
 *  @param {HTMLElement} button @param {string} text */
function show(button, text) {
  const found = document.querySelector("#share-link") ?? document.createElement("input");
  const field = /** @type {HTMLInputElement} */ (found);
  Object.assign(field, { id: "share-link", readOnly: true, value: text, ariaLabel: say("share.address") });
  field.addEventListener("blur", () => field.remove(), { once: true });
  button.after(field);
  field.focus();
  field.select();
}

/** @param {[string, string, string][]} panels the tab that each is on, the prefix that its settings have there, and their
 *  names with blanks between them @param {any[]} values of the settings, panel by panel */
export async function share(panels, values) {
  const button = /** @type {HTMLElement} */ (document.querySelector("#share")), text = address(panels, values);
  history.replaceState(null, "", text);
  try {
    await navigator.clipboard.writeText(text);
    announce(button, say("share.copied"));
  } catch {
    show(button, text);
    announce(button, say("share.by_hand"));
  }
}
