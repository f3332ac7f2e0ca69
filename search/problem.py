"""What a search looks for: an encoder of a format and rank of least error at a precision."""

from __future__ import annotations

from dataclasses import dataclass, field

from search.numerics.objective import Factors, Objective
from stl_algebra import Format, InvalidInput, Precision, TileEncoder, TileMoments

#: A non-exact encoder is preferred to an exact one if its error at the precision is smaller by more than this.
EXACTNESS = 1e-3


@dataclass(frozen=True)
class Problem:
    """What a search looks for: an encoder of a format and rank of least error at a precision.

    Parameters
    ----------
    format : Format
        The format ⟨n, m, p⟩.
    rank : int
        The number of products, from 1 to n·m·p.
    precision : Precision
        The number format at which the error is minimised.
    known : tuple[TileEncoder, ...]
        Encoders of the same format, of any rank, that a strategy may start from.
    weights : TileMoments, optional
        Second moments of the tiles. The error is then that under these moments; by default it is that on white inputs.
    parts : tuple[TileEncoder, ...]
        Encoders of smaller formats that a strategy may compose.

    Raises
    ------
    InvalidInput
        If the rank or the weights do not fit the format.

    Examples
    --------
    >>> Problem(Format(2, 2, 2), 7).precision.name
    'bf16'
    """

    format: Format
    rank: int
    precision: Precision = field(default_factory=lambda: Precision.parse("bf16"))
    known: tuple[TileEncoder, ...] = ()
    weights: TileMoments | None = None
    parts: tuple[TileEncoder, ...] = ()

    def __post_init__(self) -> None:
        self.format.check_rank(self.rank)
        if self.weights is not None and self.weights.format != self.format:
            raise InvalidInput(f"moments of tiles {self.weights.format} say nothing of tiles {self.format}")

    def objective(self, penalty_scale: float = 1.0) -> Objective:
        """Return the sum of squares to minimise.

        Parameters
        ----------
        penalty_scale : float
            The penalty on growth is multiplied by this. A factor above 1 holds the growth down.

        Returns
        -------
        Objective
            The sum of squares, in the coordinates of `factors`.
        """
        return Objective.at(self.format, self.precision, penalty_scale=penalty_scale, weights=self.weights)

    def factors(self, encoder: TileEncoder) -> Factors:
        """Return an encoder's factors in the coordinates of the objective.

        Parameters
        ----------
        encoder : TileEncoder
            An encoder of the format, of any rank r.

        Returns
        -------
        Factors
            u (r, n·m), v (r, m·p) and w (r, n·p), one row a product.
        """
        return self.whitened(encoder.factors)

    def whitened(self, factors: Factors) -> Factors:
        """Return factors in the coordinates of the objective.

        Parameters
        ----------
        factors : Factors
            Factors as they stand in an encoder.

        Returns
        -------
        Factors
            The same with the square roots of the weights multiplied in; unchanged if there are no weights.
        """
        return factors if self.weights is None else self.weights.whitened(factors)

    def encoder(self, factors: Factors) -> TileEncoder:
        """Return the approximate encoder of some factors.

        Parameters
        ----------
        factors : Factors
            Factors in the coordinates of the objective.

        Returns
        -------
        TileEncoder
            An encoder over the reals.
        """
        u, v, w = factors if self.weights is None else self.weights.restored(factors)
        return TileEncoder(self.format, u, v, w.T)

    def error(self, encoder: TileEncoder) -> float:
        """Return what a search minimises: the error at the precision, under the weights if there are any.

        Parameters
        ----------
        encoder : TileEncoder
            An encoder of the format.

        Returns
        -------
        float
            The error as a part of ‖XW‖².
        """
        if self.weights is None:
            return encoder.error_at(self.precision)
        return self.weights.error_at(encoder, self.precision)

    def cost(self, encoder: TileEncoder) -> float:
        """Return what encoders are ranked by: the error, less `EXACTNESS` if the encoder is exact.

        Parameters
        ----------
        encoder : TileEncoder
            An encoder of the format.

        Returns
        -------
        float
            The cost; the less, the better.
        """
        return self.error(encoder) - EXACTNESS * encoder.ring.is_exact_for_reals

    def improves(self, encoder: TileEncoder, best: TileEncoder | None) -> bool:
        """Return whether an encoder is worth reporting after the best so far.

        Parameters
        ----------
        encoder : TileEncoder
            The new encoder.
        best : TileEncoder or None
            The best so far; None if there is none.

        Returns
        -------
        bool
            Whether its cost is lower by more than a ten-thousandth of its error.
        """
        if best is None:
            return True
        return self.cost(encoder) < self.cost(best) - 1e-4 * self.error(encoder)

    def known_of_rank(self, rank: int) -> list[TileEncoder]:
        """Return the known encoders of one rank.

        Parameters
        ----------
        rank : int
            The number of products.

        Returns
        -------
        list[TileEncoder]
            The encoders, best first.
        """
        return sorted((e for e in self.known if e.rank == rank), key=self.cost)
