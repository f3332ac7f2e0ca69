"use strict";
// Heat maps of the three matrices: orange positive, blue negative, each row scaled to its largest entry.
(() => {
  const readout = document.getElementById("readout");
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function values(canvas) {
    const bytes = Uint8Array.from(atob(canvas.dataset.values), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  }

  function paint(map) {
    const { canvas, rows, columns, cell, data } = map;
    const context = canvas.getContext("2d");
    const zero = dark.matches ? [27, 33, 41] : [238, 241, 244];
    const ends = { positive: dark.matches ? [255, 166, 87] : [179, 89, 0], negative: dark.matches ? [88, 166, 255] : [5, 80, 174] };
    for (let i = 0; i < rows; i++) {
      let peak = 0;
      for (let j = 0; j < columns; j++) peak = Math.max(peak, Math.abs(data[i * columns + j]));
      for (let j = 0; j < columns; j++) {
        const value = data[i * columns + j];
        const share = peak ? Math.sqrt(Math.abs(value) / peak) : 0;
        const end = value < 0 ? ends.negative : ends.positive;
        context.fillStyle = `rgb(${zero.map((z, k) => Math.round(z + share * (end[k] - z))).join(" ")})`;
        context.fillRect(j * cell, i * cell, cell - 1, cell - 1);
      }
    }
    if (map.at) {
      context.strokeStyle = dark.matches ? "#fff" : "#000";
      context.strokeRect(map.at[1] * cell + 0.5, map.at[0] * cell + 0.5, cell - 2, cell - 2);
    }
  }

  function tell(map, i, j) {
    map.at = [i, j];
    paint(map);
    readout.textContent = `${map.canvas.dataset.name}, product ${i + 1}, entry ${j + 1}: ${Number(map.data[i * map.columns + j].toPrecision(6))}`;
  }

  for (const canvas of document.querySelectorAll("canvas.map")) {
    const rows = Number(canvas.dataset.rows), columns = Number(canvas.dataset.columns);
    const cell = Math.max(5, Math.min(14, Math.floor(320 / columns)));
    canvas.width = columns * cell;
    canvas.height = rows * cell;
    const map = { canvas, rows, columns, cell, data: values(canvas), at: null };
    canvas.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect();
      const i = Math.floor(((event.clientY - box.top) / box.height) * rows), j = Math.floor(((event.clientX - box.left) / box.width) * columns);
      if (i >= 0 && i < rows && j >= 0 && j < columns) tell(map, i, j);
    });
    canvas.addEventListener("keydown", (event) => {
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!move) return;
      event.preventDefault();
      const [i, j] = map.at ?? [0, 0];
      tell(map, Math.min(rows - 1, Math.max(0, i + move[0])), Math.min(columns - 1, Math.max(0, j + move[1])));
    });
    dark.addEventListener("change", () => paint(map));
    paint(map);
  }
})();
