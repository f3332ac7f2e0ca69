"""Maps of matrix entries into a group, and how well the group algebra then multiplies matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.groups.group import Elements, FiniteGroup
from stl_algebra.groups.names import group_by_name
from stl_algebra.groups.triple_product import Triple

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GroupMaps:
    """Maps α, β of the entries of X (n×m) and W (m×p), row-major, into a group G.

    X and W become Σ x_a α(a) and Σ w_b β(b) in R[G]. A linear form reads each output entry off their product.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    group : FiniteGroup
        The group G.
    alpha : array_like of int, shape (n·m,)
        The element of G for each entry of X.
    beta : array_like of int, shape (m·p,)
        The element of G for each entry of W.

    Raises
    ------
    InvalidInput
        If a length does not fit the format, or a number is not an element of the group.

    References
    ----------
    .. [1] Cohn, Umans, A group-theoretic approach to fast matrix multiplication, 2003 (exact maps).
    .. [2] arXiv 2510.22193 (maps with collisions).

    Examples
    --------
    >>> from stl_algebra.groups import cyclic
    >>> GroupMaps(Format(1, 1, 1), cyclic(3), [1], [2]).relative_error
    0.0
    """

    format: Format
    group: FiniteGroup
    alpha: Elements
    beta: Elements

    def __post_init__(self) -> None:
        object.__setattr__(self, "format", Format(*self.format))
        for name, size in (("alpha", self.format.n * self.format.m), ("beta", self.format.m * self.format.p)):
            given = np.asarray(getattr(self, name))
            if given.shape != (size,):
                raise InvalidInput(f"{name} has shape {given.shape}; format {self.format} needs {size} elements")
            self.group.subset(given)
            images = given.astype(np.int64)
            images.setflags(write=False)
            object.__setattr__(self, name, images)

    @cached_property
    def collisions(self) -> tuple[Elements, Elements]:
        """Counts (N, n) of pairs of entries: N[g] of them fall on g, and n[k, g] of those belong to output k.

        The shapes are (|G|,) and (n·p, |G|).
        """
        n, m, p = self.format
        order = self.group.order
        total = np.bincount(self.group.table[np.ix_(self.alpha, self.beta)].ravel(), minlength=order)
        i, j, k = np.indices((n, m, p)).reshape(3, -1)
        hit = self.group.table[self.alpha[i * m + j], self.beta[j * p + k]]
        wanted = np.bincount((i * p + k) * order + hit, minlength=n * p * order).reshape(n * p, order)
        return total.astype(np.int64), wanted.astype(np.int64)

    @property
    def decoder(self) -> Array:
        """The least-squares forms n[k, g] / N[g] that read each output off the product, of shape (n·p, |G|)."""
        total, wanted = self.collisions
        return wanted / np.maximum(total, 1)

    @property
    def relative_error(self) -> float:
        """The relative squared error with the least-squares decoder: 1 − Σ_kg n[k, g]² / (N[g] · n·m·p)."""
        total, wanted = self.collisions
        return 0.0 if self.exact else float(1 - np.sum(wanted**2 / np.maximum(total, 1)) / self.format.products)

    @property
    def exact(self) -> bool:
        """Whether no output collides with anything else, decided in integers."""
        total, wanted = self.collisions
        return not np.any(wanted * (total - wanted))

    @classmethod
    def from_subsets(cls, group: FiniteGroup, s: ArrayLike, t: ArrayLike, u: ArrayLike) -> GroupMaps:
        """Build the maps x_ij ↦ s_i⁻¹ t_j and w_jk ↦ t_j⁻¹ u_k of three subsets.

        They are exact if the subsets have the triple product property.

        Parameters
        ----------
        group : FiniteGroup
            The group.
        s : array_like of int, shape (n,)
            Distinct elements, one for each row of X.
        t : array_like of int, shape (m,)
            Distinct elements, one for each inner index.
        u : array_like of int, shape (p,)
            Distinct elements, one for each column of W.

        Returns
        -------
        GroupMaps
            The maps of ⟨n,m,p⟩.

        Raises
        ------
        InvalidInput
            If a subset is empty or repeats an element, or a number is not an element of the group.

        Examples
        --------
        >>> from stl_algebra.groups import symmetric
        >>> GroupMaps.from_subsets(symmetric(3), [0, 1], [0, 2], [0, 5]).exact
        True
        """
        return cls.from_triples(group, [(s, t, u)])

    @classmethod
    def from_triples(cls, group: FiniteGroup, triples: Sequence[Triple]) -> GroupMaps:
        """Build the maps of several triples of subsets, which split the inner dimension between them.

        The decoder adds up their products. The maps are exact if the triples have the simultaneous triple product
        property.

        Parameters
        ----------
        group : FiniteGroup
            The group.
        triples : sequence of tuples of three array_like of int
            Triples (A_i, B_i, C_i) of lists of distinct elements, with common sizes |A_i| = n and |C_i| = p.

        Returns
        -------
        GroupMaps
            The maps of ⟨n, Σ|B_i|, p⟩.

        Raises
        ------
        InvalidInput
            If the outer sizes differ, a subset is empty or repeats an element, or a number is not an element of the
            group.

        References
        ----------
        .. [1] Cohn, Kleinberg, Szegedy, Umans, Group-theoretic algorithms for matrix multiplication, 2005, §5.

        Examples
        --------
        >>> from stl_algebra.groups import puzzle_triples
        >>> maps = GroupMaps.from_triples(*puzzle_triples([(1, 2, 3), (3, 1, 2)], 3))
        >>> maps.format, maps.exact
        (Format(n=2, m=4, p=2), True)
        """
        families = [[np.asarray(subset, dtype=np.int64) for subset in triple] for triple in triples]
        if not families or any(s.ndim != 1 or len(np.unique(s)) < max(len(s), 1) for f in families for s in f):
            raise InvalidInput("a subset for group maps must be a list of distinct elements, at least one")
        for subset in (s for family in families for s in family):
            group.subset(subset)
        sizes = {(len(a), len(c)) for a, _, c in families}
        if len(sizes) > 1:
            raise InvalidInput(f"the triples have outer sizes {sorted(sizes)}; they must agree to share one tile")
        alpha = [group.table[np.ix_(group.inverses[a], b)] for a, b, _ in families]
        beta = [group.table[np.ix_(group.inverses[b], c)] for _, b, c in families]
        joined_alpha, joined_beta = np.concatenate(alpha, axis=1), np.concatenate(beta, axis=0)
        format = Format(joined_alpha.shape[0], joined_alpha.shape[1], joined_beta.shape[1])
        return cls(format, group, joined_alpha.ravel(), joined_beta.ravel())

    def provenance(self) -> dict[str, Any]:
        """Describe the maps as plain data, from which `from_provenance` builds them again.

        Returns
        -------
        dict
            The name of the group under ``"group"`` and lists of numbers under ``"alpha"`` and ``"beta"``.
        """
        return {"group": self.group.name, "alpha": self.alpha.tolist(), "beta": self.beta.tolist()}

    @classmethod
    def from_provenance(cls, format: Format, data: dict[str, Any]) -> GroupMaps:
        """Build the maps that `provenance` describes.

        Parameters
        ----------
        format : Format
            The format ⟨n,m,p⟩.
        data : dict
            What `provenance` returns.

        Returns
        -------
        GroupMaps
            The maps.

        Raises
        ------
        InvalidInput
            If the data do not describe maps of the format.

        Examples
        --------
        >>> from stl_algebra.groups import cyclic
        >>> maps = GroupMaps(Format(1, 1, 1), cyclic(3), [1], [2])
        >>> GroupMaps.from_provenance(maps.format, maps.provenance()).alpha.tolist()
        [1]
        """
        try:
            name, alpha, beta = str(data["group"]), np.array(data["alpha"]), np.array(data["beta"])
        except (KeyError, TypeError, ValueError):
            raise InvalidInput(
                "group maps need the name of a group under 'group' and lists of numbers under 'alpha' and 'beta'"
            ) from None
        return cls(format, group_by_name(name), alpha, beta)

    def __repr__(self) -> str:
        return f"GroupMaps({self.format}, {self.group.name}, relative_error={self.relative_error:.6g})"
