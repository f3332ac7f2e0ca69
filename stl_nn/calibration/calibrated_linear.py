"""A calibrated STL layer: input channels centred and in a basis of their own, multiplied by tiles, outputs put back."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stl_algebra import TileEncoder
from stl_nn.calibration.channels import Channels
from stl_nn.calibration.outputs import Outputs
from stl_nn.linear import STLLinear
from stl_nn.matmul import FLOATING
from stl_nn.options import DEFAULT_OPTIONS, LayerOptions
from stl_nn.recursion import ENCODE_W, encode_levels


class CalibratedLinear(nn.Module):
    """y = STL((x − mean)·basis) + (b + mean·W): a drop-in for nn.Linear, x (..., K) to y (..., N).

    Parameters
    ----------
    mean : Tensor
        (K,), the mean of the inputs.
    basis : Tensor
        (K/b, b, b): blocks of b channels, each in coordinates of its own; for b = 1 a scale.
    stl : STLLinear
        The STLLinear over these, in the order of `Channels`.
    has_bias : bool
        Whether the dense layer had a bias.
    place : Tensor or None
        (N,) or None: where among the outputs of `stl` each output is, see `Outputs`.
    factor : Tensor or None
        (N,) or None: by what each output is multiplied there.
    """

    stands_in_for_dense = True

    mean: Tensor
    basis: Tensor
    place: Tensor | None
    factor: Tensor | None

    def __init__(
        self,
        mean: Tensor,
        basis: Tensor,
        stl: STLLinear,
        has_bias: bool = True,
        place: Tensor | None = None,
        factor: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.has_bias = has_bias
        self.register_buffer("mean", mean)
        self.register_buffer("basis", basis)
        self.register_buffer("place", place)
        self.register_buffer("factor", factor)
        self.stl = stl

    @property
    def in_features(self) -> int:
        """K."""
        return self.stl.in_features

    @property
    def out_features(self) -> int:
        """N."""
        return self.stl.out_features

    @property
    def encoder(self) -> TileEncoder:
        """That of `stl`."""
        return self.stl.encoder

    @property
    def weight(self) -> None:
        """None, as of `STLLinear`: the layer holds no weight of its inputs and outputs as they come."""

    @property
    def bias(self) -> None:
        """None: the bias is in `stl`, with what the mean adds to it and in the order of its outputs."""

    def forward(self, input: Tensor) -> Tensor:
        """Compute y (..., N) of an input x (..., K).

        Parameters
        ----------
        input : Tensor
            x, (..., K).

        Returns
        -------
        Tensor
            y, (..., N).
        """
        x = input
        # What does not fit goes on as it is: the layer says what is wrong; arithmetic would hide it.
        fits = x.dtype in FLOATING and x.dim() > 0 and x.shape[-1] == self.in_features
        y: Tensor = self.stl(self._mapped(x) if fits else x)
        return self._put_back(y)

    def _put_back(self, y: Tensor) -> Tensor:
        """The outputs (..., N) of `stl` in their places, at their scale."""
        if self.place is None or self.factor is None:
            return y
        return y.index_select(-1, self.place) * self.factor.to(y.dtype)  # which under autocast is less than its own

    def _mapped(self, x: Tensor) -> Tensor:
        centred = x - self.mean
        count, size, _ = self.basis.shape
        if size == 1:
            return centred * self.basis.view(-1)
        blocks = centred.reshape(-1, count, size).transpose(0, 1)
        return torch.bmm(blocks, self.basis).transpose(0, 1).reshape(x.shape)

    @torch.no_grad()
    def to_linear(self) -> nn.Linear:
        """The dense layer: of the weight kept, or of the encoded one if no refit has moved it.

        Returns
        -------
        nn.Linear
            The dense layer.

        Raises
        ------
        InvalidInput
            As `STLLinear.to_linear` does.
        """
        linear = self.stl.to_linear()
        count, size, _ = self.basis.shape
        mapped = self._put_back(linear.weight.double().T).reshape(count, size, -1)
        weight = (self.basis.double() @ mapped).reshape(self.in_features, -1).T
        bias = self._put_back(linear.bias.double()) - weight @ self.mean.double()
        dense = nn.Linear(self.in_features, self.out_features, self.has_bias, device="meta", dtype=linear.weight.dtype)
        dense.weight = nn.Parameter(weight.to(linear.weight.dtype), linear.weight.requires_grad)
        if self.has_bias:
            dense.bias = nn.Parameter(bias.to(linear.weight.dtype), linear.bias.requires_grad)
        return dense.train(self.training)

    @classmethod
    @torch.no_grad()
    def assemble(
        cls,
        linear: nn.Linear,
        encoder: TileEncoder,
        channels: Channels,
        encoded: Tensor | None = None,
        outputs: Outputs | None = None,
        options: LayerOptions = DEFAULT_OPTIONS,
    ) -> CalibratedLinear:
        """The layer of a dense one.

        Parameters
        ----------
        linear : nn.Linear
            The dense layer.
        encoder : TileEncoder
            The encoder.
        channels : Channels
            What is done to its input channels, of the weight with its output channels mapped by `outputs`.
        encoded : Tensor or None
            Encoded weights, (r, K/m, N/p); None encodes without data.
        outputs : Outputs or None
            What is done to its output channels; None leaves them as they are.
        options : LayerOptions
            How the layer holds its weight.

        Returns
        -------
        CalibratedLinear
            The calibrated layer.

        Examples
        --------
        >>> from stl_algebra import strassen
        >>> linear = nn.Linear(4, 2)
        >>> layer = CalibratedLinear.assemble(linear, strassen(), Channels.identity(4))
        >>> bool(torch.allclose(layer(torch.eye(4)), linear(torch.eye(4)), atol=1e-5))
        True
        """
        dtype, device = linear.weight.dtype, linear.weight.device
        to = outputs or Outputs.identity(linear.out_features)
        dense = linear.weight.detach().cpu().double().T
        mapped = nn.Linear(linear.in_features, linear.out_features, device="meta")
        weight = channels.unordered_weight(to.mapped(dense)).T
        mapped.weight = nn.Parameter(weight.to(device, dtype).contiguous(), linear.weight.requires_grad)
        offset = channels.mean @ dense
        offset = offset if linear.bias is None else linear.bias.detach().cpu() + offset
        mapped.bias = nn.Parameter(to.mapped(offset).to(device, dtype), bias_learns(linear))
        stl = STLLinear.from_linear(mapped, encoder, options, permutation=channels.order)
        if encoded is not None:
            assert stl.encoded_weight is not None
            _, *tiles = stl.encoded_weight.shape
            stl.encoded_weight.copy_(encode_levels(encoded, options.depth, ENCODE_W, (tiles[0], tiles[1])))
        mean, basis = channels.mean.to(device, dtype), channels.basis.to(device, dtype).contiguous()
        place = factor = None
        if not to.is_identity:
            place, factor = torch.argsort(to.order).to(device), (1 / to.scale).to(device, dtype)
        return cls(mean, basis, stl, linear.bias is not None, place, factor).train(linear.training)


def bias_learns(linear: nn.Linear) -> bool:
    """Whether the bias of what replaces a dense layer is trained.

    It is if the layer's bias was, or without one, as a calibrated layer makes its own, if its weight was.

    Parameters
    ----------
    linear : nn.Linear
        The dense layer.

    Returns
    -------
    bool
        Whether it is trained.

    Examples
    --------
    >>> bias_learns(nn.Linear(2, 2, bias=False).requires_grad_(False))
    False
    """
    return bool((linear.weight if linear.bias is None else linear.bias).requires_grad)
