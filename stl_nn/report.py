"""What a conversion did, layer by layer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class LayerReport:
    """One linear layer of a converted model.

    kind             type of the layer it was
    tile, rank       of its encoder; None where skipped, and `reason` says why
    multiplications  scalar products against the dense layer, zero padding included
    predicted_error  relative output error for independent inputs and weights, at `precision`
    expected_error   the same for this weight and independent inputs: no data seen
    break_even_rows  with the dense weight kept: fewer rows take it, sys.maxsize meaning that all do
    parameters_*     numbers the layer holds, frozen ones and the encoder's included
    calibrated_error on the calibration inputs, for their second moments; None without calibration
    seconds          that calibrating this layer took
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
        return self.tile is not None


@dataclass(frozen=True)
class ConversionReport:
    """The layers of one conversion, in the model's order. Iterates over them; str() is a table.

    rows         rows of calibration input seen; None without calibration, as what follows
    seconds      that the calibration took in all
    peak_memory  the largest resident size of the process until its end, in bytes

    >>> len(ConversionReport(()))
    0
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
        return tuple(layer for layer in self.layers if layer.converted)

    @property
    def skipped(self) -> tuple[LayerReport, ...]:
        return tuple(layer for layer in self.layers if not layer.converted)

    @property
    def multiplications(self) -> float:
        """Scalar products of the converted layers against what they took dense, for equally many rows."""
        dense = [(layer.in_features or 0) * (layer.out_features or 0) for layer in self.converted]
        taken = sum(size * (layer.multiplications or 0) for size, layer in zip(dense, self.converted, strict=True))
        return taken / sum(dense) if sum(dense) else 1.0

    def as_json(self) -> dict[str, Any]:
        """Plain numbers and strings, for json.dumps.

        >>> ConversionReport((LayerReport("head", "Linear", reason="too small"),)).as_json()["layers"][0]["reason"]
        'too small'
        """
        return {
            "converted": len(self.converted),
            "skipped": len(self.skipped),
            "multiplications": self.multiplications,
            "parameters_before": sum(layer.parameters_before or 0 for layer in self.converted),
            "parameters_after": sum(layer.parameters_after or 0 for layer in self.converted),
            "calibration_rows": self.rows,
            "seconds": self.seconds,
            "peak_memory_bytes": self.peak_memory,
            "layers": [asdict(layer) for layer in self.layers],
        }

    def __rich__(self) -> Table:
        before = sum(layer.parameters_before or 0 for layer in self.converted)
        after = sum(layer.parameters_after or 0 for layer in self.converted)
        title = f"{len(self.converted)} layers converted, {len(self.skipped)} skipped"
        if self.converted:
            title += f"; {self.multiplications:.0%} of the multiplications; {before:,} parameters became {after:,}"
        if self.seconds is not None:
            memory = (self.peak_memory or 0) / 1e9
            title += f"\ncalibrated on {self.rows:,} rows in {self.seconds:.1f} s, with {memory:.1f} GB at most"
        calibrated = any(layer.calibrated_error is not None for layer in self.layers)
        table = Table(title=title, title_justify="left")
        table.add_column("layer", overflow="fold")
        for heading in (
            "in × out",
            "tile",
            "rank",
            "mults",
            "predicted",
            "calibrated" if calibrated else "this weight",
            "parameters",
        ):
            table.add_column(heading, justify="right")
        if any(layer.break_even_rows is not None for layer in self.layers):
            table.add_column("dense below", justify="right")
        for layer in self.layers:
            shape = "" if layer.in_features is None else f"{layer.in_features} × {layer.out_features}"
            if not layer.converted:
                table.add_row(layer.name, shape, f"[dim]skipped: {layer.reason}[/dim]")
                continue
            table.add_row(
                layer.name,
                shape,
                layer.tile,
                str(layer.rank),
                f"{layer.multiplications:.3f}",
                f"{layer.predicted_error:.3g}",
                f"{layer.calibrated_error if calibrated else layer.expected_error:.3g}",
                f"{layer.parameters_before:,} → {layer.parameters_after:,}",
                *_rows(layer.break_even_rows),
            )
        return table

    def __str__(self) -> str:
        console = Console(file=StringIO(), width=140)
        console.print(self)
        text: str = console.file.getvalue()  # type: ignore[attr-defined]
        return text.rstrip()


def _rows(break_even: int | None) -> list[str]:
    if break_even is None:
        return []
    return ["any rows" if break_even == sys.maxsize else f"{break_even} rows"]
