// What the page shows. Text from outside is only ever set as text, never as markup.

import { small } from "./pictures.js";

export const $ = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(share > 0.0995 && share < 0.9905 ? 0 : 1)} %`;
const YES_NO = ["yes", "no"];
const NUMBERS = [..."123456789"];

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

/** What a question's product is called. */
export const nameOf = ({ product }) => product.title ?? product.product_id;

/** Show one question, but for its pictures. */
export function showTask(task) {
  $("rest").hidden = true;
  $("desk").hidden = false;
  $("question").textContent = task.question;
  $("desk").classList.toggle("typed", task.choices !== null);
  showAnswers(task.choices);
  $("product-title").textContent = nameOf(task);
  const suppliers = task.product.suppliers.join(", ");
  const sizes = [
    [task.width, task.height],
    [task.other_width, task.other_height],
  ]
    .filter(([width]) => width)
    .map(([width, height]) => `${width} × ${height} px`)
    .join(" and ");
  $("product-facts").textContent = [task.product.product_id, words(task.product.category), suppliers && `from ${suppliers}`, sizes]
    .filter(Boolean)
    .join(" · ");
  showWhy(task);
  fill("neighbours", task.neighbours.map(neighbourTile));
  fill(
    "others",
    task.product.other_images.map((id, place) => tile(small(id, 160, `Other image ${place + 1} of the product`))),
  );
  scrollTo(0, 0);
}

/** Offer a question's choices; without any of its own, yes and no. */
function showAnswers(choices) {
  const shown = JSON.stringify(choices);
  if ($("answers").dataset.choices === shown) return; // What has the focus keeps it.
  $("answers").dataset.choices = shown;
  for (const button of $("answers").querySelectorAll("[data-answer]")) button.remove();
  const buttons = (choices ?? YES_NO).map((choice, place) =>
    answerButton(choice, choices ? NUMBERS[place] : choice[0], choices ? "choice" : choice),
  );
  $("answers").prepend(...buttons, answerButton("unsure", "u", "unsure"));
}

function answerButton(answer, key, kind) {
  const button = element("button", words(answer), `answer ${kind}`);
  button.type = "button";
  button.dataset.answer = answer;
  if (answer === "none") button.title = "It shows no view of the product";
  if (key) {
    button.dataset.key = key;
    button.setAttribute("aria-keyshortcuts", key);
    button.append(" ", element("kbd", key));
  }
  return button;
}

function showWhy(task) {
  $("why").textContent = task.why;
  const asked = task.probability !== null;
  $("model").hidden = !asked && !task.model_version;
  $("probability").hidden = !asked;
  if (asked) {
    const what = task.choices ? "its best guess" : "yes";
    $("probability").setAttribute("aria-label", `The model's probability of ${what}, in percent`);
    $("probability").setAttribute("aria-valuenow", (100 * task.probability).toFixed(1));
    $("probability").firstElementChild.style.width = `${100 * task.probability}%`;
  }
  $("probability-text").textContent = [
    asked && `${percent(task.probability)} ${task.choices ? (task.guess ?? "for its best guess") : "yes"}`,
    task.model_version && `model ${task.model_version}`,
    task.round > 0 && `round ${task.round}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

function neighbourTile({ image_id, verdict, by, probability }) {
  const source = by === "people" ? "people" : by === "model" ? `model${probability === null ? "" : ` ${percent(probability)}`}` : "nobody yet";
  const made = tile(small(image_id, 160, `Near image, ${verdict} by ${source}`), `said-${verdict}`);
  made.append(element("span", words(verdict), "said"), element("span", source, "by"));
  return made;
}

function tile(picture, className = "") {
  const made = element("li", "", className);
  made.append(picture);
  return made;
}

function fill(section, tiles) {
  $(section).hidden = tiles.length === 0;
  $(section).querySelector("ul").replaceChildren(...tiles);
}

/** Show the latest answers; `undo(entry)` is called by their buttons. */
export function showHistory(entries, undo) {
  $("history").hidden = entries.length === 0;
  $("undo").disabled = entries.length === 0;
  $("history")
    .querySelector("ol")
    .replaceChildren(
      ...entries.slice(0, 6).map((entry) => {
        const line = element("li");
        const button = element("button", "Undo", "quiet");
        button.type = "button";
        button.setAttribute("aria-label", `Undo: ${words(entry.answer)}, ${entry.flag_title}`);
        button.addEventListener("click", () => undo(entry));
        line.append(
          small(entry.image_id, 160, ""),
          element("strong", words(entry.answer), `said-${entry.answer}`),
          element("span", entry.flag_title),
          button,
        );
        return line;
      }),
    );
}

/** Show a text instead of a question: `{ title, text, how, skipped, flags, canUndo }`. */
export function showRest({ title, text = "", how = false, skipped = 0, flags = [], canUndo = false }) {
  $("desk").hidden = true;
  $("rest").hidden = false;
  $("rest-title").textContent = title;
  $("rest-text").textContent = text;
  $("rest-how").hidden = !how;
  $("rest-skipped").hidden = skipped === 0;
  $("rest-skipped").textContent = skipped === 1 ? "Show the skipped one again" : `Show the ${skipped} skipped again`;
  $("rest-undo").hidden = !canUndo;
  $("rest-flags").replaceChildren(
    ...flags.map(({ flag, title: name, open }) => {
      const link = element("a", `${name} `);
      link.href = `?flag=${encodeURIComponent(flag)}`;
      link.append(element("span", String(open), "count"));
      const line = element("li");
      line.append(link);
      return line;
    }),
  );
}

export function showProgress(done, open) {
  $("done").textContent = done.toLocaleString("en");
  $("open").textContent = open === null ? "–" : open.toLocaleString("en");
}

/** Say whether every answer is confirmed. */
export function showSaved({ waiting, failing }) {
  const text = waiting === 0 ? "All saved" : `Not saved yet (${waiting})${failing ? ", trying again" : ""}`;
  if ($("saved").textContent !== text) $("saved").textContent = text;
  $("saved").classList.toggle("waiting", waiting > 0);
  $("saved").classList.toggle("failing", waiting > 0 && failing);
}

/** Say what the server refused to keep. */
export function showRefusals(details) {
  $("notice").hidden = details.length === 0;
  const kept = details.length === 1 ? "One answer could not be kept" : `${details.length} answers could not be kept`;
  $("notice").querySelector("p").textContent = `${kept}: ${details.at(-1) ?? ""}.`;
}

/** Offer the flags that have open questions, and the chosen one. */
export function showFlags(flags, chosen) {
  const listed = flags.some(({ flag }) => flag === chosen) || !chosen ? flags : [...flags, { flag: chosen, title: words(chosen), open: 0 }];
  $("flag").replaceChildren(
    new Option("All questions", ""),
    ...listed.map(({ flag, title, open }) => new Option(`${title} (${open})`, flag)),
  );
  $("flag").value = chosen;
}

function words(slug) {
  const text = slug.replaceAll(/[_-]/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
