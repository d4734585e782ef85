// Answers and undos on their way to the server. Each is kept in localStorage, under a key of its
// own, from the key press until the server has confirmed it; a reload, another tab or a server that
// was down for a while change nothing. Sending twice is harmless: the server keeps each once.

import { Failed, post } from "./api.js";

const PREFIX = "imgassets.outbox.";
const REFUSED = "imgassets.refused.";
const BATCH = 20;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 20_000;

/** An id that nobody else makes; crypto.randomUUID exists on https and localhost alone. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export class Outbox {
  #memory = new Map(); // Where localStorage is full.
  #sending = false;
  #failures = 0;
  #alone = false;
  #lastTime = 0;
  #wake = () => {};

  /** `changed({ waiting, failing })` after every change, `refused(details)` when an item is. */
  constructor({ changed, refused }) {
    this.changed = changed;
    this.refused = refused;
    addEventListener("online", () => this.#wake());
    addEventListener("storage", () => this.#report());
  }

  /** What is not confirmed yet, oldest first. */
  items() {
    const stored = Object.keys(localStorage)
      .filter((key) => key.startsWith(PREFIX))
      .map((key) => [key, localStorage.getItem(key)])
      .filter(([, text]) => text !== null)
      .map(([key, text]) => ({ key, ...JSON.parse(text) }));
    const kept = [...this.#memory].map(([key, item]) => ({ key, ...item }));
    return [...stored, ...kept].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Keep an item `{ kind: "answer" | "undo", reviewer, body }` and begin to send it. */
  add(item) {
    // Keys sort in the order of adding, even if the clock is set back.
    this.#lastTime = Math.max(Date.now(), this.#lastTime + 1, newest(this.items()) + 1);
    const key = `${PREFIX}${String(this.#lastTime).padStart(15, "0")}.${uuid()}`;
    try {
      localStorage.setItem(key, JSON.stringify(item));
    } catch {
      this.#memory.set(key, item);
    }
    this.#report();
    this.send();
  }

  /** Send until nothing waits; a second call while the first runs does nothing. */
  async send() {
    this.#report();
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (let batch = this.#next(); batch.length; batch = this.#next()) {
        if (await this.#deliver(batch)) {
          this.#failures = 0;
        } else {
          this.#failures += 1;
          this.#report();
          await this.#pause();
        }
        this.#report();
      }
    } finally {
      this.#sending = false;
    }
  }

  /** Details of what the server refused to keep, until `forget` is called. */
  refusals() {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(REFUSED))
      .map((key) => JSON.parse(localStorage.getItem(key)).detail);
  }

  forget() {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(REFUSED)) localStorage.removeItem(key);
    }
  }

  /** The next items that one request can take: one undo, or answers of one reviewer. */
  #next() {
    const [first, ...rest] = this.items();
    if (!first) return [];
    // After a refused batch one by one, so that the others do not suffer for one.
    if (first.kind === "undo" || this.#alone) return [first];
    const other = rest.findIndex((item) => item.kind !== "answer" || item.reviewer !== first.reviewer);
    return [first, ...(other < 0 ? rest : rest.slice(0, other))].slice(0, BATCH);
  }

  /** Send one batch; true when each of its items is confirmed or refused. */
  async #deliver(batch) {
    const { kind, reviewer } = batch[0];
    try {
      if (kind === "undo") {
        await post("/undo", { reviewer, ...batch[0].body });
        this.#remove(batch);
      } else {
        const { saved } = await post("/answers", { reviewer, answers: batch.map((item) => item.body) });
        this.#remove(batch.filter((item) => saved.includes(item.body.answer_id)));
      }
      this.#alone = false;
      return true;
    } catch (error) {
      return error instanceof Failed && this.#settle(batch, error);
    }
  }

  /** Take a failure in; false where trying again later may help. */
  #settle(batch, { status, body, message }) {
    if ((status === 404 || status === 409) && body?.refused) {
      this.#remove(batch.filter((item) => body.saved.includes(item.body.answer_id)));
      for (const { id, detail } of body.refused) {
        this.#refuse(batch.filter((item) => item.body.answer_id === id), detail);
      }
      return true;
    }
    if (status !== 422) return false;
    if (batch.length > 1) this.#alone = true;
    else this.#refuse(batch, `the server does not understand it (${JSON.stringify(body?.detail ?? message)})`);
    return true;
  }

  #refuse(items, detail) {
    this.#remove(items); // First: this makes the room.
    for (const { key, ...item } of items) {
      localStorage.setItem(key.replace(PREFIX, REFUSED), JSON.stringify({ ...item, detail }));
    }
    if (items.length) this.refused(this.refusals());
  }

  #remove(items) {
    for (const { key } of items) {
      localStorage.removeItem(key);
      this.#memory.delete(key);
    }
  }

  #report() {
    this.changed({ waiting: this.items().length, failing: this.#failures > 0 });
  }

  #pause() {
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#failures - 1));
    return new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, delay * (0.75 + Math.random() / 2));
    });
  }
}

function newest(items) {
  return items.length ? Number(items.at(-1).key.slice(PREFIX.length, PREFIX.length + 15)) : 0;
}
