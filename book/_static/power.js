// Number of TFs against power: what a study of a given size can find. Drawn from two numbers that
// the page prints: the standard error of an AUROC, and the number of TFs that it rests on.
document.addEventListener("DOMContentLoaded", () => {
  const place = document.querySelector(".power-figure");
  if (!place) return;
  const [error, tfs] = [...place.querySelectorAll(".val")].map((v) => Number(v.textContent));
  if (!(error > 0 && tfs > 0)) return;
  const MOST = 400;
  const [WIDTH, HEIGHT, LEFT, BELOW] = [340, 190, 40, 34];

  // Normal distribution function, to 1e-7 (Abramowitz and Stegun 7.1.26).
  const phi = (z) => {
    const t = 1 / (1 + (0.3275911 * Math.abs(z)) / Math.SQRT2);
    const sum = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592].reduce(
      (all, term) => (all + term) * t,
      0,
    );
    const tail = (sum * Math.exp((-z * z) / 2)) / 2;
    return z > 0 ? 1 - tail : tail;
  };
  const power = (n, distance) => {
    const z = distance / (error * Math.sqrt(tfs / n));
    return phi(z - 1.96) + phi(-z - 1.96);
  };

  const box = document.createElement("figure");
  box.innerHTML = `
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" fill="none" stroke="currentColor">
      <path d="M${LEFT} 8 V${HEIGHT - BELOW} H${WIDTH - 8}"/>
      <path class="goal" stroke-dasharray="4 4"/><path class="curve" stroke="#0072B2" stroke-width="2.5"/>
      <circle r="5" fill="#D55E00" stroke="none"/>
      <g fill="currentColor" stroke="none" font-size="12">
        <text x="${WIDTH / 2}" y="${HEIGHT - 3}" text-anchor="middle">TFs with a target</text>
        <text x="${LEFT - 4}" y="14" text-anchor="end">1</text>
        <text x="${LEFT - 4}" class="eight" text-anchor="end">0.8</text>
        <text x="${LEFT - 4}" y="${HEIGHT - BELOW}" text-anchor="end">0</text>
        <text x="${LEFT}" y="${HEIGHT - BELOW + 14}" text-anchor="middle">0</text>
        <text x="${WIDTH - 8}" y="${HEIGHT - BELOW + 14}" text-anchor="end">${MOST}</text>
      </g>
    </svg>
    <label>TFs <input type="range" name="tfs" min="5" max="${MOST}" value="${Math.min(MOST, tfs)}"></label>
    <label>AUROC away from chance
      <input type="range" name="distance" min="0.01" max="0.2" step="0.01" value="0.05"></label>
    <output></output>`;
  place.append(box);
  const x = (n) => LEFT + (n / MOST) * (WIDTH - 8 - LEFT);
  const y = (p) => HEIGHT - BELOW - p * (HEIGHT - BELOW - 8);
  box.querySelector(".goal").setAttribute("d", `M${LEFT} ${y(0.8)} H${WIDTH - 8}`);
  box.querySelector(".eight").setAttribute("y", y(0.8) + 4);
  const [many, far] = box.querySelectorAll("input");
  const draw = () => {
    const [n, distance] = [Number(many.value), Number(far.value)];
    const all = Array.from({ length: MOST }, (_, k) => k + 1);
    const line = all.map((k) => `${x(k)} ${y(power(k, distance))}`).join(" L");
    box.querySelector(".curve").setAttribute("d", `M${line}`);
    const dot = box.querySelector("circle");
    dot.setAttribute("cx", x(n));
    dot.setAttribute("cy", y(power(n, distance)));
    const needed = Math.ceil((tfs * (error * 2.802) ** 2) / distance ** 2);
    const words =
      `With ${n} TFs an AUROC ${distance.toFixed(2)} away from chance is found with power ` +
      `${power(n, distance).toFixed(2)}; power 0.8 needs about ${needed} TFs.`;
    box.querySelector("output").textContent = words;
    box.querySelector("svg").setAttribute("aria-label", `Power against number of TFs. ${words}`);
  };
  box.addEventListener("input", draw);
  draw();
});
