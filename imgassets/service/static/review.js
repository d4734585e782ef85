// The review page: one question after the other, answered by single keys.

import { Failed, nextTasks, oneTask, summary } from "./api.js";
import { Outbox, uuid } from "./outbox.js";
import { listen } from "./keys.js";
import { ahead } from "./pictures.js";
import { $, showFlags, showHistory, showProgress, showRefusals, showRest, showSaved, showTask } from "./view.js";
import { showStage, swap, toggleBoxes, toggleZoom } from "./stage.js";

const NAME = "imgassets.reviewer";
const BATCH = 8;
const LOW = 5; // Fewer questions in store than this, and more are fetched.
const PICTURES_AHEAD = 3;
const MOST_IDS = 250; // An address must not grow without end; the server knows the older ones.
const LOOK_AGAIN_MS = 20_000;
const RETRY_MS = 3000;

const address = new URLSearchParams(location.search);
const state = {
  reviewer: "",
  flag: address.get("flag") ?? "",
  current: null,
  ready: false, // The picture in question can be looked at.
  store: [], // Questions to come.
  skipped: [],
  answered: new Set(), // Their task ids: the server may not know yet.
  history: [], // Answers that stand, latest first.
  undone: new Set(), // answer_ids.
  done: 0,
  net: 0, // Answers less undos of this page.
  moves: 0, // Answers, undos and skips.
  open: null,
  flags: [],
};
let round = 0; // Replies to what was asked before a change of flag or name are dropped.
let fetching = false;
let timer = 0;
let linked = address.get("task") ?? ""; // A question that a page links to: it is asked first.

const outbox = new Outbox({ changed: showSaved, refused: showRefusals });

function show() {
  state.ready = false;
  if (state.current) {
    const task = state.current;
    showTask(task);
    showStage(task, () => {
      if (state.current === task) state.ready = true;
    });
    loadAhead();
  } else {
    showRest({ title: "Looking for more questions" });
  }
  showHistory(state.history, undo);
  showProgress(state.done, state.open);
}

function advance() {
  state.current = state.store.shift() ?? null;
  show();
  refill();
}

async function refill() {
  clearTimeout(timer);
  if (!state.reviewer || fetching || state.store.length >= LOW) return;
  fetching = true;
  const asked = round;
  const net = state.net;
  const moves = state.moves;
  let again = false;
  try {
    const batch = await nextTasks({
      reviewer: state.reviewer,
      flag: state.flag,
      limit: BATCH,
      held: here().map((task) => task.task_id),
      skip: state.skipped.map((task) => task.task_id).slice(-MOST_IDS),
      answered: [...state.answered].slice(-MOST_IDS),
    });
    if (asked !== round) return;
    // Answers given since the question was asked are not in the server's count.
    state.open = Math.max(0, batch.open - (state.net - net));
    const had = new Set([...here(), ...state.skipped].map((task) => task.task_id));
    state.store.push(...batch.tasks.filter(({ task_id }) => !had.has(task_id) && !state.answered.has(task_id)));
    // What came may all have been answered or skipped meanwhile.
    again = here().length === 0 && moves !== state.moves;
    if (!state.current && !again) await startOrRest();
    else loadAhead();
    showProgress(state.done, state.open);
  } catch (error) {
    if (asked === round) trouble(error);
  } finally {
    fetching = false;
    if (again || asked !== round) refill();
  }
}

function here() {
  return [state.current, ...state.store].filter(Boolean);
}

function loadAhead() {
  for (const next of state.store.slice(0, PICTURES_AHEAD)) {
    ahead(next.image_id);
    if (next.other_image_id) ahead(next.other_image_id);
  }
}

async function startOrRest() {
  if (state.store.length) {
    state.current = state.store.shift();
    show();
    return;
  }
  await catchUp();
  if (state.current) return;
  const elsewhere = state.flags.filter(({ flag }) => flag !== state.flag);
  const left = state.skipped.length;
  showRest({
    title: left ? "Only skipped questions are left" : state.done ? "All done, thank you" : "Nothing to review",
    text: left
      ? "You skipped them; they stay open."
      : state.done
        ? `You answered ${state.done} ${state.done === 1 ? "question" : "questions"}. Nothing else is open to you${state.flag ? " for this flag" : ""}.`
        : `No question is open to you${state.flag ? " for this flag" : ""}.`,
    how: left === 0,
    skipped: left,
    flags: state.flag ? elsewhere : [],
    canUndo: state.history.length > 0,
  });
  timer = setTimeout(refill, LOOK_AGAIN_MS);
}

function trouble(error) {
  if (error instanceof Failed && error.status === 422) {
    if (state.flag && !/^[a-z][a-z0-9_]{0,59}$/.test(state.flag)) chooseFlag("");
    else askName("The server does not accept this name.");
    return;
  }
  if (!state.current) {
    showRest({ title: "The server does not answer", text: `Trying again. (${error.message})` });
  }
  timer = setTimeout(refill, RETRY_MS);
}

/** Learn from the server what this reviewer said before, and which flags have questions. */
async function catchUp() {
  const asked = round;
  try {
    const found = await summary(state.reviewer);
    if (asked !== round) return;
    state.flags = found.flags;
    const had = new Set(state.history.map((entry) => entry.answer_id));
    state.history.push(...found.latest.filter(({ answer_id }) => !had.has(answer_id) && !state.undone.has(answer_id)));
    showFlags(state.flags, state.flag);
    showHistory(state.history, undo);
  } catch {
    // The page works without it; the next question's request says what is wrong.
  }
}

