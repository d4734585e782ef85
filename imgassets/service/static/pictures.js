// Pictures by image id. A large one is loaded once, ahead of its question, and kept as an element.

const LARGE = 1200;
const KEPT = 16;
const RETRY_MS = 2000;

const large = new Map();

export const address = (imageId, side) => `/images/${imageId}/${side}`;

/** A small picture that is loaded when it comes into view. */
export function small(imageId, side, alt) {
  const picture = new Image();
  Object.assign(picture, { alt, width: side, height: side, loading: "lazy", decoding: "async" });
  picture.src = address(imageId, side);
  return picture;
}

/** The large picture's element. `picture.seen` once it can be looked at; fires "seen". */
export function ahead(imageId) {
  let picture = large.get(imageId);
  if (!picture) {
    picture = new Image();
    picture.addEventListener("load", () => {
      picture.seen = true;
      picture.dispatchEvent(new Event("seen"));
    });
    // A missing image comes as a placeholder, so an error is a server that does not answer.
    picture.addEventListener("error", () => setTimeout(() => load(picture, imageId), RETRY_MS));
    load(picture, imageId);
  }
  large.delete(imageId); // The one used last is dropped last.
  large.set(imageId, picture);
  if (large.size > KEPT) large.delete(large.keys().next().value);
  return picture;
}

function load(picture, imageId) {
  picture.src = address(imageId, LARGE);
}
