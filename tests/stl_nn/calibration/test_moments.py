"""InputMoments against their definition, as a stream, shared between layers that see the same input."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from stl_algebra import InvalidInput
from stl_nn.calibration import Channels, InputMoments, MomentSums, gather_moments
from stl_nn.calibration.moments import damped_cholesky
from tests.stl_nn.calibration.cases import inputs


def of_tile_rows(moments: InputMoments, n: int) -> Tensor:
    """E of x_{i,a} x_{i',a'} over the n rows i of a tile, shape (n, K, n, K): blocks of the lagged moments."""
    lagged = moments.reaching(n)
    rows = [[lagged[j - i] if j >= i else lagged[i - j].T for j in range(n)] for i in range(n)]
    return torch.stack([torch.stack(row) for row in rows]).transpose(1, 2)


def test_moments_are_the_definition_whatever_the_batches() -> None:
    torch.manual_seed(0)
    sequences = [torch.randn(9, 5) + 1, torch.randn(4, 5)]
    sums = MomentSums(5, 3)
    for sequence in sequences:
        sums.add(sequence)
    found = sums.result()
    assert found.count == 13
    torch.testing.assert_close(found.mean, torch.cat(sequences).double().mean(dim=0))
    for lag in range(3):
        pairs = [torch.outer(s[t], s[t + lag]).double() for s in sequences for t in range(len(s) - lag)]
        torch.testing.assert_close(found.lagged[lag], torch.stack(pairs).sum(dim=0) / 13, rtol=1e-5, atol=1e-6)


@given(
    means=st.lists(st.floats(-1e4, 1e4), min_size=4, max_size=4),
    lengths=st.lists(st.integers(0, 300), min_size=1, max_size=4),
    lags=st.integers(1, 4),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
@settings(max_examples=30)
def test_how_inputs_vary_is_told_however_far_from_zero_they_are(
    means: list[float], lengths: list[int], lags: int, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    lengths = [*lengths, 50]
    sequences = [(torch.randn(length, 4) + torch.tensor(means)).to(dtype) for length in lengths]
    sums = MomentSums(4, lags)
    for sequence in sequences:
        sums.add(sequence)
    mean = torch.cat(sequences).double().mean(dim=0)
    for lag, found in enumerate(sums.result().centred().lagged):
        centred = [sequence.double() - mean for sequence in sequences]
        expected = sum(x[: max(len(x) - lag, 0)].T @ x[lag:] for x in centred) / sum(lengths)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_sequences_that_are_collected_stay_apart() -> None:
    """Whether they fit into what is collected at once, 36 rows here, fill it up, or are longer."""
    torch.manual_seed(0)
    sequences = [torch.randn(length, 6) for length in (5, 21, 1, 33, 34, 300, 2, 30, 3)]
    sums = MomentSums(6, 4)
    for sequence in sequences:
        given = sequence.clone()
        sums.add(given)
        given.zero_()  # as a network that works in place may do
    for lag, found in enumerate(sums.result().lagged):
        plain = sum((s[: max(len(s) - lag, 0)].T @ s[lag:]).double() for s in sequences)
        torch.testing.assert_close(found, plain / 429, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("lengths", [(9,), (2, 1, 3), (1,)])
def test_tile_moments_are_those_of_sequences_between_rows_of_zero(lengths: tuple[int, ...]) -> None:
    """Exactly, centred or not; so they are positive semidefinite."""
    torch.manual_seed(0)
    sequences = [torch.randn(length, 3) + 2 for length in lengths]
    sums = MomentSums(3, 3)
    for sequence in sequences:
        sums.add(sequence)
    mean = torch.cat(sequences).mean(dim=0)
    torch.testing.assert_close(sums.result().covariance(), sums.result().centred().second)
    for found, about in ((sums.result(), torch.zeros(3)), (sums.result().centred(), mean)):
        ends = torch.zeros(2, 3)
        filled = [torch.cat([ends, sequence - about, ends]).double() for sequence in sequences]
        tiles = torch.cat([x.unfold(0, 3, 1).transpose(1, 2).reshape(-1, 9) for x in filled])
        moment = of_tile_rows(found, 3).reshape(9, 9)
        torch.testing.assert_close(moment, tiles.T @ tiles / sum(lengths), rtol=1e-5, atol=1e-6)
        assert torch.linalg.eigvalsh(moment)[0] > -1e-6


def test_tile_moments_are_those_of_tiles_at_every_offset() -> None:
    torch.manual_seed(0)
    x = torch.randn(5000, 3).cumsum(dim=0) * 0.01 + torch.randn(5000, 3)
    sums = MomentSums(3, 2)
    sums.add(x)
    tiles = torch.stack([x[:-1], x[1:]], dim=1).reshape(-1, 6).double()
    by_hand = (tiles.T @ tiles / len(tiles)).reshape(2, 3, 2, 3)
    torch.testing.assert_close(of_tile_rows(sums.result(), 2), by_hand, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("block", [1, 2, 4])
def test_moments_of_mapped_channels_are_those_of_the_mapped_rows(block: int) -> None:
    torch.manual_seed(0)
    x, weight = inputs(50, 8), torch.randn(8, 6)
    sums, mapped = MomentSums(8, 2), MomentSums(8, 2)
    sums.add(x)
    channels = Channels.balanced(sums.result(), weight, 2, block)
    blocks = (x.double() - channels.mean).reshape(50, -1, 1, block) @ channels.basis
    mapped.add(blocks.reshape(50, 8)[:, channels.order])
    found, expected = channels.moments(sums.result()), mapped.result()
    torch.testing.assert_close(found.second, expected.second, rtol=1e-4, atol=1e-5)
    # Within a block inputs and weights have one diagonal second moment; centring lags is exact in the limit alone.
    back = found.second[channels.order.argsort()][:, channels.order.argsort()]
    dense = channels.unordered_weight(weight)
    for start in range(0, 8, block):
        some = slice(start, start + block)
        gram = dense[some] @ dense[some].T / 6
        torch.testing.assert_close(back[some, some], gram, rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(gram, torch.diag(gram.diagonal()), rtol=1e-6, atol=1e-9)


def test_too_few_lags_for_a_tile_are_refused() -> None:
    sums = MomentSums(2, 1)
    sums.add(torch.ones(3, 2))
    with pytest.raises(InvalidInput, match="tiles of 4 rows"):
        sums.result().reaching(4)


def test_layers_that_share_an_input_share_its_moments() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.out = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.out(self.q(x) + self.k(x))
            return y

    model = Branches()
    found = gather_moments({"q": model.q, "k": model.k, "out": model.out}, [torch.randn(6, 4)] * 3, model)
    assert found["q"] is found["k"]
    assert found["out"] is not found["q"]
    assert found["q"].count == found["out"].count == 18


#: (layer, tensor it is fed, whether that is changed in place before)
Step = tuple[str, int, bool]


@given(passes=st.lists(st.lists(st.tuples(st.sampled_from("qkv"), st.integers(0, 1), st.booleans())), max_size=4))
def test_what_layers_share_is_what_each_would_have_alone(passes: list[list[Step]]) -> None:
    """Whatever they are fed, in whatever order, and however often, after they have shared an input."""
    passes = [[("q", 0, False), ("k", 0, False), ("v", 0, False)], *passes]
    layers: dict[str, nn.Module] = {name: nn.Linear(3, 2) for name in "qkv"}

    def run(number: object) -> None:
        assert isinstance(number, int)
        tensors = [torch.randn(5, 3, generator=torch.Generator().manual_seed(2 * number + i)) for i in range(2)]
        for name, at, changed in passes[number]:
            if changed:
                tensors[at].add_(1)
            layers[name](tensors[at])

    found = gather_moments(layers, range(len(passes)), run, lags=2)
    for name, layer in layers.items():
        alone = gather_moments({name: layer}, range(len(passes)), run, lags=2)[name]
        assert found[name].count == alone.count
        torch.testing.assert_close(found[name].lagged, alone.lagged, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(found[name].mean, alone.mean)


def test_a_pass_ends_once_all_layers_have_been_called() -> None:
    first, second, after = nn.Linear(2, 2), nn.Linear(2, 2), []

    def run(x: object) -> None:
        second(first(x))
        after.append(second(x))

    for once, rows in ((True, 3), (False, 6)):
        assert gather_moments({"s": second, "f": first}, [torch.ones(3, 2)], run, once=once)["s"].count == rows
    assert len(after) == 1


def test_second_moments_that_are_none_are_refused() -> None:
    for wrong in (torch.full((2, 2), torch.nan), torch.tensor([[1.0, 0.0], [0.0, -1.0]])):
        with pytest.raises(InvalidInput, match="gather them anew"):
            damped_cholesky(wrong.double())


def test_nothing_and_nan_are_refused_and_leave_no_hooks() -> None:
    layer = nn.Linear(2, 2)
    with pytest.raises(InvalidInput, match="yields nothing"):
        gather_moments({"head": layer}, [], layer)
    with pytest.raises(InvalidInput, match="NaN"):
        gather_moments({"head": layer}, [torch.full((1, 2), torch.nan)], layer)
    assert not layer._forward_pre_hooks
