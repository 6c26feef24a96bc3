// Number of cells against AUROC of summed and averaged attention, from the table that the page shows.
document.addEventListener("DOMContentLoaded", () => {
  const host = document.querySelector(".cells-figure");
  const table = document.querySelector("#table-cells");
  if (!host || !table) return;
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const rows = [...table.tBodies[0].rows].map((row) =>
    Object.fromEntries([...row.cells].map((cell, k) => [names[k], cell.textContent.trim()])),
  );
  const number = (text) => Number(text.replace(",", ""));
  const sizes = [...new Set(rows.map((row) => number(row.cells)))].sort((a, b) => a - b);
  const worlds = [...new Set(rows.map((row) => row.world))];
  const value = (world, size, score) =>
    number(rows.find((row) => row.world === world && number(row.cells) === size)[score]);
  const [WIDTH, LOW, HIGH, LEFT, STEP] = [340, 0.4, 0.9, 12, 62];
  const HEIGHT = STEP * worlds.length + 26;
  const x = (auroc) => LEFT + ((auroc - LOW) / (HIGH - LOW)) * (WIDTH - 2 * LEFT);
  const SCORES = { averaged: ["#0072B2", -9], summed: ["#D55E00", 9] };

  const text = (words, at, y, anchor) =>
    `<text x="${at}" y="${y}" text-anchor="${anchor}">${words}</text>`;
  const panels = worlds.map((world, k) => {
    const y = STEP * k + 42;
    const trails = Object.entries(SCORES).map(([score, [colour, off]]) => {
      const seen = sizes.map((size) => x(value(world, size, score)));
      const width = Math.max(2, Math.max(...seen) - Math.min(...seen));
      return `<rect x="${Math.min(...seen)}" y="${y + off - 3}" width="${width}" height="6"
        fill="${colour}" opacity="0.3" stroke="none"/>`;
    });
    return `<g fill="currentColor" stroke="none" font-size="12">${text(world, LEFT, y - 20, "start")}</g>
      <path d="M${LEFT} ${y} H${WIDTH - LEFT}" stroke-width="0.5"/>${trails.join("")}
      <circle data-world="${k}" r="6" cy="${y + SCORES.averaged[1]}" fill="#0072B2" stroke="none"/>
      <rect data-world="${k}" width="11" height="11" y="${y + SCORES.summed[1] - 5.5}"
        fill="#D55E00" stroke="none"/>`;
  });
  const box = document.createElement("figure");
  box.innerHTML = `
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" fill="none" stroke="currentColor">
      <path d="M${x(0.5)} 24 V${HEIGHT - 20}" stroke-dasharray="4 4"/>${panels.join("")}
      <g fill="currentColor" stroke="none" font-size="12">
        ${text("circle: averaged, square: summed", WIDTH - LEFT, 14, "end")}
        ${text("0.5 (chance)", x(0.5), HEIGHT - 5, "middle")}
        ${text("AUROC 0.9", WIDTH - LEFT, HEIGHT - 5, "end")}
      </g>
    </svg>
    <label>Cells <input type="range" name="cells" min="0" max="${sizes.length - 1}" value="0"></label>
    <output></output>`;
  host.append(box);
  const input = box.querySelector("input");
  const draw = () => {
    const size = sizes[Number(input.value)];
    const said = worlds.map((world, k) => {
      const [averaged, summed] = ["averaged", "summed"].map((score) => value(world, size, score));
      box.querySelector(`circle[data-world="${k}"]`).setAttribute("cx", x(averaged));
      box.querySelector(`rect[data-world="${k}"]`).setAttribute("x", x(summed) - 5.5);
      return `${world}: averaged ${averaged.toFixed(2)}, summed ${summed.toFixed(2)}`;
    });
    const words = `With ${size} cells, AUROC with ${said.join("; with ")}.`;
    input.setAttribute("aria-valuetext", `${size} cells`);
    box.querySelector("output").textContent = words;
    box.querySelector("svg").setAttribute("aria-label", `AUROC of attention. ${words}`);
  };
  box.addEventListener("input", draw);
  draw();
});
