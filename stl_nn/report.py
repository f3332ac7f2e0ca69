"""What a conversion did, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from html import escape
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table
from torch import nn

from stl_nn.options import ALWAYS_DENSE
from stl_nn.replacement import Replacement

#: Reasons that a message shows, at most.
MOST_REASONS = 3


@dataclass(frozen=True)
class LayerReport:
    """One linear layer of a converted model.

    Parameters
    ----------
    name, kind : str
        The layer's name in the model, and the name of the type it had.
    in_features, out_features : int or None
        K and N; None if it has no weight that could be taken.
    tile : str or None
        Of its encoder, with its depth; None if the layer was skipped.
    rank : int or None
        Of its encoder, with its depth; None if the layer was skipped.
    multiplications : float or None
        Scalar products as a share of those of the dense layer, zero padding included.
    precision : str or None
        The precision that errors are quoted at.
    predicted_error : float or None
        Relative output error for independent inputs and weights.
    expected_error : float or None
        The same for this weight and independent inputs, without data.
    parameters_before, parameters_after : int or None
        Numbers the layer holds, frozen ones and the encoder's included.
    break_even_rows : int or None
        With the dense weight kept: fewer rows take it; `ALWAYS_DENSE` means that all do.
    calibrated_error : float or None
        Relative output error on the calibration inputs, by their second moments; None without calibration.
    seconds : float or None
        That calibrating this layer took.
    reason : str
        Why the layer was skipped.
    """

    name: str
    kind: str
    in_features: int | None = None
    out_features: int | None = None
    tile: str | None = None
    rank: int | None = None
    multiplications: float | None = None
    precision: str | None = None
    predicted_error: float | None = None
    expected_error: float | None = None
    parameters_before: int | None = None
    parameters_after: int | None = None
    break_even_rows: int | None = None
    calibrated_error: float | None = None
    seconds: float | None = None
    reason: str = ""

    @property
    def converted(self) -> bool:
        """Whether the layer was converted."""
        return self.tile is not None


@dataclass(frozen=True)
class ConversionReport:
    """The layers of one conversion, in the model's order.

    It iterates over them. `print` shows a table, and so does a notebook.

    Parameters
    ----------
    layers : tuple of LayerReport
        One `LayerReport` each.
    rows : int or None
        Rows of calibration input seen; None without calibration, as what follows.
    seconds : float or None
        That the calibration took in all.
    peak_memory : int or None
        The largest resident size of the process until its end, in bytes.

    Examples
    --------
    >>> ConversionReport(())
    ConversionReport(0 layers converted, 0 skipped)
    """

    layers: tuple[LayerReport, ...]
    rows: int | None = None
    seconds: float | None = None
    peak_memory: int | None = None

    def __iter__(self) -> Iterator[LayerReport]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    @property
    def converted(self) -> tuple[LayerReport, ...]:
        """The layers that were converted."""
        return tuple(layer for layer in self.layers if layer.converted)

    @property
    def skipped(self) -> tuple[LayerReport, ...]:
        """The layers that were skipped."""
        return tuple(layer for layer in self.layers if not layer.converted)

    @property
    def multiplications(self) -> float:
        """Scalar products of the converted layers as a share of those they took dense, for equally many rows."""
        dense = [(layer.in_features or 0) * (layer.out_features or 0) for layer in self.converted]
        taken = sum(size * (layer.multiplications or 0) for size, layer in zip(dense, self.converted, strict=True))
        return taken / sum(dense) if sum(dense) else 1.0

    @property
    def parameters(self) -> tuple[int, int]:
        """Numbers that the converted layers held before, and hold now."""
        before = sum(layer.parameters_before or 0 for layer in self.converted)
        return before, sum(layer.parameters_after or 0 for layer in self.converted)

    def why_none_converted(self) -> str:
        """The reasons for which layers were skipped, each with the first layer it was found for.

        Returns
        -------
        str
            One line.

        Examples
        --------
        >>> ConversionReport((LayerReport("head", "Linear", reason="too small"),)).why_none_converted()
        "no linear layer was converted; 'head': too small"
        """
        first: dict[str, str] = {}
        for layer in self.skipped:
            first.setdefault(layer.reason, layer.name)
        reasons = [f"{name!r}: {reason}" for reason, name in list(first.items())[:MOST_REASONS]]
        return "; ".join(["no linear layer was converted", *reasons])

    def as_json(self) -> dict[str, Any]:
        """Plain numbers and strings, for json.dumps.

        Returns
        -------
        dict
            The report.

        Examples
        --------
        >>> ConversionReport((LayerReport("head", "Linear", reason="too small"),)).as_json()["layers"][0]["reason"]
        'too small'
        """
        before, after = self.parameters
        return {
            "converted": len(self.converted),
            "skipped": len(self.skipped),
            "multiplications": self.multiplications,
            "parameters_before": before,
            "parameters_after": after,
            "calibration_rows": self.rows,
            "seconds": self.seconds,
            "peak_memory_bytes": self.peak_memory,
            "layers": [asdict(layer) for layer in self.layers],
        }

    def __repr__(self) -> str:
        return f"ConversionReport({self._titles()[0]})"

    def __rich__(self) -> Table:
        table = Table(title="\n".join(self._titles()), title_justify="left")
        first, *others = self._headings()
        table.add_column(first, overflow="fold")
        for heading in others:
            table.add_column(heading, justify="right")
        for layer in self.layers:
            name, shape, *figures = self._cells(layer)
            table.add_row(name, shape, *(figures if layer.converted else [f"[dim]{figures[0]}[/dim]"]))
        return table

    def __str__(self) -> str:
        console = Console(file=StringIO(), width=140)
        console.print(self)
        text: str = console.file.getvalue()  # type: ignore[attr-defined]
        return text.rstrip()

    def _repr_html_(self) -> str:
        """The table as notebooks show it."""
        headings = self._headings()
        head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
        rows = []
        for layer in self.layers:
            cells = [f"<td>{escape(cell)}</td>" for cell in self._cells(layer)]
            if not layer.converted:
                cells[-1] = cells[-1].replace("<td>", f'<td colspan="{len(headings) - len(cells) + 1}">', 1)
            rows.append(f"<tr>{''.join(cells)}</tr>")
        caption = "<br>".join(map(escape, self._titles()))
        return (
            f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        )

    def _titles(self) -> list[str]:
        """The lines above the table."""
        title = f"{len(self.converted)} layers converted, {len(self.skipped)} skipped"
        if self.converted:
            before, after = self.parameters
            title += f"; {self.multiplications:.0%} of the multiplications; {before:,} parameters became {after:,}"
        if self.seconds is None:
            return [title]
        memory = (self.peak_memory or 0) / 1e9
        return [title, f"calibrated on {self.rows:,} rows in {self.seconds:.1f} s, with {memory:.1f} GB at most"]

    def _headings(self) -> list[str]:
        error = "calibrated" if self._calibrated else "this weight"
        headings = ["layer", "in × out", "tile", "rank", "mults", "predicted", error, "parameters"]
        kept = any(layer.break_even_rows is not None for layer in self.layers)
        return [*headings, "dense below"] if kept else headings

    def _cells(self, layer: LayerReport) -> list[str]:
        """What a row of the table says; of a skipped layer the last cell is the reason."""
        shape = "" if layer.in_features is None else f"{layer.in_features} × {layer.out_features}"
        if not layer.converted:
            return [layer.name, shape, f"skipped: {layer.reason}"]
        return [
            layer.name,
            shape,
            str(layer.tile),
            str(layer.rank),
            f"{layer.multiplications:.3f}",
            f"{layer.predicted_error:.3g}",
            f"{layer.calibrated_error if self._calibrated else layer.expected_error:.3g}",
            f"{layer.parameters_before:,} → {layer.parameters_after:,}",
            *_rows(layer.break_even_rows),
        ]

    @property
    def _calibrated(self) -> bool:
        return any(layer.calibrated_error is not None for layer in self.layers)


def skipped_layer(done: Replacement) -> LayerReport:
    """The report of a layer that was skipped.

    Parameters
    ----------
    done : Replacement
        What became of it.

    Returns
    -------
    LayerReport
        The report.

    Examples
    --------
    >>> skipped_layer(Replacement("head", "Linear", None, None, "too small")).reason
    'too small'
    """
    if done.linear is None:
        return LayerReport(done.name, done.kind, reason=done.reason)
    return LayerReport(done.name, done.kind, done.linear.in_features, done.linear.out_features, reason=done.reason)


def count_numbers(module: nn.Module) -> int:
    """The number of numbers that a module holds in its parameters and buffers.

    Parameters
    ----------
    module : nn.Module
        Any module.

    Returns
    -------
    int
        The number.

    Examples
    --------
    >>> count_numbers(nn.Linear(3, 2))
    8
    """
    return sum(tensor.numel() for tensor in (*module.parameters(), *module.buffers()))


def _rows(break_even: int | None) -> list[str]:
    if break_even is None:
        return []
    return ["any rows" if break_even == ALWAYS_DENSE else f"{break_even} rows"]
