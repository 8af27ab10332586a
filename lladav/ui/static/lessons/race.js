// @ts-check
// All at once, or left to right: a race with the autoregressive twin, and a blank in the middle.

import { Lanes } from "./lanes.js";

export class RaceLesson extends Lanes {
  async begin() {
    const laid = this.lay(["masks", "twin"]);
    this.offer("fill", () => this.fillBoth());
    await laid;
  }

  async act() {
    const [masks, twin] = await this.race();
    const happened = masks.nfe < twin.nfe ? "masks" : masks.nfe > twin.nfe ? "twin" : "same";
    this.reveal(happened, { masks: masks.nfe, twin: twin.nfe, masksTime: masks.seconds.toFixed(2), twinTime: twin.seconds.toFixed(2) });
  }

  async fillBoth() {
    const [masks, twin] = this.lanes;
    const filled = await this.runIn(masks, "fill", "filled");
    const byTwin = await this.runIn(twin, "fill-twin", "filled");
    this.complete({ masks: filled.text, twin: byTwin.text });
  }
}
