"use strict";
// The frontier: error at a precision against the ratio of multiplications, one line a format.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#8b5cf6", "#dc2626", "#4d7c0f", "#64748b"];
  const box = document.getElementById("plot");
  const note = document.getElementById("plot-note");
  const precisionSelect = document.getElementById("precision");
  const formatSelect = document.getElementById("plot-format");
  const scaleSelect = document.getElementById("scale");
  const legend = document.getElementById("legend");
  const formats = [...new Map([...catalog.entries].sort(catalog.byFormat).map((e) => [e.format, e])).keys()];

  for (const name of catalog.precisions) precisionSelect.add(new Option(name, name, false, name === catalog.precision));
  for (const name of formats) formatSelect.add(new Option(name, name));

  function make(parent, name, attributes, text) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  }

  function frontiers(entries, precision) {
    const groups = new Map(formats.map((name) => [name, []]));
    for (const entry of entries) if (catalog.beatsLeavingOut(entry, precision)) groups.get(entry.format).push(entry);
    for (const [name, group] of groups) {
      group.sort((a, b) => a.rank - b.rank || catalog.errorAt(a, precision) - catalog.errorAt(b, precision));
      let least = Infinity;
      const front = group.filter((e) => catalog.errorAt(e, precision) < least && (least = catalog.errorAt(e, precision), true));
      if (front.length) groups.set(name, front); else groups.delete(name);
    }
    return groups;
  }

  function draw() {
    const precision = precisionSelect.value;
    const chosen = formatSelect.value;
    catalog.precision = precision;
    const width = Math.max(300, box.clientWidth), height = Math.min(460, Math.max(300, width * 0.6));
    const left = 52, right = 12, top = 12, bottom = 42;
    const entries = catalog.entries.filter((e) => e.real && (!chosen || e.format === chosen));
    const groups = frontiers(entries, precision);
    const errors = entries.map((e) => catalog.errorAt(e, precision)).filter((v) => v > 0);
    const linear = scaleSelect.value === "linear";
    const low = linear ? 0 : Math.floor(Math.log10(errors.reduce((a, b) => Math.min(a, b), 0.1)));
    const high = linear ? 1.05 : 0.15;
    const scaled = (error) => Math.min(high, Math.max(low, linear ? error : Math.log10(Math.max(error, 1e-300))));
    const x = (ratio) => left + ratio * (width - left - right);
    const y = (error) => top + ((high - scaled(error)) / (high - low)) * (height - top - bottom);
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    const step = Math.max(1, Math.ceil((high - low) / 8));
    const ticks = linear ? [0, 0.2, 0.4, 0.6, 0.8, 1] : Array.from({ length: Math.floor(-low / step) + 1 }, (_, i) => -i * step);
    for (const tick of ticks) {
      const at = y(linear ? tick : 10 ** tick);
      make(svg, "line", { class: "axis", x1: left, x2: width - right, y1: at, y2: at });
      make(svg, "text", { x: left - 6, y: at + 4, "text-anchor": "end" }, linear ? String(tick) : tick ? `1e${tick}` : "1");
    }
    for (let ratio = 0; ratio <= 1.001; ratio += 0.25) {
      make(svg, "line", { class: "axis", x1: x(ratio), x2: x(ratio), y1: top, y2: height - bottom });
      make(svg, "text", { x: x(ratio), y: height - bottom + 16, "text-anchor": "middle" }, String(ratio));
    }
    make(svg, "text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, "multiplications, r / (n·m·p)");
    const naive = Array.from({ length: 100 }, (_, i) => `${i ? "L" : "M"}${x(i / 100)} ${y(1 - i / 100)}`).join("");
    make(svg, "path", { class: "reference", d: naive }).append(titled("naive: keep r of the products, error 1 − ratio"));
    make(svg, "text", { x: x(0.93), y: y(0.07) - 8, "text-anchor": "start" }, "naive");
    if (chosen) reference(svg, chosen, entries[0], x, top, height - bottom);
    const dots = entries.map((e) => `M${x(e.ratio).toFixed(1)} ${y(catalog.errorAt(e, precision)).toFixed(1)}h0`).join("");
    make(svg, "path", { class: "others", d: dots });
    const longest = [...groups.keys()].sort((a, b) => groups.get(b).length - groups.get(a).length);
    for (const [name, front] of groups) {
      const place = longest.indexOf(name);
      const colour = COLOURS[Math.min(place, COLOURS.length - 1)];
      const points = front.map((e) => [x(e.ratio), y(catalog.errorAt(e, precision))]);
      make(svg, "path", { class: "front", stroke: colour, d: "M" + points.map((q) => q.map((v) => v.toFixed(1)).join(" ")).join("L") });
      front.forEach((entry, i) => {
        const link = make(svg, "a", { href: `encoders/${entry.id}.html` });
        if (groups.size > 12 && place >= COLOURS.length - 1) link.setAttribute("tabindex", "-1");
        const text = `${entry.format} rank ${entry.rank}, error ${catalog.number(catalog.errorAt(entry, precision))} at ${precision}`;
        link.setAttribute("aria-label", text);
        make(link, "circle", { cx: points[i][0], cy: points[i][1], r: 4, fill: colour }).append(titled(text));
      });
    }
    box.replaceChildren(svg);
    name(longest, chosen);
    const count = [...groups.values()].reduce((sum, front) => sum + front.length, 0);
    note.textContent = `${count} encoders on the frontier at ${precision}` + (chosen ? ` of ${chosen}.` : `, ${groups.size} formats.`);
  }

  // A button a colour; it picks the format, and again all of them.
  function name(longest, chosen) {
    legend.replaceChildren(...longest.slice(0, COLOURS.length - 1).map((format, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = format;
      button.style.setProperty("--dot", COLOURS[place]);
      button.setAttribute("aria-pressed", String(format === chosen));
      button.addEventListener("click", () => { formatSelect.value = chosen ? "" : format; draw(); legend.querySelector("button")?.focus(); });
      return button;
    }));
  }

  function reference(svg, name, entry, x, top, bottom) {
    const [exact, border] = catalog.known[name] ?? [null, null];
    for (const [rank, label, shift] of [[exact, "best exact rank", 22], [border, "border rank", 8]]) {
      if (!rank || !entry) continue;
      const at = x(rank / entry.products);
      make(svg, "line", { class: "reference", x1: at, x2: at, y1: top, y2: bottom });
      make(svg, "text", { x: at - 5, y: bottom - shift, "text-anchor": "end" }, `${label} ${rank}`);
    }
  }

  function titled(text) {
    const title = document.createElementNS(SVG, "title");
    title.textContent = text;
    return title;
  }

  precisionSelect.addEventListener("change", () => { draw(); document.dispatchEvent(new Event("precision")); });
  formatSelect.addEventListener("change", draw);
  scaleSelect.addEventListener("change", draw);
  let last = 0;
  new ResizeObserver(() => { if (box.clientWidth !== last) { last = box.clientWidth; draw(); } }).observe(box);
  draw();
})();
