// @ts-check
// From a picture to tokens: the parts of LLaDA-V, their sizes, and the shapes of the reader's own tensors.

import { button, node, svg } from "../../../viewer/static/dom.js";
import { segments, Walk } from "./walk.js";

const PARTS = ["tiles", "tower", "projector", "prompt", "sequence", "logits"];
const DRAWN_WIDTH = 640, BOX = 92, GAP = 17, HEIGHT = 96, LETTERS = 120;

/** The sizes that belong to a part. @type {Record<string, string[]>} */
const SIZES = {
  tiles: ["image_size", "patch_size"], tower: ["tower_layers", "tower_width"], projector: ["width"],
  prompt: ["positions"], sequence: ["layers", "heads", "width"], logits: ["vocabulary"],
};

export class InsideLesson extends Walk {
  async begin() {
    this.opened = new Set();
    this.part = "tiles";
    this.picture = this.lesson.picture;
    this.field = /** @type {HTMLInputElement} */ (node("input", "le-field"));
    Object.assign(this.field, { type: "text", value: this.lesson.question, maxLength: LETTERS });
    this.field.setAttribute("aria-label", this.say("question"));
    this.field.addEventListener("change", () => void this.measure());
    const pictures = Object.keys(this.page.pictures);
    const names = pictures.map((name) => /** @type {[string, string]} */ ([name, this.page.texts.at(`pictures.${name}`)]));
    const picker = segments(this.say("picture"), names, this.lesson.picture, (name) => {
      this.picture = name;
      /** @type {HTMLImageElement} */ (this.stage.querySelector(".le-picture")).src = this.page.pictures[name];
      void this.measure();
    });
    picker.classList.add("le-pictures");
    this.buttons = node("div", "le-parts");
    this.buttons.append(...PARTS.map((part) => {
      const one = button("le-part", this.say(`parts.${part}`), () => this.open(part));
      one.dataset.part = part;
      return one;
    }));
    this.card = node("div", "le-card le-inside-card");
    this.card.setAttribute("aria-live", "polite");
    this.show(picker, this.field, this.drawing(), this.buttons, this.card);
    await this.measure();
  }

  /** The way of a picture through the model; the buttons below it are what can be pressed. */
  drawing() {
    const drawn = svg("svg", { viewBox: `0 0 ${DRAWN_WIDTH} ${HEIGHT}`, class: "le-diagram", role: "img" });
    drawn.setAttribute("aria-label", this.say("diagram"));
    PARTS.forEach((part, index) => {
      const x = 4 + index * (BOX + GAP), tall = part === "sequence" ? 80 : 46, y = (HEIGHT - tall) / 2;
      const box = svg("rect", { x, y, width: BOX, height: tall, rx: 8, "data-part": part });
      const text = svg("text", { x: x + BOX / 2, y: HEIGHT / 2 + 5, "text-anchor": "middle" });
      text.textContent = this.say(`boxes.${part}`);
      box.addEventListener("click", () => this.open(part));
      drawn.append(box, text);
      if (index) drawn.append(svg("path", { d: `M${x - GAP + 2} ${HEIGHT / 2}h${GAP - 6}m-4 -4l4 4l-4 4` }));
    });
    const frame = node("div", "le-diagram-frame");
    frame.append(drawn);
    return frame;
  }

  async measure() {
    const reply = await this.ask("shapes", { picture: this.picture, question: this.field?.value ?? "" });
    if (reply.shapes) this.reply = reply;
    this.paint();
  }

  /** @param {string} part */
  open(part) {
    this.part = part;
    this.opened?.add(part);
    this.paint();
    if (this.opened?.size === PARTS.length) this.complete();
  }

  paint() {
    const { card, reply, part = "tiles" } = this;
    if (!card || !reply) return;
    for (const one of this.stage.querySelectorAll("[data-part]")) {
      const name = one.getAttribute("data-part") ?? "";
      one.setAttribute("data-now", String(name === part));
      one.setAttribute("data-opened", String(this.opened?.has(name)));
      if (one instanceof HTMLButtonElement) one.setAttribute("aria-pressed", String(name === part));
    }
    const shape = reply.shapes[part].join(" × "), sizes = node("dl", "le-sizes");
    for (const key of SIZES[part]) {
      const { embedded, published } = reply.sizes;
      sizes.append(node("dt", "", this.say(`sizes.${key}`)),
        node("dd", "", this.say("both", { embedded: embedded[key].toLocaleString(), published: published[key].toLocaleString() })));
    }
    card.replaceChildren(
      node("h3", "le-ask", this.say(`parts.${part}`)), this.paragraph("le-shape", this.say("shape", { shape })),
      this.paragraph("", this.say(`meanings.${part}`, { tokens: reply.shapes.projector[0], length: reply.shapes.sequence[1] })), sizes);
  }

  async act() {
    if (!this.reply) return;
    const { shapes } = this.reply, tokens = shapes.projector[0];
    const values = { tokens, length: shapes.sequence[1], prompt: shapes.prompt[1], answer: shapes.logits[1] };
    this.reveal(tokens === shapes.tower[1] ? "patches" : tokens === 1 ? "one" : "pixels", values);
    this.open("projector");
  }
}
