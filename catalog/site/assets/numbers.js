"use strict";
// The rows of data.js as objects, and numbers as a person reads them.
const catalog = (() => {
  const { fields, rows, slopes, known } = window.CATALOG;
  const entries = rows.map((row) => {
    const entry = Object.fromEntries(fields.map((field, i) => [field, row[i]]));
    entry.products = entry.n * entry.m * entry.p;
    entry.format = `${entry.n}x${entry.m}x${entry.p}`;
    entry.ratio = entry.rank / entry.products;
    entry.real = entry.ring !== "GF(2)";
    return entry;
  });
  const precisions = Object.keys(slopes);
  // The error at a precision is linear in the growth; the slope comes from the program itself.
  const errorAt = (entry, precision) => entry.error + (slopes[precision] * entry.growth) / entry.products;
  // Leaving products out of the classical algorithm errs by the share left out, with a growth of the rank.
  const leftOut = (entry, precision) => 1 - entry.ratio + slopes[precision] * entry.ratio;
  const beatsLeavingOut = (entry, precision) => errorAt(entry, precision) <= leftOut(entry, precision) * (1 + 1e-12); // but for rounding
  const byFormat = (a, b) => a.products - b.products || a.n - b.n || a.m - b.m || a.p - b.p;
  const number = (value) => {
    if (value === 0) return "0";
    if (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6)
      return Math.abs(value) < 1e4 ? String(Number(value.toPrecision(4))) : value.toFixed(0);
    return value.toExponential(1);
  };
  return { entries, precisions, errorAt, beatsLeavingOut, number, known, byFormat, precision: precisions.includes("bf16") ? "bf16" : precisions[0] };
})();
