(() => {
  "use strict";
  const get = (id) => document.getElementById(id);
  const form = document.querySelector(".filters");
  const cards = [...document.querySelectorAll(".card")];
  const sections = [...document.querySelectorAll(".category")];
  const [text, category, status, changed] =
    ["f-text", "f-category", "f-status", "f-changed"].map(get);

  const apply = () => {
    const terms = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const card of cards) {
      const keep =
        (!category.value || card.dataset.category === category.value) &&
        (!status.value || card.dataset.status === status.value) &&
        (!changed.checked || card.dataset.status === "changed") &&
        terms.every((term) => card.dataset.text.includes(term));
      card.hidden = !keep;
      shown += keep;
    }
    for (const section of sections) {
      const left = section.querySelectorAll(".card:not([hidden])").length;
      section.hidden = left === 0;
      section.querySelector("h2 .count").textContent = left;
    }
    const all = shown === cards.length;
    get("f-count").textContent = all ? `${shown} products` : `${shown} of ${cards.length} products`;
    get("f-none").hidden = shown > 0 || cards.length === 0;
  };

  // Over a tile that differs from another, or at its button, the other shows the same place.
  for (const button of document.querySelectorAll(".differs")) {
    const tile = button.closest("[data-rank]");
    const echoes = tile.parentElement.querySelectorAll(`[data-of="${tile.dataset.rank}"]`);
    const show = (shown) => () => echoes.forEach((box) => { box.hidden = !shown; });
    for (const entered of ["mouseenter", "focusin"]) tile.addEventListener(entered, show(true));
    for (const left of ["mouseleave", "focusout"]) tile.addEventListener(left, show(false));
  }

  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
})();
