// @ts-check
// The language of the page: the one in its address, the one chosen before, or the browser's.

import { speak } from "../../viewer/static/texts.js";
import { firstLanguage } from "./lessons/texts.js";

/** Lets painters and Gradio speak the visitor's language. Gradio has the texts of all languages in its configuration,
 *  and knows the browser's language alone, which it reads once this script has run. */
export function speakVisitorsLanguage() {
  /** @type {Record<string, Record<string, string>>} */
  const { en, ...others } = /** @type {any} */ (window).gradio_config?.i18n_translations ?? { en: {} };
  const language = firstLanguage(["en", ...Object.keys(others)]);
  speak(en, others[language] ?? en);
  if (!navigator.language.startsWith(language)) Object.defineProperty(navigator, "language", { value: language });
}
