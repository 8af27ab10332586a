// @ts-check
// What a page says in another language: by key, and where it comes as an English sentence.

import assert from "node:assert/strict";
import { test } from "node:test";

import { say, speak, translated } from "../../lladav/viewer/static/texts.js";

const ENGLISH = {
  "said.moved": "{name} moved to {to}: {why}.",
  "said.why": "this page allows {low} to {most}",
  "said.busy": "All places are taken.",
  "settings.steps": "Steps",
};
const DUTCH = {
  "said.moved": "{name} werd {to}: {why}.",
  "said.why": "deze pagina laat {low} tot {most} toe",
  "said.busy": "Alle plaatsen zijn bezet.",
  "settings.steps": "Stappen",
  "viewer.keep": "Houd",
};

test("without a page, it is English", () => {
  assert.equal(say("viewer.keep"), "Keep");
  assert.equal(say("viewer.step_of", { step: 2, last: 8 }), "step 2 of 8");
  assert.equal(translated("All places are taken."), "All places are taken.");
});

test("sentences are recognized with what stands in them, one after the other", () => {
  speak(ENGLISH, DUTCH);
  assert.equal(say("viewer.keep"), "Houd");
  assert.equal(translated("Steps moved to 4: this page allows 1 to 4."), "Stappen werd 4: deze pagina laat 1 tot 4 toe.");
  assert.equal(
    translated("Steps moved to 4: this page allows 1 to 4. All places are taken."),
    "Stappen werd 4: deze pagina laat 1 tot 4 toe. Alle plaatsen zijn bezet.",
  );
});

test("what is no sentence of the page stays as it is", () => {
  speak(ENGLISH, DUTCH);
  const rule = "steps must be a multiple of 4. got 6";
  assert.equal(translated(rule), rule);
  assert.equal(translated(`${rule}. All places are taken.`), `${rule}. All places are taken.`);
});

test("English is spoken as it was written", () => {
  speak(ENGLISH, ENGLISH);
  assert.equal(translated("Steps moved to 4: this page allows 1 to 4."), "Steps moved to 4: this page allows 1 to 4.");
  assert.equal(say("settings.steps"), "Steps");
});
