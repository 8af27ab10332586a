// @ts-check
// What is written on a canvas and around it, by key: in English, unless a page hands over another language.

import own from "./english.json" with { type: "json" };

/** @typedef {Record<string, string>} Texts by key, such as "viewer.keep" */

const NAMES = /\{(\w+)\}/g;
const RECORDED = /^(said|viewer\.did_)/;  // keys of the sentences that come as English text: of servers and of records

/** @type {Texts} */
let english = own;
/** @type {Texts} */
let spoken = own;
/** What is recognized: an English sentence as a pattern, and its key. @type {[RegExp, string][]} */
let patterns = [];
/** @type {Map<string, string>} */
let keys = new Map();

/** Hands over a language. @param {Texts} source what is said in English beside the texts of this folder
 *  @param {Texts} target the same and these texts in the language; `source` itself for English */
export function speak(source, target) {
  english = { ...own, ...source };
  spoken = target === source ? english : { ...english, ...target };
  keys = new Map(Object.entries(english).map(([key, text]) => [text, key]));
  const plain = (/** @type {string} */ key) => english[key].replace(NAMES, "").length;
  const named = Object.keys(english).filter((key) => RECORDED.test(key) && english[key].search(NAMES) >= 0);
  patterns = named.sort((a, b) => plain(b) - plain(a)).map((key) => [patternOf(english[key]), key]);
}

/** @param {string} text @returns {RegExp} */
function patternOf(text) {
  const parts = text.split(NAMES).map((part, at) => at % 2 ? `(?<${part}>.+?)` : part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join("")}$`, "s");
}

/** @param {string} text @param {Record<string, string | number>} values */
function filled(text, values) {
  return text.replace(NAMES, (whole, name) => String(values[name] ?? whole));
}

/** The text with a key, with {names} replaced. @param {string} key @param {Record<string, string | number>} [values] */
export function say(key, values = {}) {
  return filled(spoken[key] ?? key, values);
}

/** The same in English, for what is kept in a record. @param {string} key @param {Record<string, string | number>} [values] */
export function recorded(key, values = {}) {
  return filled(english[key], values);
}

/** A sentence of ours as a whole, in the page's language, and what stands in it likewise; null for any other.
 *  @param {string} sentence @returns {string | null} */
function recognized(sentence) {
  const key = keys.get(sentence);
  if (key !== undefined) return spoken[key];
  for (const [pattern, name] of patterns) {
    const { groups } = pattern.exec(sentence) ?? {};
    if (groups) {
      const values = Object.entries(groups).map(([part, value]) => [part, translated(value)]);
      return filled(spoken[name], Object.fromEntries(values));
    }
  }
  return null;
}

/** English text that a server or a record has made of sentences of ours, in the page's language; what is none stays.
 *  @param {string} text @returns {string} */
export function translated(text) {
  if (spoken === english) return text;
  for (const { index } of text.matchAll(/[.?!] /g)) {
    const first = recognized(text.slice(0, index + 1));
    if (first !== null) return `${first} ${translated(text.slice(index + 2))}`;
  }
  return recognized(text) ?? text;
}

/** Writes the texts whose keys stand in a markup: data-say for what an element says, data-say-title for its title, and so
 *  on for other attributes. @param {HTMLElement} root */
export function label(root) {
  for (const el of [root, .../** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("*"))])
    for (const { name, value } of [...el.attributes]) {
      if (name === "data-say") el.textContent = say(value);
      else if (name.startsWith("data-say-")) el.setAttribute(name.slice("data-say-".length), say(value));
    }
}
