"""Bit tricks and random numbers for kernels: factors are bit masks, and so are sets of products."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from stl_algebra.compiled import njit

U64 = np.uint64
_ONE, _SHIFT_32 = U64(1), U64(32)
_GOLDEN, _MIX_A, _MIX_B = U64(0x9E3779B97F4A7C15), U64(0xBF58476D1CE4E5B9), U64(0x94D049BB133111EB)


def _count_trailing_zeros(typing_context: Any, word: Any) -> Any:  # noqa: ARG001

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.cttz(arguments[0], context.get_constant(types.boolean, True))

    return types.uint64(types.uint64), build


#: The index of the lowest bit set in a uint64 that is not 0; for compiled code only.
lowest_bit: Any = intrinsic(_count_trailing_zeros)


@njit(cache=True)
def draw(random: np.ndarray) -> np.uint64:
    """The next of a sequence of 64 random bits; `random` is one uint64, any start will do.

    >>> state = np.array([1], dtype=np.uint64)
    >>> int(draw(state)) != int(draw(state))
    True

    Source: Steele, Lea, Flood, Fast splittable pseudorandom number generators, 2014 (SplitMix64).
    """
    random[0] += _GOLDEN
    z = random[0]
    z = (z ^ (z >> U64(30))) * _MIX_A
    z = (z ^ (z >> U64(27))) * _MIX_B
    return z ^ (z >> U64(31))


@njit(cache=True)
def below(bits: np.uint64, bound: int) -> int:
    """A number from 0 to bound − 1 from the upper half of random bits; bound < 2³².

    >>> int(below(np.uint64(2**63), 10))
    5
    """
    return np.int64(((bits >> _SHIFT_32) * U64(bound)) >> _SHIFT_32)  # type: ignore[return-value]


def _compare_block(typing_context: Any, row: Any, start: Any, value: Any) -> Any:  # noqa: ARG001

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        first = cgutils.get_item_pointer(context, builder, signature.args[0], array, [arguments[1]])
        block, undefined = ir.VectorType(ir.IntType(64), 64), ir.Undefined
        entries = builder.load(builder.bitcast(first, block.as_pointer()), align=8)
        alone = builder.insert_element(ir.Constant(block, undefined), arguments[2], ir.Constant(ir.IntType(32), 0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), 64), [0] * 64)
        values = builder.shuffle_vector(alone, ir.Constant(block, undefined), everywhere)
        return builder.bitcast(builder.icmp_unsigned("==", entries, values), ir.IntType(64))

    return types.uint64(row, types.intp, types.uint64), build


#: Which of 64 entries of a contiguous row of uint64, from an index on, equal a value, as a mask: (row, start, value);
#: for compiled code only. A loop over the entries compiles to twice the time: it adds the mask up bit by bit.
equal_to: Any = intrinsic(_compare_block)
