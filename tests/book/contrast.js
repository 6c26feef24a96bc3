// Returns the texts of the page whose contrast with their ground is below WCAG AA.
// Controls that are switched off are exempt. 4.5 for ordinary text, 3 for large text (24 px, or 18.66 px bold).
const parse = (colour) => {
  const numbers = colour.match(/[\d.]+/g).map(Number);
  const scale = colour.startsWith("color(") ? 255 : 1;
  return { rgb: numbers.slice(0, 3).map((x) => x * scale), alpha: numbers[3] ?? 1 };
};
const over = (top, below) => top.rgb.map((x, i) => x * top.alpha + below[i] * (1 - top.alpha));
const grounds = new Map([[null, [255, 255, 255]]]);
const ground = (element) => {
  if (!grounds.has(element)) {
    const layer = parse(getComputedStyle(element).backgroundColor);
    grounds.set(element, over(layer, ground(element.parentElement)));
  }
  return grounds.get(element);
};
const luminance = (rgb) => {
  const [r, g, b] = rgb.map((x) => {
    const c = x / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const text = walker.currentNode.textContent.trim();
  const element = walker.currentNode.parentElement;
  if (!text || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
  if (element.closest("svg, script, style, noscript, :disabled, .disabled")) continue;
  const style = getComputedStyle(element);
  const below = ground(element);
  const [light, dark] = [luminance(over(parse(style.color), below)), luminance(below)].sort((a, b) => b - a);
  const ratio = (light + 0.05) / (dark + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (ratio < (large ? 3 : 4.5))
    found.push(`${ratio.toFixed(2)} "${text.slice(0, 40)}" ${element.tagName}.${element.className}`);
}
return found.slice(0, 8);
