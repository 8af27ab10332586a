// @ts-check
// The card of one token: what it is, when it was committed, and what else the model weighed there.

import { decisionAt, stoodAt } from "./decisions.js";
import { button, find, node, percent, spelled } from "./dom.js";
import { say } from "./texts.js";

/** @typedef {import("./record.js").RunRecord} RunRecord */
/** @typedef {import("./record.js").Token} Token */
/** @typedef {import("./record.js").Piece} Piece */
/** A token, and the step after whose canvas it is asked what it looks at. @typedef {{position: number, step: number}} Look */

export class TokenInspector {
  /** @param {HTMLElement} el @param {RunRecord} record
   *  @param {((position: number, piece: Piece) => void) | undefined} take puts an alternative in its place
   *  @param {((at: Look) => void) | undefined} look asks what it looked at */
  constructor(el, record, take, look) {
    this.el = el;
    this.record = record;
    this.take = take;
    this.look = look;
    this.key = "";
  }

  clear() {
    this.key = "";
    this.el.replaceChildren(node("p", "tc-hint", say("viewer.hint")));
  }

  /** @param {number | null} position @param {number} step @param {{pinned: boolean, editable: boolean}} how */
  paint(position, step, { pinned, editable }) {
    if (position === null) return;
    const token = this.record.tokenAt(position, step), facts = this.facts(position, step);
    if (pinned) facts.push(say("viewer.pinned"));
    const known = this.record.token_probs.held[position].length, at = token ? token.step : step;
    const before = this.record.canvasBefore(position, step);
    const key = [...facts, at, token?.piece.id, this.record.masksAt(step) > 0, known, editable, before].join();
    if (this.key === key) return;
    this.key = key;
    const rows = this.alternatives(position, step, token, editable ? this.take : undefined);
    this.el.dataset.pinned = String(pinned);
    this.el.replaceChildren(titled(this.name(position, step), facts), rows);
    if (editable && this.take && this.record.tokenProbsAt(position, step).length) {
      const from = this.record.branchStep(position, step);
      this.el.append(node("p", "tc-hint", say("viewer.choose", { step: from })));
    }
    const { look } = this;
    if (pinned && editable && look) {
      const looked = say("viewer.looked", { step: before + 1 });
      this.el.append(button("tc-look", looked, () => look({ position, step: before })));
    }
  }

  /** @param {number} position @param {number} step */
  name(position, step) {
    const token = this.record.tokenAt(position, step), revoked = this.record.revokedAt(position, step);
    if (token) return spelled(token.piece);
    return revoked ? say("viewer.piece_back", { piece: spelled(revoked.piece) }) : say("viewer.masked");
  }

  /** What is known of a position after a step, but for what was weighed there.
   *  @param {number} position @param {number} step */
  facts(position, step) {
    const token = this.record.tokenAt(position, step), facts = [say("viewer.position", { position })];
    const { committed_at, settled_since, revoked } = decisionAt(this.record, position, step);
    const from = token?.carried ? "viewer.kept_before" : "viewer.given";
    const origin = committed_at ? say("viewer.at_step", { step: committed_at }) : say(from);
    if (token) facts.push(say("viewer.id", { id: token.piece.id }), origin);
    if (committed_at || token?.carried) facts.push(say("viewer.confidence_of", { share: percent(token?.confidence ?? 0) }));
    if (committed_at) facts.push(say("viewer.settled_at", { step: settled_since ?? 0 }));
    if (revoked) facts.push(say(revoked === 1 ? "viewer.back_once" : "viewer.back_times", { times: revoked }));
    const stood = stoodAt(this.record);
    if (stood !== null) facts.push(say("viewer.stood", { step: stood }));
    return facts;
  }

  /** @param {number} position @param {number} step @param {Token | undefined} token
   *  @param {((position: number, piece: Piece) => void) | undefined} take */
  alternatives(position, step, token, take) {
    const list = node("ol", "tc-alternatives");
    for (const { piece, probability } of this.record.tokenProbsAt(position, step)) {
      const row = take ? button("tc-row", "", () => take(position, piece)) : node("span", "tc-row");
      const bar = node("span", "tc-prob");
      bar.style.setProperty("--probability", String(probability));
      row.append(node("span", "tc-alt", spelled(piece)), bar, node("span", "tc-percent", percent(probability)));
      row.classList.toggle("tc-taken", token?.piece === piece);
      const item = node("li");
      item.append(row);
      list.append(item);
    }
    if (!list.children.length) list.append(node("li", "tc-none", say(token?.step === 0 ? "viewer.was_given" : "viewer.unseen")));
    return list;
  }
}

/** @param {string} name @param {string[]} facts */
function titled(name, facts) {
  const title = node("p", "tc-title");
  title.append(node("strong", "", name), node("span", "tc-facts", facts.join(" · ")));
  return title;
}

/** @param {HTMLElement} root @param {RunRecord} record
 *  @param {((position: number, piece: Piece) => void) | undefined} take
 *  @param {((at: Look) => void) | undefined} look */
export function tokenInspector(root, record, take, look) {
  return new TokenInspector(find(root, ".tc-card"), record, take, look);
}
