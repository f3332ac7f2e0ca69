"""Tile encoders from maps into a group, through the Wedderburn transform."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.group_encoders.block_algorithm import block_algorithm
from stl_algebra.group_encoders.least_squares import keep_products, least_squares_decoder
from stl_algebra.group_encoders.maps import GroupMaps
from stl_algebra.representations.wedderburn import WedderburnTransform, wedderburn

Array = NDArray[np.float64]

#: Coefficients of exact encoders are sought among fractions with denominators up to this.
_MAX_DENOMINATOR = 10_000


def group_encoder(maps: GroupMaps, *, rational: bool = True) -> TileEncoder:
    """Build the encoder that multiplies in R[G]: transform, multiply block by block, transform back, decode.

    Blocks are multiplied by the best schemes known and decoded by least squares, so the relative error is that of the
    maps. Products that no output needs are left out; the rank is at most that of the algebra.

    Parameters
    ----------
    maps : GroupMaps
        Maps of the matrix entries into the group G.
    rational : bool, default True
        Rational bases of the blocks are used if they are found.

    Returns
    -------
    TileEncoder
        The encoder. It is proved exact over Q if the maps are exact and every block is rational; otherwise its ring is
        R.

    References
    ----------
    .. [1] Cohn, Umans, A group-theoretic approach to fast matrix multiplication, 2003, Theorem 4.1.

    Examples
    --------
    >>> from stl_algebra.groups import symmetric
    >>> group_encoder(GroupMaps.from_subsets(symmetric(3), [0, 1], [0, 2], [0, 5])).exact
    True
    """
    transform = wedderburn(maps.group, rational=rational)
    u, v, w, _ = _products(maps, transform)
    needed = _nonzero(u, v, w)
    u, v, w = u[needed], v[needed], w[needed]
    if maps.exact and transform.rational:
        return TileEncoder.from_exact(maps.format, _fractions(u), _fractions(v), _fractions(w.T))
    return TileEncoder(maps.format, u, v, w.T)


def truncated_group_encoder(*maps: GroupMaps, rank: int) -> TileEncoder:
    """Build an encoder of given rank from the products of one or several convolutions, with the best decoder for them.

    The products of all the maps' algebras are put together. Whole blocks (irreducible representations), then single
    products, are dropped if the refitted decoder loses least. If nothing is dropped, the relative error is at most that
    of the best of the maps.

    Parameters
    ----------
    *maps : GroupMaps
        Maps into one or several groups, all of one format.
    rank : int
        The number of products to keep.

    Returns
    -------
    TileEncoder
        The approximate encoder.

    Raises
    ------
    InvalidInput
        If the formats differ, or `rank` is not between 1 and the number of products.

    Examples
    --------
    >>> from stl_algebra.groups import symmetric
    >>> maps = GroupMaps.from_subsets(symmetric(3), [0, 1], [0, 2], [0, 5])
    >>> truncated_group_encoder(maps, rank=8).relative_error < 0.2
    True
    """
    if len({m.format for m in maps}) != 1:
        raise InvalidInput(
            f"the maps have different formats ({', '.join(str(m.format) for m in maps)}); give maps of one format"
        )
    format = maps[0].format
    parts = [_products(one, wedderburn(one.group, rational=True)) for one in maps]
    encode_x, encode_w = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
    block = np.concatenate([number + 1j * part for part, (*_, number) in enumerate(parts)])  # one label a block
    needed = _nonzero(encode_x, encode_w)
    encode_x, encode_w, block = encode_x[needed], encode_w[needed], block[needed]
    blocks = [np.flatnonzero(block == label) for label in np.unique(block)]
    kept = keep_products(format, encode_x, encode_w, rank, blocks)
    encode_x, encode_w = encode_x[kept], encode_w[kept]
    return TileEncoder(format, encode_x, encode_w, least_squares_decoder(format, encode_x, encode_w))


def _products(maps: GroupMaps, transform: WedderburnTransform) -> tuple[Array, Array, Array, NDArray[np.int64]]:
    """(E_X, E_W, Dᵀ, block of each product)."""
    lefts, rights, outputs, blocks = [], [], [], []
    decode = maps.decoder @ transform.inverse
    for number, (r, place) in enumerate(zip(transform.irreducibles, transform.slices, strict=True)):
        algorithm = block_algorithm(r.degree, r.algebra)
        rows = transform.forward[place]
        lefts.append(algorithm.left @ rows[:, maps.alpha])
        rights.append(algorithm.right @ rows[:, maps.beta])
        outputs.append(algorithm.output @ decode[:, place].T)
        blocks.append(np.full(algorithm.rank, number))
    return np.concatenate(lefts), np.concatenate(rights), np.concatenate(outputs), np.concatenate(blocks)


def _nonzero(*factors: Array) -> NDArray[np.bool_]:
    """The products to which every factor contributes."""
    weight = np.prod([np.linalg.norm(factor, axis=1) for factor in factors], axis=0)
    return np.asarray(weight > 1e-10 * weight.max())


def _fractions(values: Array) -> NDArray[np.object_]:
    """Entries as the nearby fractions of small denominator; the Brent equations prove or refute the choice."""
    nearby = [[Fraction(float(v)).limit_denominator(_MAX_DENOMINATOR) for v in row] for row in values]
    return np.array(nearby, dtype=object)
