// @ts-check
// What the lessons say, in the reader's language, with the terms of the glossary marked wherever they occur.

import { node } from "../../../viewer/static/dom.js";

/** @typedef {{term: string, forms: string[], meaning: string}} Entry */

const LANGUAGE = "lladav-language";
let described = 0;  // descriptions so far, for their ids

/** The language to begin with: the address's, the one chosen before, or the browser's. @param {string[]} known */
export function firstLanguage(known) {
  const asked = [new URLSearchParams(location.search).get("lang"), localStorage.getItem(LANGUAGE), navigator.language];
  return asked.map((one) => one?.slice(0, 2) ?? "").find((one) => known.includes(one)) ?? known[0];
}

/** @param {string} language */
export function rememberLanguage(language) {
  localStorage.setItem(LANGUAGE, language);
}

export class Texts {
  /** @param {Record<string, any>} all what the language's file holds */
  constructor(all) {
    this.all = all;
    /** @type {Map<string, Entry>} */
    this.entries = new Map();
    for (const entry of all.glossary) for (const form of entry.forms) this.entries.set(form.toLowerCase(), entry);
    const forms = [...this.entries.keys()].sort((a, b) => b.length - a.length);
    this.terms = new RegExp(`(?<![\\p{L}-])(${forms.join("|")})(?![\\p{L}-])`, "giu");
  }

  /** The text at a path such as "lessons.noise.idea", with {names} replaced.
   *  @param {string} path @param {Record<string, string | number>} [values] @returns {string} */
  at(path, values = {}) {
    const text = path.split(".").reduce((part, key) => part?.[key], /** @type {any} */ (this.all)) ?? path;
    return String(text).replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
  }

  /** Writes a text into an element, its terms marked. @template {HTMLElement} T @param {T} el @param {string} text */
  say(el, text) {
    el.replaceChildren(...text.split(this.terms).filter(Boolean).map((part) => {
      const entry = this.entries.get(part.toLowerCase());
      return entry ? this.marked(part, entry) : document.createTextNode(part);
    }));
    return el;
  }

  /** @param {string} word @param {Entry} entry */
  marked(word, entry) {
    const term = node("span", "le-term", word), meaning = node("span", "le-meaning", entry.meaning);
    meaning.id = `le-meaning-${++described}`;
    meaning.setAttribute("role", "tooltip");
    term.tabIndex = 0;
    term.setAttribute("role", "button");
    term.setAttribute("aria-describedby", meaning.id);
    term.append(meaning);
    term.addEventListener("keydown", ({ key }) => { if (key === "Escape") term.blur(); });
    return term;
  }
}
