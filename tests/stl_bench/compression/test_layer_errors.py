"""The relative output error of stand-ins, against its definition."""

from __future__ import annotations

import torch
from torch import nn

from stl_bench.compression.layer_errors import layer_errors


def test_the_error_is_the_definition_over_all_inputs() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.GELU(), nn.Linear(5, 4, bias=False))
    stand_in, batches = nn.Linear(5, 4), [torch.randn(7, 6), torch.randn(3, 6)]
    errors = layer_errors(model, {"2": {"other": stand_in}}, lambda m: [m(batch) for batch in batches])
    x = torch.cat([model[1](model[0](batch)) for batch in batches]).double()
    y = x @ model[2].weight.T.double()
    wrong = (x @ stand_in.weight.T.double() + stand_in.bias.double() - y).detach()
    torch.testing.assert_close(
        errors["2"]["other"], (wrong.square().sum() / y.square().sum()).item(), rtol=1e-5, atol=0
    )


def test_the_bias_is_no_part_of_the_energy() -> None:
    layer, shifted = nn.Linear(3, 3), nn.Linear(3, 3)
    with torch.no_grad():
        shifted.weight.copy_(layer.weight * 2)
        shifted.bias.copy_(layer.bias)
        layer.bias += 100
        shifted.bias += 100
    model = nn.Sequential(layer)
    errors = layer_errors(model, {"0": {"doubled": shifted}}, lambda m: m(torch.randn(50, 3)))
    torch.testing.assert_close(errors["0"]["doubled"], 1.0, rtol=1e-3, atol=0)


def test_no_hook_stays_behind() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    layer_errors(model, {"0": {"same": model[0]}}, lambda m: m(torch.ones(1, 2)))
    assert not model[0]._forward_hooks