function answer(choice) {
  const task = state.current;
  if (!task || !state.ready) return;
  const entry = {
    answer_id: uuid(), task_id: task.task_id, image_id: task.image_id, flag_title: task.flag_title,
    answer: choice, task,
  };
  outbox.add({
    kind: "answer",
    reviewer: state.reviewer,
    body: { answer_id: entry.answer_id, task_id: task.task_id, answer: choice, answered_at: new Date().toISOString() },
  });
  state.history.unshift(entry);
  state.answered.add(task.task_id);
  count(1);
  advance();
}

function skip() {
  if (!state.current) return;
  state.skipped.push(state.current);
  state.moves += 1;
  advance();
}

async function undo(entry = state.history[0]) {
  if (!entry) return;
  state.history = state.history.filter((other) => other !== entry);
  state.undone.add(entry.answer_id);
  state.answered.delete(entry.task_id);
  outbox.add({
    kind: "undo",
    reviewer: state.reviewer,
    body: { answer_id: entry.answer_id, undone_at: new Date().toISOString() },
  });
  count(-1);
  const asked = round;
  const task = entry.task ?? (await oneTask(entry.task_id).catch(() => null));
  if (!task || asked !== round) return refill();
  state.store = here().filter((other) => other.task_id !== task.task_id);
  state.skipped = state.skipped.filter((other) => other.task_id !== task.task_id);
  state.current = task;
  show();
}

function count(change) {
  state.done = Math.max(0, state.done + change);
  state.net += change;
  state.moves += 1;
  if (state.open !== null) state.open = Math.max(0, state.open - change);
}

/** Begin anew, for another flag or name. */
function restart() {
  round += 1;
  Object.assign(state, { current: null, store: [], skipped: [], open: null });
  showRest({ title: "Looking for questions" });
  if (linked) askLinked();
  else refill();
}

async function askLinked() {
  const asked = round;
  const taskId = linked;
  linked = "";
  const task = /^[0-9a-f]{16}$/.test(taskId) ? await oneTask(taskId).catch(() => null) : null;
  if (asked !== round) return;
  if (task) {
    state.current = task;
    show();
  }
  refill();
}

function chooseFlag(flag) {
  state.flag = flag;
  history.replaceState(null, "", flag ? `?flag=${encodeURIComponent(flag)}` : location.pathname);
  showFlags(state.flags, flag);
  restart();
}

function askName(problem = "") {
  $("name").value = state.reviewer;
  $("name-problem").textContent = problem;
  if (!$("who").open) $("who").showModal();
  $("name").select();
}

/** The name as the server will read it, or null where it will not. */
function validName(text) {
  const name = text.normalize("NFC").trim();
  return name && [...name].length <= $("name").maxLength && !/[\p{C}\p{Zl}\p{Zp}]/u.test(name) ? name : null;
}

function chooseName(name) {
  state.reviewer = name;
  try {
    localStorage.setItem(NAME, name);
  } catch {
    // Asked again next time.
  }
  $("reviewer").textContent = name;
  Object.assign(state, { history: [], done: 0, answered: new Set(waitingTasks()) });
  restart();
  catchUp();
}

function waitingTasks() {
  const waiting = outbox.items();
  const undone = new Set(waiting.filter((item) => item.kind === "undo").map((item) => item.body.answer_id));
  return waiting
    .filter((item) => item.kind === "answer" && !undone.has(item.body.answer_id))
    .map((item) => item.body.task_id);
}

listen(toggleZoom, swap);
$("answers").addEventListener("click", (event) => {
  const button = event.target.closest("[data-answer]");
  if (!button) return;
  if (event.detail) button.blur(); // A mouse's: the space bar is to skip, not to press it again.
  answer(button.dataset.answer);
});
$("skip").addEventListener("click", (event) => {
  if (event.detail) $("skip").blur();
  skip();
});
for (const id of ["undo", "rest-undo"]) {
  $(id).addEventListener("click", (event) => {
    if (event.detail) $(id).blur();
    undo();
  });
}
$("stage").addEventListener("click", (event) => toggleZoom(event.target));
$("zoomed").addEventListener("click", () => toggleZoom());
for (const [id, toggle] of [["boxes", toggleBoxes], ["swap", swap]]) {
  $(id).addEventListener("click", (event) => {
    if (event.detail) $(id).blur();
    toggle();
  });
}
$("keys").addEventListener("click", () => $("help").showModal());
$("reviewer").addEventListener("click", () => askName());
$("flag").addEventListener("change", () => {
  chooseFlag($("flag").value);
  $("flag").blur();
});
$("rest-skipped").addEventListener("click", () => {
  state.store.push(...state.skipped.splice(0));
  advance();
});
$("notice").querySelector("button").addEventListener("click", () => {
  outbox.forget();
  showRefusals([]);
});
$("who").querySelector("form").addEventListener("submit", (event) => {
  const name = validName($("name").value);
  if (!name) {
    event.preventDefault();
    $("name-problem").textContent = "Use 1 to 60 printable characters.";
  } else if (name !== state.reviewer) chooseName(name);
});
$("who").addEventListener("cancel", (event) => {
  if (!state.reviewer) event.preventDefault();
});
addEventListener("beforeunload", (event) => {
  if (outbox.items().length) event.preventDefault();
});

showRefusals(outbox.refusals());
outbox.send();
const name = validName(address.get("reviewer") ?? "") ?? validName(localStorage.getItem(NAME) ?? "");
if (name) chooseName(name);
else askName();
