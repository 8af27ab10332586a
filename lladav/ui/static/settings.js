// @ts-check
// Choices of settings that are under way together. The answers to them may come in any order; the last choice holds:
// behind the answer to another one it is sent once more.

/** @typedef {{choice: string, number: number, values: unknown[]}} Sent what was chosen, which choice of the panel it
 *  was, and the values that were sent for it */

export class Choices {
  /** @type {Sent} */ last = { choice: "", number: 0, values: [] };
  /** @type {Sent} that is sent once more */ missed = this.last;
  /** @type {Map<string, number>} by what was chosen, as no two of a kind are under way together; 0 is no choice of its
   *  own, so that the last one is sent once more behind its answer */ underWay = new Map();

  /** A choice is sent. @param {string} choice @param {unknown[]} values @returns {unknown[]} what is to be sent */
  asked(choice, values) {
    if (JSON.stringify(values) === JSON.stringify(this.last.values)) {  // a box that was only clicked into, or left
      if (choice !== this.last.choice) this.underWay.set(choice, 0);
    } else {
      this.last = { choice, number: this.last.number + 1, values };
      this.underWay.set(choice, this.last.number);
    }
    return values;
  }

  /** The answer to a choice is on the page. @param {string} choice @param {number?} number of what was sent once more
   *  @returns {Sent?} the last choice if it is another one: the answer to it may have been on the page before */
  answered(choice, number) {
    if ((number ?? this.underWay.get(choice)) === this.last.number) return null;
    return this.missed = this.last;
  }
}

/** @type {Map<string, Choices>} */
const panels = new Map();

/** The choices of a panel. @param {string} id of its choice of a method */
export function choicesOf(id) {
  const choices = panels.get(id) ?? new Choices();
  panels.set(id, choices);
  return choices;
}

/** @param {string} id @param {string} choice @param {unknown[]} values */
export const asked = (id, choice, values) => choicesOf(id).asked(choice, values);

/** What was sent for the last choice, which is sent once more. @param {string} id */
export const missed = (id) => choicesOf(id).missed.values;
