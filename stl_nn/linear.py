"""STLLinear: a linear layer that multiplies by tiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from stl_algebra import InvalidInput
from stl_nn.activation import ACTIVATIONS, check_activation
from stl_nn.encoded import encode_input, multiply_encoded
from stl_nn.encoder_module import can_share
from stl_nn.encoder_tensors import EncoderTensors, OneEncoder, check_encoder
from stl_nn.matmul import stl_matmul
from stl_nn.options import ALWAYS_DENSE, DEFAULT_OPTIONS, LayerOptions, check_options
from stl_nn.recovery import recover_weight
from stl_nn.sharing import SharedResult
from stl_nn.weight_check import check_permutation, check_weight
from stl_nn.weight_module import WeightModule

#: What an autocast region casts: float64 stays as it is.
AUTOCAST = (torch.float32, torch.bfloat16, torch.float16)


class STLLinear(WeightModule):
    """y = activation(x W + b) by a tile encoder: a drop-in for nn.Linear, x (..., K) to y (..., N).

    Consecutive rows of x, all leading axes flattened, form tiles; the last tile is filled with zero rows.

    Parameters
    ----------
    in_features, out_features : int
        K and N.
    encoder : TileEncoder or Entry
        A tile encoder of format ⟨n,m,p⟩ and rank r, or an entry of a catalog.
    options : LayerOptions
        How the weight is held and the products are carried out.
    bias : bool
        Whether there is a bias.
    activation : str
        What is applied as the layer decodes: "none", "relu", "silu", "gelu" or "gelu_tanh".
    device : device or str or None
        As in nn.Linear.
    dtype : dtype or None
        As in nn.Linear.

    Attributes
    ----------
    encoded_weight : nn.Parameter or None
        (r, ⌈K/m⌉, ⌈N/p⌉); None if weights are encoded on the fly. With a depth d it is (r·7^d, …), over tiles that are
        2^d as large.
    weight : nn.Parameter or None
        (N, K), as in nn.Linear; None without `on_the_fly` and `keep_dense`.
    bias : nn.Parameter or None
        (N,).
    encode_x, encode_w, decode : Tensor
        The encoder's coefficients, never below float32: buffers, or parameters if the encoder is learnable. An
        `encode_w` that no call takes, because the weight was encoded before, remains a buffer.
    permutation : Tensor or None
        (K,), a buffer: the input channels in the order in which they are tiled.
    backend : str
        That of `stl_matmul`; it may be set at any time.

    Raises
    ------
    InvalidInput
        If the encoder, the options or the activation cannot be.

    References
    ----------
    The Strassen-Tile operator: arXiv 2503.12211.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> STLLinear(6, 3, strassen())(torch.ones(5, 6)).shape
    torch.Size([5, 3])
    """

    stands_in_for_dense = True

    def __init__(
        self,
        in_features: int,
        out_features: int,
        encoder: OneEncoder,
        options: LayerOptions = DEFAULT_OPTIONS,
        bias: bool = True,
        *,
        activation: str = "none",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        linear = nn.Linear(in_features, out_features, bias=bias, device=device, dtype=dtype)
        super().__init__(linear, check_encoder(encoder), check_options(options))
        self.break_even_rows = options.break_even_rows or 0
        self.backend = "auto"
        self.activation = check_activation(activation)

    @classmethod
    def from_linear(
        cls,
        linear: nn.Linear,
        encoder: OneEncoder,
        options: LayerOptions = DEFAULT_OPTIONS,
        *,
        activation: str = "none",
        permutation: Tensor | None = None,
    ) -> Self:
        """The layer with the weight and bias of a dense one, encoded without data.

        Parameters
        ----------
        linear : nn.Linear
            The dense layer; it is left as it is.
        encoder : TileEncoder or Entry
            As of `STLLinear`.
        options : LayerOptions
            As of `STLLinear`.
        activation : str
            As of `STLLinear`.
        permutation : Tensor or None
            The input channels (K,) in the order in which m of them form a tile; None leaves them in order.

        Returns
        -------
        Self
            The layer, in the training mode of the dense one.

        Raises
        ------
        InvalidInput
            If the weight holds NaN or infinity or is no floating-point matrix, and as `STLLinear` does.

        Examples
        --------
        >>> from stl_algebra import strassen
        >>> linear, x = nn.Linear(4, 4), torch.eye(4)
        >>> bool(torch.allclose(STLLinear.from_linear(linear, strassen())(x), linear(x), atol=1e-5))
        True
        """
        weight, encoder = linear.weight, check_encoder(encoder)
        check_weight(weight, f"Linear({linear.in_features}, {linear.out_features})")
        layer = cls(
            linear.in_features,
            linear.out_features,
            encoder,
            options,
            linear.bias is not None,
            activation=activation,
            device="meta",
            dtype=weight.dtype,
        )
        layer._set_coefficients(EncoderTensors.of(encoder, weight.dtype, weight.device))
        if permutation is not None:
            layer.permutation = check_permutation(permutation, linear.in_features).to(weight.device)
        if linear.bias is not None:
            layer.bias = nn.Parameter(linear.bias.detach().clone(), requires_grad=linear.bias.requires_grad)
        layer._take_weight(weight, requires_grad=weight.requires_grad)
        return layer.train(linear.training)

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
        if x.dim() == 0 or x.shape[-1] != self.in_features:
            raise InvalidInput(
                f"an input of shape {tuple(x.shape)} does not fit a layer of {self.in_features} input features"
            )
        x, bias = self._autocast(x), self._autocast(self.bias)
        if self.uses_dense(x.numel() // max(self.in_features, 1)):
            assert self.weight is not None
            return ACTIVATIONS[self.activation](functional.linear(x, self._autocast(self.weight), bias))
        weight, encoder = self._autocast(self.effective_weight()), self.encoder_tensors_within(x.dtype)
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

        The model's forward stays as it is.

        Parameters
        ----------
        layers : sequence of STLLinear
            The layers, at least one.

        Raises
        ------
        InvalidInput
            If they do not encode alike, see `can_share`.

        Examples
        --------
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
        """Whether a call with this number of rows takes the dense weight that `keep_dense` kept.

        Parameters
        ----------
        rows : int
            The number of rows.

        Returns
        -------
        bool
            Whether it takes the dense weight.
        """
        return self.keep_dense and not self.training and rows < self.break_even_rows

    @torch.no_grad()
    def to_linear(self) -> nn.Linear:
        """The dense layer: of the weight it kept, or of the one that its encoded weight is the encoding of.

        Returns
        -------
        nn.Linear
            The dense layer, with numbers of its own.

        Raises
        ------
        InvalidInput
            If training or calibration moved the encoded weight away from any encoding, or the layer applies an
            activation besides.
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
        """What `repr` says of the layer, on one line.

        Returns
        -------
        str
            On one line.
        """
        kind = "learnable " if self.learnable else ""
        text = f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}, "
        text += f"encoder={kind}{self.format} rank {self.rank}"
        if self.depth:
            text += f", {self.depth} level{'s' * (self.depth > 1)} of Strassen"
        if self.on_the_fly:
            text += ", weight encoded on the fly"
        if self.keep_dense:
            text += ", dense" if self.break_even_rows == ALWAYS_DENSE else f", dense below {self.break_even_rows} rows"
        return text if self.activation == "none" else f"{text}, activation={self.activation}"

    def _autocast(self, tensor: Any) -> Any:
        """A tensor in the dtype of an enclosing autocast region, as nn.Linear takes it there."""
        if tensor is not None and tensor.dtype in AUTOCAST and torch.is_autocast_enabled(tensor.device.type):
            return tensor.to(torch.get_autocast_dtype(tensor.device.type))
        return tensor
