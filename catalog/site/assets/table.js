"use strict";
// The table of all encoders: instant filter, sort by any column, rows added as they are needed.
(() => {
  const PAGE = 150;
  const COLUMNS = [
    { key: "format", title: "format", text: true, value: (e) => e.format, order: catalog.byFormat },
    { key: "rank", title: "rank", value: (e) => e.rank },
    { key: "ratio", title: "ratio", value: (e) => e.ratio, show: (e) => e.ratio.toFixed(3) },
    { key: "error", title: "error", value: (e) => (e.real ? e.error : Infinity), show: (e) => (e.real ? catalog.number(e.error) : "mod 2") },
    { key: "at", title: "error@", value: (e) => (e.real ? catalog.errorAt(e, catalog.precision) : Infinity),
      show: (e) => (e.real ? catalog.number(catalog.errorAt(e, catalog.precision)) : "mod 2") },
    { key: "growth", title: "growth", value: (e) => e.growth, show: (e) => catalog.number(e.growth) },
    { key: "ring", title: "ring", text: true, value: (e) => e.ring },
    { key: "strategy", title: "strategy", text: true, value: (e) => e.strategy },
    { key: "id", title: "id", text: true, value: (e) => e.id, show: (e) => e.id.slice(0, 10) },
  ];
  const head = document.querySelector("#table thead tr");
  const body = document.querySelector("#table tbody");
  const filter = document.getElementById("filter");
  const best = document.getElementById("best");
  const count = document.getElementById("count");
  const more = document.getElementById("more");
  for (const entry of catalog.entries) entry.words = `${entry.format} ${entry.ring} ${entry.strategy} ${entry.id}`.toLowerCase();
  let sorted = "format", descending = false, rows = [], shown = 0;

  for (const column of COLUMNS) {
    const cell = document.createElement("th");
    const button = document.createElement("button");
    cell.scope = "col";
    cell.className = column.text ? "text" : "";
    button.type = "button";
    button.addEventListener("click", () => { descending = sorted === column.key && !descending; sorted = column.key; update(); });
    cell.append(button);
    head.append(cell);
    column.cell = cell;
  }

  function matches(text) {
    const tests = text.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
      const compared = /^(rank|ratio|error|growth)(<=|>=|<|>|=)([-\d.e]+)$/.exec(word);
      if (!compared) return (entry) => entry.words.includes(word);
      const [, key, sign, size] = compared;
      const bound = Number(size);
      const value = COLUMNS.find((column) => column.key === (key === "error" ? "at" : key)).value;
      const compare = { "<": (v) => v < bound, ">": (v) => v > bound, "=": (v) => v === bound, "<=": (v) => v <= bound, ">=": (v) => v >= bound };
      return (entry) => compare[sign](value(entry));
    });
    return (entry) => tests.every((test) => test(entry));
  }

  function bestOnly(entries) {
    const kept = new Map();
    for (const entry of entries) {
      if (!entry.real || !catalog.beatsLeavingOut(entry, catalog.precision)) continue;
      const key = `${entry.format} ${entry.rank}`;
      const other = kept.get(key);
      if (!other || catalog.errorAt(entry, catalog.precision) < catalog.errorAt(other, catalog.precision)) kept.set(key, entry);
    }
    return [...kept.values()];
  }

  function update() {
    const column = COLUMNS.find((c) => c.key === sorted);
    const plain = column.order ?? ((a, b) => {
      const left = column.value(a), right = column.value(b);
      return left < right ? -1 : left > right ? 1 : 0;
    });
    const tie = (a, b) => catalog.byFormat(a, b) || b.rank - a.rank || a.growth - b.growth;
    const sign = descending ? -1 : 1;
    rows = (best.checked ? bestOnly(catalog.entries) : catalog.entries).filter(matches(filter.value));
    rows.sort((a, b) => sign * plain(a, b) || tie(a, b));
    for (const c of COLUMNS) {
      const state = c.key !== sorted ? "none" : descending ? "descending" : "ascending";
      c.cell.setAttribute("aria-sort", state);
      c.cell.firstChild.textContent = c.title + (c.key === "at" ? catalog.precision : "") + { none: "", ascending: " ↑", descending: " ↓" }[state];
    }
    count.textContent = `${rows.length} of ${catalog.entries.length} encoders.`;
    body.replaceChildren();
    shown = 0;
    extend();
  }

  function extend() {
    const fragment = document.createDocumentFragment();
    for (const entry of rows.slice(shown, shown + PAGE)) {
      const row = document.createElement("tr");
      for (const column of COLUMNS) {
        const cell = document.createElement("td");
        const text = String((column.show ?? column.value)(entry));
        if (column.text) cell.className = "text";
        if (column.key === "format" || column.key === "id") {
          const link = document.createElement("a");
          link.href = `encoders/${entry.id}.html`;
          link.textContent = text;
          if (column.key === "id") link.tabIndex = -1;
          cell.append(link);
        } else cell.textContent = text;
        row.append(cell);
      }
      fragment.append(row);
    }
    body.append(fragment);
    shown = Math.min(shown + PAGE, rows.length);
    more.hidden = shown >= rows.length;
  }

  filter.addEventListener("input", update);
  best.addEventListener("change", update);
  more.addEventListener("click", extend);
  document.addEventListener("precision", update);
  const nearing = new IntersectionObserver((seen) => {
    if (!seen.some((s) => s.isIntersecting) || more.hidden) return;
    extend();
    nearing.unobserve(more); // it reports changes only: ask again whether the end is still near
    nearing.observe(more);
  }, { rootMargin: "400px" });
  nearing.observe(more);
  update();
  document.documentElement.dataset.ready = Math.round(performance.now());
})();
