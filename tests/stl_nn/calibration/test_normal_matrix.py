"""A matrix that is never held has the products, the diagonal and the triangle of the one that is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stl_nn.calibration import TileSystem, normal_matrix, refit
from stl_nn.calibration.normal_matrix import NormalMatrix
from stl_nn.encoder_tensors import EncoderTensors
from tests.stl_nn.calibration.cases import inputs, moments_of, truncated_strassen


@pytest.fixture(params=[1, 1 << 11, 1 << 25])  # bytes at once: one tile, some that do not come out even, all
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[TileSystem, EncoderTensors, Tensor]:
    monkeypatch.setattr(normal_matrix, "CHUNK_BYTES", request.param)
    encoder = EncoderTensors.of(truncated_strassen(), torch.float64)
    weight = torch.randn(14, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    system = TileSystem.of(truncated_strassen().format, moments_of(inputs(300, 14), 2), weight)
    return system, encoder, system.normal(encoder.encode_x, encoder.decode)


def test_it_is_the_matrix_that_is_held(case: tuple[TileSystem, EncoderTensors, Tensor]) -> None:
    system, encoder, held = case
    whole = range(system.tiles)
    ours = system.normal_matrix(encoder.encode_x, encoder.decode, whole, whole)
    x = torch.randn(len(held), 3, dtype=torch.float64)
    torch.testing.assert_close(ours.diagonal(), held.diagonal())
    torch.testing.assert_close(ours.times(x), held @ x)
    torch.testing.assert_close(ours.energy(x), float(torch.sum(x * (held @ x))))
    torch.testing.assert_close(ours.upper(torch.float64).triu(), held.triu())
    assert ours.upper(torch.float32).dtype == torch.float32


def test_a_part_of_it_is_that_of_the_tiles(case: tuple[TileSystem, EncoderTensors, Tensor]) -> None:
    system, encoder, held = case
    part = system.normal_matrix(encoder.encode_x, encoder.decode, range(2, 5), range(1, 7))
    x = torch.randn(36, 3, dtype=torch.float64)
    torch.testing.assert_close(part.times(x), held[12:30, 6:42] @ x)


def test_one_matrix_of_the_size_of_the_system_is_held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normal_matrix, "CHUNK_BYTES", 1)
    held: list[torch.dtype] = []
    make = NormalMatrix.upper
    monkeypatch.setattr(NormalMatrix, "upper", lambda self, dtype: held.append(dtype) or make(self, dtype))
    largest = 0
    rows = NormalMatrix._rows

    def watched(self: NormalMatrix, upper: bool = False):  # type: ignore[no-untyped-def]
        nonlocal largest
        for start, some in rows(self, upper):
            largest = max(largest, some.numel())
            yield start, some

    monkeypatch.setattr(NormalMatrix, "_rows", watched)
    encoder = EncoderTensors.of(truncated_strassen(), torch.float64)
    weight = torch.randn(40, 6, dtype=torch.float64)
    system = TileSystem.of(truncated_strassen().format, moments_of(inputs(3000, 40), 2), weight)
    refit(system, encoder.encode_x, encoder.decode, torch.zeros(6, 20, 3, dtype=torch.float64))
    assert held == [torch.float32]
    assert largest == 6 * 120  # the rows of one tile
