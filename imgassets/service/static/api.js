// The review API. Every call ends: with an answer, or with an error after a deadline.

const BASE = "/api/review";
const READ_MS = 15_000;
const WRITE_MS = 30_000;

/** A reply that is no success. */
export class Failed extends Error {
  constructor(status, body) {
    super(body?.detail ?? `status ${status}`);
    this.status = status;
    this.body = body;
  }
}

async function call(path, options, deadline) {
  const reply = await fetch(BASE + path, { ...options, cache: "no-store", signal: AbortSignal.timeout(deadline) });
  const body = await reply.json().catch(() => null);
  if (!reply.ok || body === null) throw new Failed(reply.status, body);
  return body;
}

function query(values) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of [value].flat()) if (one !== "") search.append(name, one);
  }
  return `?${search}`;
}

export const nextTasks = (values) => call("/tasks" + query(values), {}, READ_MS);
export const oneTask = (taskId) => call(`/tasks/${taskId}`, {}, READ_MS);
export const summary = (reviewer) => call("/summary" + query({ reviewer }), {}, READ_MS);
export const post = (path, body) =>
  call(
    path,
    { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) },
    WRITE_MS,
  );
