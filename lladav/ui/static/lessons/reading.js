// @ts-check
// What may be written all at once: each character of a sign has a token of its own in the answer, whatever the others
// are; what stands at a place of a description depends on which words the others are.

import { Lanes } from "./lanes.js";

export class ReadingLesson extends Lanes {
  async begin() {
    const laid = this.lay(["at-once", "one-by-one", "left-to-right"]);
    this.offer("describe", () => this.describe());
    await laid;
  }

  async act() {
    const [once, each, twin] = await this.race();
    const { sign } = this.lesson.values, read = once.text.split(" ");
    const right = [...sign].filter((character, at) => read[at]?.[0] === character).length;
    const happened = right === sign.length ? "all" : right > 1 ? "some" : "one";
    this.reveal(happened, { right, once: once.nfe, each: each.nfe, twin: twin.nfe });
  }

  /** Another picture, in as many steps: one. */
  async describe() {
    if (!this.described) {
      const { picture, question } = this.lesson.values;
      this.described = this.lane("words-at-once");
      this.show(this.about(picture, question), this.described.root);
    }
    const { text } = await this.runIn(this.described);
    this.complete({ text });
  }
}
