"""The part of a layer that holds its weight: dense, encoded, or both."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput, TileEncoder
from stl_nn.encoder_module import ENCODER_NAMES, EncoderModule
from stl_nn.options import LayerOptions, check_depth
from stl_nn.recovery import weight_above
from stl_nn.recursion import ENCODE_W, composed_tiles, encode_levels
from stl_nn.reference import encode_weight
from stl_nn.sharing import SharedResult


class WeightModule(EncoderModule):
    """A module that multiplies by a weight of K by N features, held in one form or two.

    Parameters
    ----------
    linear : nn.Linear
        A dense layer with the weight (N, K), which is copied, and the bias (N,), which is taken.
    encoder : TileEncoder
        The encoder.
    options : LayerOptions
        Which forms of the weight are held.

    Attributes
    ----------
    encoded_weight : nn.Parameter or None
        (r, ⌈K/m⌉, ⌈N/p⌉), or with a depth d (r·7^d, …); None if weights are encoded on the fly.
    weight : nn.Parameter or None
        (N, K), as in nn.Linear; None without `on_the_fly` and `keep_dense`.
    """

    weight: nn.Parameter | None
    encoded_weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(self, linear: nn.Linear, encoder: TileEncoder, options: LayerOptions) -> None:
        weight = linear.weight
        # Data-parallel training waits for the gradient of every parameter.
        taken = ENCODER_NAMES if options.on_the_fly else ("encode_x", "decode")
        learnable = taken if options.learnable else ()
        super().__init__(linear.in_features, encoder, options.depth, learnable, weight.dtype, weight.device)
        self.out_features = linear.out_features
        self.on_the_fly, self.keep_dense = options.on_the_fly, options.keep_dense
        self._shared: SharedResult | None = None
        self._member = 0
        self.register_parameter("bias", linear.bias)
        self.register_parameter("weight", None)
        self.register_parameter("encoded_weight", None)
        self._take_weight(weight)

    def effective_weight(self) -> Tensor:
        """The encoded weight (r, ⌈K/m⌉, ⌈N/p⌉); a layer that encodes on the fly encodes it now.

        Returns
        -------
        Tensor
            (r, ⌈K/m⌉, ⌈N/p⌉), or with a depth d (r·7^d, …).
        """
        if self.encoded_weight is not None:
            return self.encoded_weight
        assert self.weight is not None
        return self._encode(self.weight)

    @torch.no_grad()
    def to_unit_gain(self) -> None:
        """Give each channel s the coefficients ‖E_X[s]‖ = ‖D[:,s]‖ = 1, and its encoded weight the rest, in place.

        The operator stays the same. It trains better: a channel whose products cancel against another's has large
        coefficients, and then a step that is small for a weight is a leap in its output. A layer that encodes on the
        fly stays as it is, and so do channels that read or write nothing. The layer leaves the group that it shares
        an encoded input with.

        Examples
        --------
        >>> from stl_algebra import strassen
        >>> from stl_nn import STLLinear
        >>> layer = STLLinear.from_linear(nn.Linear(4, 4), strassen())
        >>> layer.to_unit_gain(); layer.decode.norm(dim=0).round(decimals=4).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
        """
        if self.encoded_weight is None:
            return
        x, d = self.encode_x.norm(dim=1), self.decode.norm(dim=0)
        used = (x > 0) & (d > 0)
        x, d = torch.where(used, x, 1.0), torch.where(used, d, 1.0)
        self.encode_x.div_(x[:, None])
        self.decode.div_(d)
        self.encode_w.mul_((x * d)[:, None])
        # Below levels of Strassen's scheme the encoder's channels lie side by side, once for each of the scheme's.
        times = len(self.encoded_weight) // len(x)
        self.encoded_weight.mul_((x * d).repeat(times)[:, None, None])
        self._frozen_encoder = None  # the one given has other coefficients now
        self._shared = None  # and so have those of the layers that took what this one encodes

    @torch.no_grad()
    def to_depth(self, depth: int) -> None:
        """Carry out the products of channels by another number of levels of Strassen's scheme, in place.

        The operator stays the same. An encoded weight takes 7/4 as many numbers for each level, so a deep layer is
        best trained at depth 0 and brought to its depth afterwards. The layer leaves the group that it shares an
        encoded input with.

        Parameters
        ----------
        depth : int
            The number of levels, 0 to 8.

        Raises
        ------
        InvalidInput
            If the weight was trained at the depth it has, or `depth` is no such number.

        Examples
        --------
        >>> from stl_algebra import strassen
        >>> from stl_nn import STLLinear
        >>> layer = STLLinear(8, 8, strassen(), LayerOptions(depth=2))
        >>> layer.to_depth(0); layer.encoded_weight.shape
        torch.Size([7, 4, 4])
        """
        depth = check_depth(depth)
        if self.encoded_weight is not None and depth != self.depth:
            _, m, p = self.format
            shape = self.in_features, self.out_features
            rows, columns = composed_tiles(shape, m, p, 0)
            above = weight_above(self.encoded_weight, self.depth)[:, :rows, :columns]
            encoded = encode_levels(above, depth, ENCODE_W, composed_tiles(shape, m, p, depth))
            learns = self.encoded_weight.requires_grad
            self.encoded_weight = nn.Parameter(encoded.to(above.dtype).contiguous(), requires_grad=learns)
            self._shared = None
        self.depth = depth

    @torch.no_grad()
    def _take_weight(self, weight: Tensor, requires_grad: bool = True) -> None:
        """Hold a dense weight (N, K) in the form or forms this layer keeps."""
        self._frozen_by_keeping = self.keep_dense and requires_grad
        if self.on_the_fly or self.keep_dense:
            self.weight = nn.Parameter(weight.detach().clone(), requires_grad=requires_grad and not self.keep_dense)
        if not self.on_the_fly:
            encoded = self._encode(weight.detach())
            self.encoded_weight = nn.Parameter(encoded, requires_grad=requires_grad and not self.keep_dense)

    def _learns(self) -> bool:
        """Whether a weight of this layer would be trained; one kept beside the encoded one is frozen meanwhile."""
        held = self.weight if self.encoded_weight is None else self.encoded_weight
        return held is not None and (held.requires_grad or self._frozen_by_keeping)

    def _encode(self, weight: Tensor) -> Tensor:
        columns = weight if self.permutation is None else weight.index_select(1, self.permutation)
        return encode_weight(columns.T, self.encoder_tensors())

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """As in nn.Module, but another encoder or depth is refused."""
        self._refuse_another_encoder(state_dict, prefix)
        encoded = state_dict.get(prefix + "encoded_weight")
        if encoded is not None and self.encoded_weight is not None and len(encoded) != len(self.encoded_weight):
            raise InvalidInput(
                f"the state_dict of layer {prefix.rstrip('.') or type(self).__name__!r} was saved at another depth "
                f"than its {self.depth}; convert with the depth it was saved with, then load"
            )
        super()._load_from_state_dict(state_dict, prefix, *args)
