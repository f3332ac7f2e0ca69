"""STLLinear: a linear layer that multiplies by tiles."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from stl_algebra import Format, InvalidInput, TileEncoder
from stl_nn.activation import ACTIVATIONS, check_activation
from stl_nn.encoded import encode_input, multiply_encoded
from stl_nn.encoder_tensors import EncoderTensors, check_depth, check_encoder, coefficient_dtype
from stl_nn.matmul import FLOATING, stl_matmul
from stl_nn.recovery import recover_weight, weight_above
from stl_nn.recursion import ENCODE_W, descend, whole_tiles
from stl_nn.reduced import tolerates_reduced
from stl_nn.reference import encode_weight
from stl_nn.sharing import SharedResult, can_share

ENCODER_NAMES = ("encode_x", "encode_w", "decode")
#: What an autocast region casts: float64 stays as it is.
AUTOCAST = (torch.float32, torch.bfloat16, torch.float16)


class STLLinear(nn.Module):
    """y = activation(x W + b) by a tile encoder: a drop-in for nn.Linear, x (..., K) to y (..., N).

    Parameters and buffers, all in the plain state_dict:

        encoded_weight      (r, ⌈K/m⌉, ⌈N/p⌉)   parameter; None where weights are encoded on the fly
        weight              (N, K)               parameter, as in nn.Linear; None unless `on_the_fly` or `keep_dense`
        bias                (N,)                 parameter or None
        encode_x, encode_w, decode               buffers; where `learnable` parameters, but for an encode_w that no call
                                                 takes, of weights encoded before; never below float32
        permutation         (K,)                 buffer or None: the input channels in the order they are tiled

    Consecutive rows of x, all leading axes flattened, form tiles; the last is filled with zero rows.

    learnable   the encoder is trained along with the weights
    on_the_fly  keep the dense weight and encode it at every call: as few parameters as nn.Linear
    depth       levels of Strassen's scheme that carry out the products of channels, each at 7/8 of the multiplications
                and with the same error: at 1 the layer is that of `kronecker(strassen(), encoder)`, of twice the tile
    keep_dense  keep a frozen dense weight beside the encoded one, and in evaluation mode use it below
                `break_even_rows` rows, where encoding costs more than it saves

    `backend` is that of `stl_matmul` and may be set at any time.

    >>> from stl_algebra import strassen
    >>> STLLinear(6, 3, strassen())(torch.ones(5, 6)).shape
    torch.Size([5, 3])

    Source: arXiv 2503.12211.
    """

    encode_x: Tensor
    encode_w: Tensor
    decode: Tensor
    permutation: Tensor | None
    weight: nn.Parameter | None
    encoded_weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        encoder: TileEncoder,
        bias: bool = True,
        *,
        learnable: bool = False,
        on_the_fly: bool = False,
        keep_dense: bool = False,
        break_even_rows: int = 0,
        activation: str = "none",
        depth: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        linear = nn.Linear(in_features, out_features, bias=bias, device=device, dtype=dtype)
        super().__init__()
        check_encoder(encoder)
        if on_the_fly and keep_dense:
            raise InvalidInput("on_the_fly keeps the dense weight already; leave out keep_dense")
        self.in_features, self.out_features = in_features, out_features
        self.format: Format = encoder.format
        self.rank = encoder.rank
        self.depth = check_depth(depth)
        self.learnable, self.on_the_fly, self.keep_dense = learnable, on_the_fly, keep_dense
        self.break_even_rows = break_even_rows
        self.backend = "auto"
        self._shared: SharedResult | None = None
        self._member = 0
        self.activation = check_activation(activation)
        self._frozen_encoder = None if learnable else encoder
        self._coarse = not learnable and tolerates_reduced(encoder)
        tensors = EncoderTensors.of(encoder, linear.weight.dtype, linear.weight.device)
        for name in ENCODER_NAMES:
            tensor = getattr(tensors, name)
            # Data-parallel training waits for the gradient of every parameter.
            if learnable and (on_the_fly or name != "encode_w"):
                self.register_parameter(name, nn.Parameter(tensor))
            else:
                self.register_buffer(name, tensor)
        self.register_buffer("permutation", None)
        self.register_parameter("bias", linear.bias)
        self.register_parameter("weight", None)
        self.register_parameter("encoded_weight", None)
        self._take_weight(linear.weight)

    @classmethod
    def from_linear(
        cls,
        linear: nn.Linear,
        encoder: TileEncoder,
        *,
        learnable: bool = False,
        on_the_fly: bool = False,
        keep_dense: bool = False,
        break_even_rows: int = 0,
        activation: str = "none",
        depth: int = 0,
        permutation: Tensor | None = None,
    ) -> Self:
        """The layer with the weight and bias of `linear`, encoded without data.

        `permutation` (K,) lists the input channels in the order in which m of them form a tile.
        Raises InvalidInput where the weight holds NaN or infinity, or is no floating-point matrix.

        >>> from stl_algebra import strassen
        >>> linear, x = nn.Linear(4, 4), torch.eye(4)
        >>> bool(torch.allclose(STLLinear.from_linear(linear, strassen())(x), linear(x), atol=1e-5))
        True
        """
        weight = check_weight(linear.weight, f"Linear({linear.in_features}, {linear.out_features})")
        layer = cls(
            linear.in_features,
            linear.out_features,
            encoder,
            bias=linear.bias is not None,
            learnable=learnable,
            on_the_fly=on_the_fly,
            keep_dense=keep_dense,
            break_even_rows=break_even_rows,
            activation=activation,
            depth=depth,
            device="meta",
            dtype=weight.dtype,
        )
        tensors = EncoderTensors.of(encoder, weight.dtype, weight.device)
        for name in ENCODER_NAMES:
            tensor, learns = getattr(tensors, name), isinstance(getattr(layer, name), nn.Parameter)
            setattr(layer, name, nn.Parameter(tensor) if learns else tensor)
        if permutation is not None:
            layer.permutation = _check_permutation(permutation, linear.in_features).to(weight.device)
        if linear.bias is not None:
            layer.bias = nn.Parameter(linear.bias.detach().clone(), requires_grad=linear.bias.requires_grad)
        layer._take_weight(weight, requires_grad=linear.weight.requires_grad)
        return layer.train(linear.training)

    def forward(self, input: Tensor) -> Tensor:
        x = input
        if x.dim() == 0 or x.shape[-1] != self.in_features:
            raise InvalidInput(
                f"an input of shape {tuple(x.shape)} does not fit a layer of {self.in_features} input features"
            )
        x, bias = self._autocast(x), self._autocast(self.bias)
        if self.uses_dense(x.numel() // max(self.in_features, 1)):
            assert self.weight is not None
            return ACTIVATIONS[self.activation](functional.linear(x, self._autocast(self.weight), bias))
        weight, encoder = self._autocast(self.effective_weight()), self.encoder_tensors()
        if self._shared is not None:
            encoded = self._shared.get(
                self._member, input, lambda: encode_input(self._permuted(x), encoder, self.backend)
            )
            shape = (x.numel() // self.in_features, self.out_features)
            y = multiply_encoded(
                encoded, weight, encoder, shape, bias=bias, activation=self.activation, backend=self.backend
            )
            return y.reshape(*x.shape[:-1], self.out_features)
        return stl_matmul(
            self._permuted(x),
            weight,
            encoder,
            out_features=self.out_features,
            bias=bias,
            activation=self.activation,
            backend=self.backend,
        )

    @staticmethod
    def group(layers: Sequence[STLLinear]) -> None:
        """Let layers that are called with the same tensor, one after the other, encode it once: q, k and v, say.

        The model's forward stays as it is. Raises InvalidInput where they do not encode alike.

        >>> from stl_algebra import strassen
        >>> STLLinear.group([STLLinear(4, 4, strassen()), STLLinear(4, 8, strassen())])
        """
        if not layers:
            raise InvalidInput("a group needs at least one layer")
        reason = can_share(layers)
        if reason:
            raise InvalidInput(f"these layers cannot share an encoded input: {reason}")
        shared = SharedResult(len(layers))
        for number, layer in enumerate(layers):
            layer._shared, layer._member = shared, number

    def uses_dense(self, rows: int) -> bool:
        """Whether a call with so many rows takes the dense weight that `keep_dense` kept."""
        return self.keep_dense and not self.training and rows < self.break_even_rows

    def effective_weight(self) -> Tensor:
        """The encoded weight (r, ⌈K/m⌉, ⌈N/p⌉), encoded now where the layer does so on the fly."""
        if self.encoded_weight is not None:
            return self.encoded_weight
        assert self.weight is not None
        return self._encode(self.weight)

    def encoder_tensors(self) -> EncoderTensors:
        """The encoder as the layer's own tensors, learnable ones included."""
        return EncoderTensors(self.format, self.encode_x, self.encode_w, self.decode, self._coarse, self.depth)

    @property
    def encoder(self) -> TileEncoder:
        """The encoder: the one given, or what learning has made of it; `depth` comes on top."""
        if self._frozen_encoder is not None:
            return self._frozen_encoder
        factors = (getattr(self, name).detach().double().cpu().numpy() for name in ENCODER_NAMES)
        return TileEncoder(self.format, *factors)

    @torch.no_grad()
    def to_unit_gain(self) -> None:
        """Give each channel ‖E_X[s]‖ = ‖D[:,s]‖ = 1 and its encoded weight the rest, in place: the same operator.

        A channel whose products cancel against another's has large coefficients; a step that is small for a weight is
        a leap in its output then. Layers that encode on the fly, and channels that read or write nothing, stay as
        they are. The layer leaves the group that it shares an encoded input with.

        >>> from stl_algebra import strassen
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
        """Carry out the products of channels by so many levels of Strassen's scheme, in place: the same operator.

        An encoded weight takes 7/4 as many numbers for each level, so a deep layer is best trained at depth 0 and
        brought to its depth afterwards. The layer leaves the group that it shares an encoded input with. Raises
        InvalidInput where the weight was trained at the depth it has, and where `depth` is none.

        >>> from stl_algebra import strassen
        >>> layer = STLLinear(8, 8, strassen(), depth=2)
        >>> layer.to_depth(0); layer.encoded_weight.shape
        torch.Size([7, 4, 4])
        """
        depth = check_depth(depth)
        if self.encoded_weight is not None and depth != self.depth:
            _, m, p = self.format
            rows, columns = whole_tiles((self.in_features, self.out_features), m, p, 0)
            above = weight_above(self.encoded_weight, self.depth)[:, :rows, :columns]
            tiles = whole_tiles((self.in_features, self.out_features), m, p, depth)
            encoded = descend(above, depth, ENCODE_W, tiles).to(above.dtype).contiguous()
            self.encoded_weight = nn.Parameter(encoded, requires_grad=self.encoded_weight.requires_grad)
            self._shared = None
        self.depth = depth

    @torch.no_grad()
    def to_linear(self) -> nn.Linear:
        """The dense layer: the weight it kept, or the one its encoded weight is the encoding of.

        Raises InvalidInput where training or calibration moved the encoded weight away from any encoding, and where
        the layer applies an activation besides.
        """
        if self.activation != "none":
            raise InvalidInput(
                f"this layer applies {self.activation} as it decodes, which no linear layer does; set its activation "
                '"none" and apply it to what the layer returns'
            )
        dense: Tensor
        if self.weight is not None:
            dense = self.weight
        else:
            assert self.encoded_weight is not None
            recovered = recover_weight(self.encoded_weight, self.encoder_tensors())
            recovered = recovered[: self.in_features, : self.out_features]
            if self.permutation is not None:
                recovered = recovered[torch.argsort(self.permutation)]
            dense = recovered.T
        linear = nn.Linear(self.in_features, self.out_features, self.bias is not None, device="meta", dtype=dense.dtype)
        weight = dense.detach().clone(memory_format=torch.contiguous_format)
        linear.weight = nn.Parameter(weight, requires_grad=self._learns())
        if self.bias is not None:
            linear.bias = nn.Parameter(self.bias.detach().clone(), requires_grad=self.bias.requires_grad)
        return linear.train(self.training)

    def extra_repr(self) -> str:
        kind = "learnable " if self.learnable else ""
        text = f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}, "
        text += f"encoder={kind}{self.format} rank {self.rank}"
        if self.depth:
            text += f", {self.depth} level{'s' * (self.depth > 1)} of Strassen"
        if self.on_the_fly:
            text += ", weight encoded on the fly"
        if self.keep_dense:
            text += ", dense" if self.break_even_rows == sys.maxsize else f", dense below {self.break_even_rows} rows"
        return text if self.activation == "none" else f"{text}, activation={self.activation}"

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

    def _permuted(self, x: Tensor) -> Tensor:
        return x if self.permutation is None else x.index_select(-1, self.permutation)

    def _autocast(self, tensor: Any) -> Any:
        """A tensor in the dtype of an enclosing autocast region, as nn.Linear takes it there."""
        if tensor is not None and tensor.dtype in AUTOCAST and torch.is_autocast_enabled(tensor.device.type):
            return tensor.to(torch.get_autocast_dtype(tensor.device.type))
        return tensor

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """As in nn.Module, but `.half()` and `.bfloat16()` leave the encoder's coefficients in float32."""
        coefficients = {id(getattr(self, name)) for name in ENCODER_NAMES}

        def keep_coefficients(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            if id(tensor) in coefficients and coefficient_dtype(moved.dtype) != moved.dtype:
                return tensor.to(moved.device, torch.float32)
            return moved

        applied: Self = super()._apply(keep_coefficients, recurse)
        return applied

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        for name in ENCODER_NAMES:
            theirs, own = state_dict.get(prefix + name), getattr(self, name)
            if theirs is None:
                continue
            same = theirs.shape == own.shape
            if same and not self.learnable and not own.is_meta:
                same = torch.equal(theirs.to(own.device, torch.float32), own.float())
            if not same:
                raise InvalidInput(
                    f"the state_dict of layer {prefix.rstrip('.') or type(self).__name__!r} was saved with another "
                    f"encoder ({name} differs) than its {self.format} rank {self.rank}; convert with the encoder it "
                    "was saved with, then load, or keep converted models by save_converted and load_converted"
                )
        encoded = state_dict.get(prefix + "encoded_weight")
        if encoded is not None and self.encoded_weight is not None and len(encoded) != len(self.encoded_weight):
            raise InvalidInput(
                f"the state_dict of layer {prefix.rstrip('.') or type(self).__name__!r} was saved at another depth "
                f"than its {self.depth}; convert with the depth it was saved with, then load"
            )
        if state_dict.get(prefix + "permutation") is not None and self.permutation is None:
            # Present or absent is a property of the saved layer, not of the encoder.
            self.permutation = torch.arange(self.in_features, device=self.encode_x.device)
        super()._load_from_state_dict(state_dict, prefix, *args)


def check_weight(weight: Tensor, name: str) -> Tensor:
    """Return a weight fit to encode, or raise InvalidInput naming the layer.

    >>> check_weight(torch.full((2, 2), torch.nan), "head")
    Traceback (most recent call last):
        ...
    stl_algebra.errors.InvalidInput: the weight of head holds NaN or infinity; repair the checkpoint or filter it out
    """
    if weight.dtype not in FLOATING or weight.dim() != 2:
        raise InvalidInput(f"the weight of {name} is {weight.dtype} of shape {tuple(weight.shape)}, no real matrix")
    if weight.is_meta:
        raise InvalidInput(f"the weight of {name} is on the meta device; load the model before converting it")
    if not bool(torch.isfinite(weight.detach()).all()):
        raise InvalidInput(f"the weight of {name} holds NaN or infinity; repair the checkpoint or filter it out")
    return weight


def _check_permutation(permutation: Tensor, features: int) -> Tensor:
    order = permutation.to(torch.int64)
    if order.shape != (features,) or not torch.equal(order.sort().values.cpu(), torch.arange(features)):
        raise InvalidInput(f"permutation of shape {tuple(permutation.shape)} does not order {features} input features")
    return order
