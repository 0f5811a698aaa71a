// A card for each case: its times as a line, its median, and a bar that
// compares the medians of all cases.

const SVG = "http://www.w3.org/2000/svg";

export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)];
  return low + (sorted[Math.ceil(at)] - low) * (at % 1);
}

function element(parent, name, className = "", text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return parent.appendChild(made);
}

export class Card {
  constructor(parent, title, subtitle, runs) {
    this.runs = runs;
    this.median = 0;
    const article = element(parent, "article");
    const header = element(article, "header");
    element(element(header, "h2", "", title), "span", "", subtitle);
    const figures = element(header, "div");
    this.medianText = element(figures, "div", "median", "…");
    this.p90Text = element(figures, "div", "p90");
    this.bar = element(element(article, "div", "bar"), "i");
    this.bar.style.width = 0;
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 100 40");
    svg.setAttribute("preserveAspectRatio", "none");
    this.line = svg.appendChild(document.createElementNS(SVG, "line"));
    this.times = svg.appendChild(document.createElementNS(SVG, "polyline"));
    article.appendChild(svg);
  }

  draw(times) {
    this.median = quantile(times, 0.5);
    const p90 = quantile(times, 0.9);
    this.medianText.textContent = `${this.median.toFixed(2)} `;
    element(this.medianText, "small", "", "ms");
    this.p90Text.textContent = `p90 ${p90.toFixed(2)} ms`;
    // One slow run must not press all others flat.
    const top = Math.min(Math.max(...times), 3 * this.median) || 1;
    const y = (time) => 39 - (38 * Math.min(time, top)) / top;
    const step = 100 / Math.max(this.runs - 1, 1);
    const points = times.map((time, i) => `${i * step},${y(time)}`);
    this.times.setAttribute("points", points.join(" "));
    for (const [key, value] of Object.entries(
      { x1: 0, x2: 100, y1: y(this.median), y2: y(this.median) })) {
      this.line.setAttribute(key, value);
    }
  }

  compare(slowest) {
    this.bar.style.width = `${(100 * this.median) / slowest}%`;
  }
}
