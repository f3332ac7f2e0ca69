"""A calibrated STL layer: input channels centred and in a basis of their own, then multiplied by tiles."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stl_algebra import TileEncoder
from stl_nn.calibration.channels import Channels
from stl_nn.linear import STLLinear
from stl_nn.matmul import FLOATING
from stl_nn.recursion import ENCODE_W, descend


class CalibratedLinear(nn.Module):
    """y = STL((x − mean)·basis) + (b + mean·W): a drop-in for nn.Linear, x (..., K) to y (..., N).

    mean   (K,) buffer
    basis  (K/b, b, b) buffer: blocks of b channels each in coordinates of its own; for b = 1 a scale
    stl    STLLinear over these, in the order of `Channels`
    """

    mean: Tensor
    basis: Tensor

    def __init__(self, mean: Tensor, basis: Tensor, stl: STLLinear, has_bias: bool = True) -> None:
        super().__init__()
        self.has_bias = has_bias
        self.register_buffer("mean", mean)
        self.register_buffer("basis", basis)
        self.stl = stl

    @property
    def in_features(self) -> int:
        return self.stl.in_features

    @property
    def out_features(self) -> int:
        return self.stl.out_features

    @property
    def encoder(self) -> TileEncoder:
        return self.stl.encoder

    def forward(self, x: Tensor) -> Tensor:
        # What does not fit goes on as it is: the layer says what is wrong, where arithmetic would hide it.
        fits = x.dtype in FLOATING and x.dim() > 0 and x.shape[-1] == self.in_features
        y: Tensor = self.stl(self._mapped(x) if fits else x)
        return y

    def _mapped(self, x: Tensor) -> Tensor:
        centred = x - self.mean
        count, size, _ = self.basis.shape
        if size == 1:
            return centred * self.basis.view(-1)
        blocks = centred.reshape(-1, count, size).transpose(0, 1)
        return torch.bmm(blocks, self.basis).transpose(0, 1).reshape(x.shape)

    @torch.no_grad()
    def to_linear(self) -> nn.Linear:
        """The dense layer: from the weight kept, or from the encoded one where no refit has moved it.

        Raises InvalidInput as `STLLinear.to_linear` does.
        """
        linear = self.stl.to_linear()
        count, size, _ = self.basis.shape
        mapped = linear.weight.double().T.reshape(count, size, -1)
        weight = (self.basis.double() @ mapped).reshape(self.in_features, -1).T
        bias = linear.bias.double() - weight @ self.mean.double()
        dense = nn.Linear(self.in_features, self.out_features, self.has_bias, device="meta", dtype=linear.weight.dtype)
        dense.weight = nn.Parameter(weight.to(linear.weight.dtype))
        if self.has_bias:
            dense.bias = nn.Parameter(bias.to(linear.weight.dtype))
        return dense.train(self.training)

    @classmethod
    @torch.no_grad()
    def assemble(
        cls,
        linear: nn.Linear,
        encoder: TileEncoder,
        channels: Channels,
        encoded: Tensor | None = None,
        *,
        keep_dense: bool = False,
        break_even_rows: int = 0,
        depth: int = 0,
    ) -> CalibratedLinear:
        """The layer of a dense one: encoded weights (r, K/m, N/p) given, or data-free where left out.

        `keep_dense`, `break_even_rows` and `depth` as of `STLLinear`.

        >>> from stl_algebra import strassen
        >>> linear = nn.Linear(4, 2)
        >>> layer = CalibratedLinear.assemble(linear, strassen(), Channels.identity(4))
        >>> bool(torch.allclose(layer(torch.eye(4)), linear(torch.eye(4)), atol=1e-5))
        True
        """
        dtype, device = linear.weight.dtype, linear.weight.device
        mapped = nn.Linear(linear.in_features, linear.out_features, device="meta")
        mapped.weight = nn.Parameter(channels.unordered_weight(linear.weight.T).T.to(dtype).contiguous())
        offset = linear.weight.double() @ channels.mean.to(device)
        mapped.bias = nn.Parameter((offset if linear.bias is None else linear.bias + offset).to(dtype))
        stl = STLLinear.from_linear(
            mapped,
            encoder,
            permutation=channels.order,
            keep_dense=keep_dense,
            break_even_rows=break_even_rows,
            depth=depth,
        )
        if encoded is not None:
            assert stl.encoded_weight is not None
            _, *tiles = stl.encoded_weight.shape
            stl.encoded_weight.copy_(descend(encoded, depth, ENCODE_W, (tiles[0], tiles[1])))
        mean, basis = channels.mean.to(device, dtype), channels.basis.to(device, dtype).contiguous()
        return cls(mean, basis, stl, linear.bias is not None).train(linear.training)
