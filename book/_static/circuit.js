// Edges between features as a graph of two columns, from the table that the page shows.
document.addEventListener("DOMContentLoaded", () => {
  const host = document.querySelector(".circuit-figure");
  const table = document.querySelector("#table-circuit");
  if (!host || !table?.tBodies) return;
  const edges = [...table.tBodies[0].rows].map((row) => {
    const [source, target, change] = [...row.cells].map((cell) => cell.textContent.trim());
    return { source, target, change: Number(change.replace("−", "-")) };
  });
  const most = Math.max(...edges.map((edge) => Math.abs(edge.change)));
  const [WIDTH, STEP, LEFT, RIGHT] = [340, 20, 120, 220];
  const COLOURS = { falls: "#0072B2", rises: "#D55E00" };

  const box = document.createElement("figure");
  box.innerHTML = `
    <svg role="img" fill="none" stroke="currentColor"></svg>
    <label>Least change
      <input type="range" name="least" min="0" max="${most}" step="${most / 20}" value="${most / 4}"></label>
    <label>One feature <select name="feature"><option value="">all</option></select></label>
    <output></output>`;
  host.append(box);
  const [least, feature] = [box.querySelector("input"), box.querySelector("select")];
  for (const name of [...new Set(edges.flatMap((edge) => [edge.source, edge.target]))].sort())
    feature.add(new Option(name, name));

  const nodes = (names, at, anchor, rows) =>
    names
      .map((name) => {
        const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
        text.textContent = name;
        for (const [key, value] of Object.entries({ x: at, y: rows(name) + 4, "text-anchor": anchor }))
          text.setAttribute(key, value);
        return text.outerHTML;
      })
      .join("");
  const draw = () => {
    const seen = edges.filter(
      (edge) =>
        Math.abs(edge.change) >= Number(least.value) - 1e-6 &&
        (!feature.value || [edge.source, edge.target].includes(feature.value)),
    );
    const [sources, targets] = ["source", "target"].map((end) => [...new Set(seen.map((e) => e[end]))]);
    const height = STEP * Math.max(sources.length, targets.length, 1) + 10;
    const row = (names) => (name) => ((names.indexOf(name) + 0.5) * (height - 10)) / names.length + 5;
    const paths = seen.map((edge) => {
      const [a, b] = [row(sources)(edge.source), row(targets)(edge.target)];
      const falls = edge.change < 0;
      return `<path d="M${LEFT} ${a} C170 ${a} 170 ${b} ${RIGHT} ${b}"
        stroke="${falls ? COLOURS.falls : COLOURS.rises}" stroke-dasharray="${falls ? "" : "5 3"}"
        stroke-width="${1 + (3 * Math.abs(edge.change)) / most}"/>`;
    });
    const svg = box.querySelector("svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${height}`);
    svg.innerHTML = `${paths.join("")}<g fill="currentColor" stroke="none" font-size="12">
      ${nodes(sources, LEFT - 4, "end", row(sources))}${nodes(targets, RIGHT + 4, "start", row(targets))}</g>`;
    const falls = seen.filter((edge) => edge.change < 0).length;
    const words =
      `${seen.length} of ${edges.length} edges: ${falls} targets fall when the source is taken out ` +
      `(solid), ${seen.length - falls} rise (dashed).`;
    box.querySelector("output").textContent = words;
    svg.setAttribute("aria-label", `Graph of features. ${words}`);
  };
  box.addEventListener("input", draw);
  draw();
});
