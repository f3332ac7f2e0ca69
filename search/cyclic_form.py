"""Recognising Z3-invariant encoders: products into fixed ones and cyclic triples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stl_algebra import TileEncoder
from stl_algebra.rotation import transpose_rows

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CyclicForm:
    """A Z3-invariant encoder of ⟨n,n,n⟩: `fixed` (f, n²) for products a⊗a⊗a, `triples` (3, t, n²).

    >>> from stl_algebra import strassen
    >>> CyclicForm.of(strassen()).counts
    (1, 2)
    """

    fixed: Array
    triples: Array

    @property
    def counts(self) -> tuple[int, int]:
        """(f, t): the rank is f + 3t."""
        return len(self.fixed), self.triples.shape[1]

    @property
    def size(self) -> int:
        """n²."""
        return self.fixed.shape[1]

    @property
    def point(self) -> tuple[Array]:
        """The point of a CyclicModel."""
        return (np.concatenate([self.fixed, self.triples.reshape(-1, self.triples.shape[2])]),)

    @classmethod
    def from_point(cls, point: tuple[Array, ...], fixed: int) -> CyclicForm:
        (x,) = point
        return cls(x[:fixed], x[fixed:].reshape(3, -1, x.shape[1]))

    @classmethod
    def of(cls, encoder: TileEncoder) -> CyclicForm | None:
        """The form of an encoder, or None where its format is no cube above 1 or it is not Z3-invariant to 1e-9."""
        n = encoder.format.n
        if not encoder.format.is_cube or n == 1:
            return None
        u, v, w = encoder.factors
        z = transpose_rows(w, n, n)
        norms = np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1) * np.linalg.norm(z, axis=1)
        if not norms.all():
            return None
        # Product t is the rotation (v, z, u) of product s where their cosine is 1 and their norms agree.
        cosine = (v @ u.T) * (z @ v.T) * (u @ z.T) / np.outer(norms, norms)
        image = cosine.argmax(axis=1)
        found = cosine[np.arange(len(u)), image]
        if np.any(found < 1 - 1e-9) or np.any(np.abs(norms[image] / norms - 1) > 1e-7):
            return None
        if not np.array_equal(image[image[image]], np.arange(len(u))):
            return None
        fixed = np.flatnonzero(image == np.arange(len(u)))
        first = np.flatnonzero((np.arange(len(u)) < image) & (np.arange(len(u)) < image[image]))
        return cls(_cube_roots(u[fixed], v[fixed], z[fixed]), np.stack([u[first], v[first], z[first]]))


def _cube_roots(u: Array, v: Array, z: Array) -> Array:
    """a with a⊗a⊗a = u⊗v⊗z, for parallel rows."""
    scale = np.einsum("sa,sa->s", u, v) * np.einsum("sa,sa->s", u, z) / np.einsum("sa,sa->s", u, u) ** 2
    return u * np.cbrt(scale)[:, None]
