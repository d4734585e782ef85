// The picture in question, or the two of a pair with boxes around what differs most.

import { ahead } from "./pictures.js";
import { $, nameOf } from "./view.js";

const SVG = "http://www.w3.org/2000/svg";

/** Show a question's picture or pictures; `seen` is called when all can be looked at. */
export function showStage(task, seen) {
  const name = nameOf(task);
  const shown = task.other_image_id
    ? [
        frame(task.image_id, `First picture in question: ${name}`, task.image_box),
        frame(task.other_image_id, `Second picture in question: ${name}`, task.other_box),
      ]
    : [frame(task.image_id, `Image in question: ${name}`, null)];
  $("stage").replaceChildren(...shown);
  $("stage").classList.toggle("two", shown.length > 1);
  $("pair").hidden = shown.length === 1;
  setSwapped(false);
  const pictures = shown.map((one) => one.firstElementChild);
  const show = () => {
    if (shown.some((one) => one.parentElement !== $("stage"))) return; // Another question's turn.
    const ready = pictures.every((picture) => picture.seen);
    $("stage").classList.toggle("coming", !ready);
    if (!ready) return;
    shown.forEach(addBox);
    seen();
  };
  for (const picture of pictures) {
    if (!picture.seen) picture.addEventListener("seen", show, { once: true });
  }
  show();
}

function frame(imageId, alt, box) {
  const shown = document.createElement("span");
  const picture = ahead(imageId);
  picture.alt = alt;
  shown.className = "shown";
  shown.place = box;
  shown.append(picture);
  return shown;
}

/** Draw a frame's box over its picture: in the picture's own pixels, fitted into the frame as it is. */
function addBox(shown) {
  if (!shown.place) return;
  const { naturalWidth: width, naturalHeight: height } = shown.firstElementChild;
  const [top, left, tall, wide] = shown.place;
  const drawn = document.createElementNS(SVG, "svg");
  drawn.setAttribute("class", "box");
  drawn.setAttribute("viewBox", `0 0 ${width} ${height}`);
  drawn.setAttribute("aria-hidden", "true");
  for (const kind of ["halo", "line"]) {
    const line = document.createElementNS(SVG, "rect");
    const values = { class: kind, x: left * width, y: top * height, width: wide * width, height: tall * height };
    for (const [key, value] of Object.entries(values)) line.setAttribute(key, value);
    drawn.append(line);
  }
  shown.append(drawn);
}

/** Show both pictures in each other's place, or back; by default the other way than now. */
export function swap(on = !isSwapped()) {
  if ($("stage").children.length < 2 || on === isSwapped()) return;
  for (const place of [$("stage"), $("zoomed")]) {
    if (place.children.length > 1) place.prepend(place.lastElementChild);
  }
  setSwapped(on);
}

function isSwapped() {
  return $("swap").getAttribute("aria-pressed") === "true";
}

function setSwapped(on) {
  $("swap").setAttribute("aria-pressed", on);
}

/** Hide the boxes of this and all further questions, or show them again. */
export function toggleBoxes() {
  const hidden = document.body.classList.toggle("unboxed");
  $("boxes").setAttribute("aria-pressed", !hidden);
}

/** Show a picture in question at its full size, the one that was clicked or the first; or close it. */
export function toggleZoom(clicked = null) {
  if ($("zoomed").open) {
    $("zoomed").close();
    return;
  }
  const frames = [...$("stage").children];
  if (!frames.length || !frames.every((one) => one.firstElementChild.seen)) return;
  const first = Math.max(0, frames.indexOf(clicked?.closest(".shown")));
  // The second one waits behind the first: a swap brings it to the front.
  const order = [frames[first], ...frames.filter((_, place) => place !== first)];
  $("zoomed").replaceChildren(...order.map((one) => one.cloneNode(true)));
  $("zoomed").showModal();
}
