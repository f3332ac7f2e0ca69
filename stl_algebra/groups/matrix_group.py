"""Groups of matrices modulo an integer: Heisenberg and special linear."""

from __future__ import annotations

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.direct_product import check_prime
from stl_algebra.groups.generated import generated_group
from stl_algebra.groups.group import FiniteGroup

Matrix = tuple[tuple[int, ...], ...]


def heisenberg(n: int) -> FiniteGroup:
    """Build the Heisenberg group of order n³: upper unitriangular 3×3 matrices over Z/n.

    For an odd prime it is the extraspecial group of exponent n; for n = 2 it is D4.

    Parameters
    ----------
    n : int
        The modulus, at least 2.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If n is less than 2, or the group has more than MAX_ORDER elements.

    Examples
    --------
    >>> heisenberg(3).name, heisenberg(3).exponent
    ('He3', 3)
    """
    if n < 2:
        raise InvalidInput(f"the Heisenberg group over Z/{n} is trivial; give a modulus of at least 2")
    x = ((1, 1, 0), (0, 1, 0), (0, 0, 1))
    y = ((1, 0, 0), (0, 1, 1), (0, 0, 1))
    return matrix_group(f"He{n}", n, [x, y])


def special_linear(p: int) -> FiniteGroup:
    """Build SL(2, p), the 2×2 matrices of determinant 1 over GF(p), of order p(p² − 1).

    Parameters
    ----------
    p : int
        A prime: 2, 3, 5, 7 or 11.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If p is not prime, or the group has more than MAX_ORDER elements.

    Examples
    --------
    >>> special_linear(3).order
    24
    """
    check_prime(p)
    return matrix_group(f"SL(2,{p})", p, [((1, 1), (0, 1)), ((1, 0), (1, 1))])


def matrix_group(name: str, modulus: int, generators: list[Matrix]) -> FiniteGroup:
    """Build the group that square matrices over Z/modulus generate.

    Parameters
    ----------
    name : str
        The name of the group.
    modulus : int
        The modulus, at least 1.
    generators : list of tuple of tuple of int
        Invertible matrices as tuples of rows, at least one.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If the group has more than MAX_ORDER elements.

    Examples
    --------
    >>> matrix_group("C4", 5, [((2,),)]).order
    4
    """
    size = len(generators[0])
    identity = tuple(tuple(int(i == j) for j in range(size)) for i in range(size))

    def product(a: Matrix, b: Matrix) -> Matrix:
        columns = list(zip(*b, strict=True))
        return tuple(tuple(sum(map(int.__mul__, row, col)) % modulus for col in columns) for row in a)

    return generated_group(name, identity, generators, product)
