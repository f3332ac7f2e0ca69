"""Which encoder each layer of a model gets, and what it costs there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from math import ceil

from torch import nn

from stl_algebra import InvalidInput, TileEncoder
from stl_nn.encoder_tensors import OneEncoder, check_encoder
from stl_nn.expected_error import PRECISION_OF_DTYPE
from stl_nn.recursion import composed_rank, composed_tile
from stl_nn.replacement import Skipped, examples_of, is_linear
from stl_nn.weight_check import check_weight

#: One encoder for every layer, or a mapping from name patterns as of fnmatch: the first that matches counts, and None
#: leaves a layer as it is.
OneOrMapping = OneEncoder | Mapping[str, OneEncoder | None]
#: The same, or for a calibration with a budget a list or tuple to choose from.
Encoders = OneOrMapping | Sequence[OneEncoder]
#: Encoders by name pattern, checked.
Assignment = Mapping[str, TileEncoder | None]


def choices(encoder: Encoders) -> Sequence[OneOrMapping] | None:
    """The encoders to choose from, if there are several: those of a list or tuple; None for anything else.

    Parameters
    ----------
    encoder : TileEncoder, Entry, mapping or sequence
        What is offered for the layers of a model.

    Returns
    -------
    sequence of OneOrMapping or None
        The encoders to choose from, or None.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> choices(strassen()) is None, len(choices([strassen()]))
    (True, 1)
    """
    return encoder if isinstance(encoder, list | tuple) else None


def checked_encoders(encoder: Encoders, model: nn.Module) -> Assignment:
    """The encoders of a model's layers by name pattern.

    Parameters
    ----------
    encoder : TileEncoder, Entry, mapping or sequence
        One for all layers, or a mapping from patterns.
    model : nn.Module
        The model whose layers the patterns are to match.

    Returns
    -------
    dict
        The mapping, its entries of a catalog replaced by their encoders. One encoder has the pattern ``*``.

    Raises
    ------
    InvalidInput
        If something is no encoder over the reals, or a pattern matches no linear layer.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> list(checked_encoders(strassen(), nn.Sequential(nn.Linear(8, 8))))
    ['*']
    """
    if not isinstance(encoder, Mapping):
        return {"*": check_encoder(encoder)}
    names = [name for name, module in model.named_modules() if is_linear(module)]
    for pattern in encoder:
        if names and not any(fnmatchcase(name, pattern) for name in names):
            raise InvalidInput(
                f"the pattern {pattern!r} matches no linear layer of {type(model).__name__}, which has "
                f"{examples_of(names)}; mend or drop it"
            )
    return {pattern: None if one is None else check_encoder(one) for pattern, one in encoder.items()}


def encoder_for(name: str, linear: nn.Linear, encoders: Assignment, depth: int = 0) -> TileEncoder:
    """The encoder mapped to a layer.

    Parameters
    ----------
    name : str
        The layer's name in the model.
    linear : nn.Linear
        The layer.
    encoders : Assignment
        Encoders by name pattern, of `checked_encoders`.
    depth : int
        Levels of Strassen's scheme in the channels.

    Returns
    -------
    TileEncoder
        The encoder of the first pattern that matches.

    Raises
    ------
    Skipped
        With the reason, if the layer has no encoder or could not gain by it.
    InvalidInput
        If its weight cannot be encoded, or the encoder is one for a higher precision than the layer's.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> encoder_for("head", nn.Linear(8, 8), {"*": strassen()}).rank
    7
    """
    pattern = next((pattern for pattern in encoders if fnmatchcase(name, pattern)), None)
    chosen = None if pattern is None else encoders[pattern]
    if chosen is None:
        raise Skipped("no encoder is mapped to its name" if pattern is None else f"the pattern {pattern!r} leaves it")
    check_weight(linear.weight, repr(name))
    if 0 in linear.weight.shape:
        raise Skipped("it has no inputs or no outputs")
    if multiplications(linear.in_features, linear.out_features, chosen, depth) >= 1 > chosen.ratio:
        tile = composed_tile(chosen.format, depth)
        raise Skipped(f"too small: filled up to whole {tile} tiles it saves no multiplication")
    _check_precision(name, linear, chosen)
    return chosen


def _check_precision(name: str, linear: nn.Linear, encoder: TileEncoder) -> None:
    """Raise InvalidInput if rounding to the layer's own precision makes an encoder worse than leaving products out.

    An encoder that errs as much without any rounding is meant for inputs of other moments, or to be trained.
    """
    precision = PRECISION_OF_DTYPE[linear.weight.dtype]
    left_out = 1 - encoder.ratio
    error, unrounded = encoder.error_at(precision), encoder.relative_error
    if left_out <= 0 or not (error > left_out >= unrounded or error - unrounded > left_out):
        return
    n, m, p = encoder.format
    tile = str(n) if n == m == p else f'"{n}x{m}x{p}"'
    way_out = f'Catalog.default().best(tile={tile}, rank={encoder.rank}, precision="{precision.name}")'
    raise InvalidInput(
        f"{name!r} is a layer in {precision.name}, where rounding brings the error of this {encoder.format} rank "
        f"{encoder.rank} encoder to {error:.3g}, and leaving products out errs by {left_out:.3g}; take an encoder for "
        f"this precision, such as {way_out}"
    )


def multiplications(in_features: int, out_features: int, encoder: TileEncoder, depth: int = 0) -> float:
    """Scalar products that a layer takes by tiles, as a share of those of the dense layer.

    Parameters
    ----------
    in_features, out_features : int
        K and N of the layer.
    encoder : TileEncoder
        Its encoder.
    depth : int
        Levels of Strassen's scheme in the channels.

    Returns
    -------
    float
        The share for many rows, products with zero padding included; above 1 it takes more than the dense layer.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> multiplications(4, 3, strassen())
    1.1666666666666667
    """
    n, m, p = composed_tile(encoder.format, depth)
    rank = composed_rank(encoder.rank, depth)
    return rank * ceil(in_features / m) * ceil(out_features / p) / (n * in_features * out_features)
