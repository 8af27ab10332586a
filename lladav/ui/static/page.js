// @ts-check
// What joins the canvas to the rest of the page: the answer's bubble, dropped files, downloads.

import { say } from "../../viewer/static/texts.js";

const PHONE = "(max-width: 640px)";

/** While the canvas plays a run, the chat's last bubble shows the same step: the server is often done long before.
 *  The bubble's own text stays untouched underneath; the step on show is laid over it by chat.css. */
export function overlayBubble() {
  function lastBubble() {
    const bubbles = document.querySelectorAll("#conversation .message.bot .message-content");
    return /** @type {HTMLElement | undefined} */ (bubbles[bubbles.length - 1]);
  }

  let run = "";

  document.addEventListener("tokencanvas:shown", (event) => {
    const { target, detail } = /** @type {CustomEvent & {target: HTMLElement}} */ (event);
    if (!target.closest("#canvas")) return;
    if (detail.live && detail.run !== run && matchMedia(PHONE).matches)
      document.querySelector("#stage")?.scrollIntoView({ block: "start" });
    run = detail.run;
    const bubble = detail.live ? lastBubble() : undefined;
    for (const other of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-refining]")))
      if (other !== bubble) delete other.dataset.refining;
    if (bubble) bubble.dataset.refining = detail.text;
    // The canvas announces the finished answer once; the chat must not read out every step as well.
    document.querySelector("#conversation [role=log]")?.setAttribute("aria-live", "off");
  });
}

/** Gradio labels parts that have no role; its chat calls rows of buttons a list, and has a button without a name; what
 *  is dragged across its plots is a picture without one.
 *  Its parts are built at times of their own (a picture's only when its code has come), so this follows every change. */
export function mendRoles() {
  new MutationObserver(() => {
    document.querySelector("#conversation .examples")?.removeAttribute("role");
    for (const el of document.querySelectorAll(":is(div, span)[aria-label]:not([role])"))
      el.setAttribute("role", "group");
    for (const el of document.querySelectorAll("#conversation .image-container > button:not([aria-label])"))
      el.setAttribute("aria-label", say("chat.enlarge"));
    for (const el of document.querySelectorAll("g[role=graphics-symbol]:not([aria-label])"))
      el.setAttribute("aria-hidden", "true");
  }).observe(document, { childList: true, subtree: true });
}

/** A saved run that is dropped anywhere on the page is opened; pictures are attached to the question. */
export function openDroppedFiles() {
  /** @param {FileList} files */
  function inputFor(files) {
    const isRun = files.length === 1 && files[0].name.toLowerCase().endsWith(".json");
    const selector = isRun ? "#export input[type=file]" : "#question input[type=file]";
    return /** @type {HTMLInputElement | null} */ (document.querySelector(selector));
  }

  /** @param {FileList | undefined} files */
  function hand(files, /** @type {Event} */ event) {
    const input = files?.length ? inputFor(files) : null;
    if (!files || !input) return;
    event.preventDefault();
    event.stopPropagation();
    input.files = files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  const inBox = (/** @type {Event} */ { target }) => /** @type {HTMLElement} */ (target).closest?.("#question, #compare-image");

  addEventListener("dragover", (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault());
  addEventListener("drop", (event) => inBox(event) || hand(event.dataTransfer?.files, event), { capture: true });
  addEventListener("paste", (event) => inBox(event) || hand(event.clipboardData?.files, event), { capture: true });
}

/** Download a file that the server has made.
 *  @param {{url: string, orig_name: string} | null} file */
export function save(file) {
  if (!file) return;
  const link = document.createElement("a");
  link.href = file.url;
  link.download = file.orig_name;
  link.click();
}
