// The reader's side of a page: show or hide all code, hints where content is wider than its column.
document.addEventListener("DOMContentLoaded", () => {
  nameFolds();
  codeSwitch();
  figures();
  hints();
  window.addEventListener("beforeprint", unfold);

  // The theme's folds of the table of contents show an arrow and say nothing.
  function nameFolds() {
    for (const fold of document.querySelectorAll("summary")) {
      if (fold.textContent.trim() || fold.ariaLabel) continue;
      const parent = fold.closest("li")?.querySelector(":scope > a")?.textContent.trim();
      fold.setAttribute("aria-label", parent ? `Pages below ${parent}` : "More");
    }
  }

  // One button for all code of the page; what a reader chose holds for the next page, too.
  function codeSwitch() {
    const place = document.querySelector(".article-header-buttons");
    if (!place || !document.querySelector(".cell_input")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-sm code-switch";
    const set = (state) => {
      document.documentElement.dataset.code = state;
      button.textContent = state === "hidden" ? "Show code" : "Hide code";
      button.setAttribute("aria-pressed", String(state === "hidden"));
      if (state === "plain") return;
      document
        .querySelectorAll("details.above-input")
        .forEach((fold) => (fold.open = state === "shown"));
    };
    const kept = () => {
      try {
        return localStorage.getItem("code");
      } catch {
        return null; // a browser may refuse to keep anything for a file
      }
    };
    button.addEventListener("click", () => {
      const state = document.documentElement.dataset.code === "hidden" ? "shown" : "hidden";
      set(state);
      try {
        localStorage.setItem("code", state);
      } catch {
        return;
      }
    });
    set(kept() === "hidden" ? "hidden" : "plain");
    place.prepend(button);
  }

  // A figure is not drawn narrower than keeps its text legible; then it scrolls.
  function figures() {
    for (const image of document.querySelectorAll("img[class*='narrowest-']")) {
      const width = image.className.match(/narrowest-(\d+)/)[1];
      image.style.minWidth = `${width}px`;
      image.closest("figure")?.classList.add("wide");
    }
  }

  function hints() {
    const wide = ".scroller, .pst-scrollable-table-container, figure.wide, div.math, .cell_output";
    const look = (box) => {
      const scrolls = box.scrollWidth > box.clientWidth + 1;
      if (scrolls === box.classList.contains("scrolls")) return;
      box.classList.toggle("scrolls", scrolls);
      if (scrolls) {
        const hint = document.createElement("p");
        hint.className = "scroll-hint";
        hint.textContent = "⇄ wider than the screen: scroll sideways";
        box.before(hint);
        box.tabIndex = 0;
        box.setAttribute("role", "region");
        box.setAttribute("aria-label", "Wide content, scrolls sideways");
      } else {
        box.previousElementSibling?.matches(".scroll-hint") && box.previousElementSibling.remove();
        for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
      }
    };
    const observer = new ResizeObserver((seen) => seen.forEach(({ target }) => look(target)));
    for (const box of document.querySelectorAll(wide)) {
      observer.observe(box);
      for (const inner of box.children) observer.observe(inner);
    }
    const all = () => document.querySelectorAll(wide).forEach(look);
    window.addEventListener("load", all);
    document.addEventListener("change", all);
    window.MathJax?.startup?.promise?.then(all);
  }

  // On paper everything is open, and links that lead to files of this machine are none.
  function unfold() {
    document.documentElement.dataset.theme = "light";
    document.querySelectorAll("details:not(.provenance)").forEach((fold) => (fold.open = true));
    const folded = document.querySelectorAll(".toggle-hidden");
    folded.forEach((fold) => fold.classList.remove("toggle-hidden"));
    const here = location.href.split("#")[0];
    for (const link of document.querySelectorAll("a[href]")) {
      const elsewhere = link.href.split("#")[0] !== here;
      if (elsewhere && link.protocol === "file:") link.removeAttribute("href");
    }
  }
});
