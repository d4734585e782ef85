// Single keys press the page's buttons.

import { $ } from "./view.js";

const PRESSED_MS = 140;
const BY_PLACE = { KeyY: "y", KeyN: "n", KeyU: "u", KeyZ: "z", KeyB: "b", KeyX: "x" };

/** The key by what is on it; by its place, where the layout has no Latin letters or shifts digits. */
function meant(event) {
  const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
  if (digit && !event.shiftKey) return digit;
  return event.key.length === 1 && event.key > "~" ? BY_PLACE[event.code] : event.key.toLowerCase();
}

/** Press a button, if there is one, and let it be seen. */
function press(button) {
  if ($("zoomed").open) $("zoomed").close();
  if (!button || button.disabled) return;
  button.classList.add("pressed");
  setTimeout(() => button.classList.remove("pressed"), PRESSED_MS);
  button.click();
}

/** Listen for the keys of the whole page: `zoom` looks closer, and back; `swap(on)` while x is held. */
export function listen(zoom, swap) {
  const answers = [..."ynu123456789"].map((key) => [key, () => press(document.querySelector(`[data-key="${key}"]`))]);
  const keys = {
    ...Object.fromEntries(answers),
    arrowright: () => press($("skip")),
    " ": () => press($("skip")),
    arrowleft: () => press($("undo")),
    backspace: () => press($("undo")),
    z: zoom,
    b: () => $("pair").hidden || $("boxes").click(),
    x: () => swap(true),
    "?": () => ($("help").open ? $("help").close() : $("help").showModal()),
  };
  document.addEventListener("keydown", (event) => {
    // A key that is held down would answer question after question, unseen.
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if ($("who").open || event.target.closest("input, select")) return;
    const key = meant(event);
    if (!(key in keys) || ($("help").open && key !== "?")) return;
    if (key === " " && event.target.closest("button, a")) return; // It presses what has the focus.
    event.preventDefault();
    keys[key]();
  });
  document.addEventListener("keyup", (event) => {
    if (meant(event) === "x") swap(false);
  });
  addEventListener("blur", () => swap(false)); // The key may be let go where nobody tells the page.
}
