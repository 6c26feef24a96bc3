// Tables: a click on a heading sorts; long ones have a filter, and a button that shows all rows.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("table.data").forEach(prepare);

  function prepare(table) {
    const figure = table.closest("figure");
    const body = table.tBodies[0];
    const limit = Number(table.dataset.rows);
    let rows = [...body.rows];
    let wanted = "";
    let all = rows.length <= limit;

    const show = () => {
      const fitting = rows.filter((row) => row.textContent.toLowerCase().includes(wanted));
      rows.forEach((row) => (row.hidden = true));
      fitting.slice(0, all ? undefined : limit).forEach((row) => (row.hidden = false));
      if (!tools) return;
      tools.count.textContent = wanted ? `${fitting.length} of ${rows.length} rows fit` : "";
      tools.button.hidden = fitting.length <= limit;
      tools.button.textContent = all ? `Show ${limit} rows` : `Show all ${fitting.length} rows`;
    };

    const key = (row, column) => {
      const cell = row.cells[column];
      return "sort" in cell.dataset ? Number(cell.dataset.sort) : cell.textContent.trim();
    };
    const absent = (value) => value === "–";
    const sort = (heading, column) => {
      const sign = heading.ariaSort === "ascending" ? -1 : 1;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.ariaSort = sign > 0 ? "ascending" : "descending";
      rows = rows
        .map((row) => [key(row, column), row])
        .sort(([a], [b]) => {
          if (absent(a) || absent(b)) return absent(a) - absent(b);
          if (typeof a === "number" && typeof b === "number") return sign * (a - b);
          return sign * String(a).localeCompare(String(b), "en", { numeric: true });
        })
        .map(([, row]) => row);
      body.append(...rows);
      show();
    };
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      if (!heading.textContent.trim()) return; // an index without a name: nothing to press
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sort(heading, column));
    });

    const tools = all ? null : toolbar();
    if (tools) show();

    figure.querySelector("input.all-columns")?.addEventListener("change", (event) => {
      table.classList.toggle("whole", event.target.checked);
    });

    function toolbar() {
      const box = document.createElement("div");
      box.className = "table-tools";
      const field = document.createElement("input");
      field.type = "search";
      field.placeholder = "Filter rows";
      field.setAttribute("aria-label", `Filter rows: ${figure.querySelector("figcaption").textContent}`);
      field.setAttribute("aria-controls", table.id);
      const count = document.createElement("output");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "show-rows";
      field.addEventListener("input", () => {
        wanted = field.value.trim().toLowerCase();
        show();
      });
      button.addEventListener("click", () => {
        all = !all;
        show();
      });
      box.append(field, count);
      figure.querySelector("figcaption").after(box);
      figure.querySelector(".scroller").after(button);
      return { count, button };
    }
  }
});
