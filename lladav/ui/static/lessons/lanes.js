// @ts-check
// Several runs below each other, each with its name, its row of tokens and what it took.

import { button, node } from "../../../viewer/static/dom.js";
import { TokenRow } from "./row.js";
import { Walk } from "./walk.js";

export class Lanes extends Walk {
  /** @type {{name: string, row: TokenRow, facts: HTMLElement, root: HTMLElement}[]} */
  lanes = [];
  /** What can be done besides, once the outcome is known. @type {HTMLButtonElement | null} */
  other = null;

  /** Lays the lanes, and shows each as the masks that its run begins with. @param {string[]} names of requests */
  async lay(names) {
    const lanes = names.map((name) => this.lane(name));
    this.lanes.push(...lanes);
    this.show(...lanes.map(({ root }) => root));
    const recorded = await this.page.mail.recorded(this.lesson.name);
    for (const { name, row } of lanes) row.read({ ...recorded[name].state, run: `start-${name}` }, 0);
    this.source.textContent = this.common("ready");
  }

  /** A lane, which is still to be shown, and is in no race yet. @param {string} name */
  lane(name) {
    const lane = { name, row: new TokenRow(this.say(name)), facts: node("p", "le-facts"), root: node("div", "le-lane") };
    lane.root.append(node("h3", "le-lane-name", this.say(name)), lane.row.root, lane.facts);
    return lane;
  }

  /** Shows a button for what can be done besides. @param {string} key of its text @param {() => Promise<void>} act */
  offer(key, act) {
    this.other = button("le-small", this.say(key), () => void this.alone(act));
    this.other.disabled = true;
    this.show(this.other);
  }

  async run() {
    await this.alone(() => super.run());
  }

  /** Does something while nothing else can be done: the mail has a place for one request, and drops it for the next.
   *  @param {() => Promise<void>} act */
  async alone(act) {
    const buttons = [this.go, this.other].filter((one) => one !== null);
    for (const one of buttons) one.disabled = true;
    await act();
    for (const one of buttons) one.disabled = false;
  }

  /** Runs a request in a lane, and says what it took; its answer. @param {Lanes["lanes"][0]} lane
   *  @param {string} [request] @param {string} [key] of what is said */
  async runIn({ row, facts, name }, request = name, key = "took") {
    const answer = await this.ask(request, {}, ({ state }) => row.read(state));
    row.read(answer.state);
    const values = { passes: answer.nfe, seconds: answer.seconds.toFixed(2), text: answer.text };
    this.page.texts.say(facts, this.say(key, values));
    return answer;
  }

  /** Runs all, one after the other; their answers. */
  async race() {
    const answers = [];
    for (const lane of this.lanes) answers.push(await this.runIn(lane));
    return answers;
  }
}
