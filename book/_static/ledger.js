// Filters of the claim ledger: paper, section, agreement, evidence, and words.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form.ledger-filter");
  if (!form) return;
  const entries = [...document.querySelectorAll("dl.ledger > .entry")];
  const fields = form.elements;
  const show = () => {
    const words = fields.words.value.trim().toLowerCase();
    let count = 0;
    for (const entry of entries) {
      const fits =
        ["paper", "section", "agrees", "evidence"].every(
          (key) => !fields[key].value || entry.dataset[key] === fields[key].value,
        ) && entry.textContent.toLowerCase().includes(words);
      entry.hidden = !fits;
      count += fits;
    }
    fields.shown.value = `${count} of ${entries.length} claims`;
  };
  // A permalink must lead to its claim even if the filters have put it away.
  const uncover = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.closest(".entry")?.hidden) {
      form.reset();
      show();
      target.scrollIntoView();
    }
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", uncover);
  form.hidden = false;
  show();
});
