// @ts-check
// Requests of the lessons and their answers: from the model, or recorded where nothing can be run.

const PATIENCE = 8000;  // milliseconds until the first sign of an answer
const HEALTH = "health";

/** @typedef {Record<string, any>} Reply */
/** @typedef {{reply: Reply, live: boolean, why: string}} Answer */
/** @typedef {{id: number, lesson: string, name: string, values: object, show: (reply: Reply) => void,
 *             resolve: (answer: Answer) => void}} Waiting */

export class Mail {
  /** @param {(name: string, detail: object) => void} trigger @param {string} recorded address of the folder
   *  @param {number} places how many runs the server has places for */
  constructor(trigger, recorded, places) {
    this.trigger = trigger;
    this.folder = recorded;
    this.places = places;
    /** @type {Map<string, Promise<Record<string, Reply>>>} */
    this.files = new Map();
    /** @type {Waiting | null} */
    this.waiting = null;
    this.last = this.timer = 0;
    this.sent = 0;  // the request that the server works at: the next one waits for it
  }

  /** All recorded replies of a lesson, by the name of the request. @param {string} lesson */
  recorded(lesson) {
    const file = this.files.get(lesson) ?? fetch(`${this.folder}/${lesson}.json`).then((answer) => answer.json());
    this.files.set(lesson, file);
    return file;
  }

  /** Whether every place for runs is taken. */
  async isFull() {
    try {
      const { running } = await (await fetch(HEALTH)).json();
      return running >= this.places;
    } catch {
      return false;  // the server will say so itself
    }
  }

  /** Asks for a lesson's request; whatever was asked before and is not answered yet is of no interest any more.
   *  @param {string} lesson @param {string} name @param {object} values @param {(reply: Reply) => void} show
   *  takes the answer while it grows @returns {Promise<Answer>} */
  async ask(lesson, name, values, show) {
    const id = ++this.last;
    clearTimeout(this.timer);
    this.waiting = null;
    const full = await this.isFull();
    if (id !== this.last) return new Promise(() => {});
    if (full) return this.fallBack(lesson, name, "busy");
    return new Promise((resolve) => {
      this.waiting = { id, lesson, name, values, show, resolve };
      this.timer = setTimeout(() => this.giveUp("slow"), PATIENCE);
      if (!this.sent) this.send();
    });
  }

  send() {
    if (!this.waiting) return;
    const { id, name, values } = this.waiting;
    this.sent = id;
    this.trigger("ask", { id, request: { name, ...values } });
  }

  /** @param {{id: number, reply?: Reply, refused?: string, failed?: string, done?: boolean}} letter */
  deliver({ id, reply, refused, failed, done }) {
    const { waiting } = this;
    if (done && id === this.sent) this.sent = 0;
    if (waiting?.id !== id) {
      if (!this.sent) this.send();
      return;
    }
    clearTimeout(this.timer);
    if (failed) this.giveUp("failed");
    else if (refused) waiting.resolve({ reply: {}, live: true, why: refused });
    else if (reply && done) waiting.resolve({ reply, live: true, why: "" });
    else if (reply) waiting.show(reply);
    if (done) this.waiting = null;
  }

  /** @param {string} why */
  giveUp(why) {
    const { waiting } = this;
    this.waiting = null;
    this.sent = 0;
    if (waiting) void this.fallBack(waiting.lesson, waiting.name, why).then(waiting.resolve);
  }

  /** What was recorded, of another request of the lesson where this one was not foreseen.
   *  @param {string} lesson @param {string} name @param {string} why @returns {Promise<Answer>} */
  async fallBack(lesson, name, why) {
    const recorded = await this.recorded(lesson);
    const known = name in recorded ? name : Object.keys(recorded).at(-1) ?? "";
    return { reply: recorded[known], live: false, why };
  }
}
