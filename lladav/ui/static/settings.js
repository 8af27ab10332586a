// @ts-check
// Choices of settings that are under way together. The answers to them may come in any order; the last choice holds:
// behind the answer to another one it is sent once more.

/** @type {Map<string, {rule: string, values: unknown[]}>} the last choice: by which rule the settings follow it, and
 *  what was sent, by the id of a panel's choice of a method */
const chosen = new Map();

/** What is to be sent to the server for a choice. @param {string} id @param {unknown[]} values of the settings
 *  @param {string?} rule null where the last choice is sent once more, as it was @returns {unknown[]} */
export function asked(id, values, rule) {
  if (rule) chosen.set(id, { rule, values });
  return chosen.get(id)?.values ?? values;
}

/** @param {string} id */
export const lastRule = (id) => chosen.get(id)?.rule;
