"use strict";
// Shows the tables and views that have all the words, and of these the columns that have one.
(() => {
  const search = document.getElementById("search");
  const sections = [...document.querySelectorAll("section")].map((section) => ({
    section,
    link: document.querySelector(`nav a[href="#${section.id}"]`).parentElement,
    text: section.textContent.toLowerCase(),
    head: [...section.querySelectorAll("h2, p")].map((part) => part.textContent).join(" ").toLowerCase(),
    rows: [...section.querySelectorAll("tbody tr")],
  }));

  function show() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { section, link, text, head, rows } of sections) {
      const fits = words.every((word) => text.includes(word));
      section.hidden = link.hidden = !fits;
      shown += fits;
      const left = words.filter((word) => !head.includes(word));
      for (const row of rows) {
        const said = row.textContent.toLowerCase();
        row.hidden = left.length > 0 && !left.some((word) => said.includes(word));
      }
    }
    document.getElementById("nothing").hidden = shown > 0;
    document.getElementById("found").textContent = words.length ? `${shown} of ${sections.length} tables and views` : "";
  }

  search.addEventListener("input", show);
  // A link to what the search hides shows everything again.
  window.addEventListener("hashchange", () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.hidden) {
      search.value = "";
      show();
      target.scrollIntoView();
    }
  });
  show();
})();
