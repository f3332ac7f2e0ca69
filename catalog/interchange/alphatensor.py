"""AlphaTensor's npz files, and single arrays: keys "n,m,p", values (u, v, w) with one column a product; w is for Cᵀ.

Formats whose three factors have one shape are a stacked integer array; the others are pickled object arrays,
which are read without running the pickle.

Source: Fawzi et al., Discovering faster matrix multiplication algorithms with reinforcement learning, Nature 610, 2022.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.lib import format as npy

from catalog.encoder_file import check_size
from catalog.interchange.inert_pickle import read_object_array
from catalog.interchange.scheme import LIMIT, Rows, Scheme, format_of_sizes, parse_rational, transposed
from catalog.interchange.triples import COMPLEX
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format

#: No honest member is larger, and no honest file holds more of them.
MAX_MEMBER_BYTES = 1 << 26
MAX_MEMBERS = 4096
_KEY = re.compile(r"(\d{1,3}),(\d{1,3}),(\d{1,3})\.npy")


def recognises(content: bytes) -> bool:
    """Whether a file is a zip archive, as npz files are.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    bool
        Whether it is.
    """
    return content[:2] == b"PK"


def read(content: bytes) -> Iterator[tuple[str, Scheme | InvalidInput]]:
    """Read every scheme of a file.

    Parameters
    ----------
    content : bytes
        The whole file.

    Yields
    ------
    name : str
        Its key, such as 2,3,4.
    scheme : Scheme or InvalidInput
        The scheme, or what is wrong with it.

    Raises
    ------
    InvalidInput
        If it is no such file.
    """
    with _sound_zip():
        archive = zipfile.ZipFile(io.BytesIO(content))
        members = archive.infolist()
    if not members or len(members) > MAX_MEMBERS or not all(_KEY.fullmatch(m.filename) for m in members):
        raise InvalidInput("its members are not named after formats, such as 4,4,4.npy")
    if sum(member.file_size for member in members) > MAX_MEMBER_BYTES:
        raise InvalidInput(f"it unpacks to more than {MAX_MEMBER_BYTES} bytes")
    for member in members:
        try:
            with _sound_zip(), archive.open(member) as file:
                data = file.read(MAX_MEMBER_BYTES)
            found: Scheme | InvalidInput = _scheme(member.filename, data)
        except InvalidInput as error:
            found = error
        yield member.filename.removesuffix(".npy"), found


def recognises_array(content: bytes) -> bool:
    """Whether a file is a NumPy array, as .npy files are.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    bool
        Whether it is.
    """
    return content[:6] == b"\x93NUMPY"


def read_array(content: bytes) -> Iterator[tuple[str, Scheme]]:
    """Read the scheme of a .npy file: three factors (u, v, w), one product a column or a row; w is for Cᵀ or for C.

    The format is that of the factors' sizes. Where a product may be a column as well as a row, the way that gives an
    exact scheme is taken.

    Parameters
    ----------
    content : bytes
        The whole file.

    Yields
    ------
    name : str
        "".
    scheme : Scheme
        The scheme.

    Raises
    ------
    InvalidInput
        If it is no such file.
    """
    factors = _arrays(content)
    if len(factors) != 3 or any(factor.ndim != 2 for factor in factors):
        raise InvalidInput("it does not hold three matrices u, v and w")
    schemes: list[Scheme] = []
    faults: list[InvalidInput] = []
    for turned in (factors, [factor.T for factor in factors]):
        try:
            format = format_of_sizes(*(len(factor) for factor in turned))
            schemes.append(_scheme_of(format, turned, ""))
        except InvalidInput as error:
            faults.append(error)
    if not schemes:
        raise faults[0]
    exact = (one for one in schemes if any(way.proved() for way in (one, *one.in_other_orders())))
    yield "", schemes[0] if len(schemes) == 1 else next(exact, schemes[0])


def write(schemes: dict[str, Scheme]) -> bytes:
    """Write schemes with integer coefficients into an npz file.

    Parameters
    ----------
    schemes : dict of str to Scheme
        The schemes by key "n,m,p".

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    InvalidInput
        If a coefficient is no integer.
    """
    arrays: dict[str, np.ndarray] = {}
    for key, scheme in schemes.items():
        n, _, p = scheme.format
        factors = [_integers(rows) for rows in (scheme.encode_x, scheme.encode_w, transposed(scheme.out, p, n))]
        if len({factor.shape for factor in factors}) == 1:
            arrays[key] = np.stack(factors)
        else:
            arrays[key] = np.empty(3, dtype=object)
            arrays[key][:] = factors
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for key, array in arrays.items():
            # As np.savez_compressed does; but what that takes for an option, or for one more array, differs by version.
            member = io.BytesIO()
            npy.write_array(member, array, allow_pickle=True)
            archive.writestr(zipfile.ZipInfo(f"{key}.npy"), member.getvalue(), zipfile.ZIP_DEFLATED)
    return target.getvalue()


@contextlib.contextmanager
def _sound_zip() -> Iterator[None]:
    """Say in one sentence that an archive, or a member of it, is damaged."""
    try:
        yield
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise InvalidInput(f"it is no sound zip archive ({error})") from None
    except Exception as error:  # zlib and lzma raise their own kinds for damaged streams
        raise InvalidInput(f"it is no sound zip archive ({type(error).__name__})") from None


def _scheme(name: str, data: bytes) -> Scheme:
    """The scheme of one member."""
    match = _KEY.fullmatch(name)
    if match is None:
        raise InvalidInput(f"its member {name!r} is not named after a format")
    format = Format(*map(int, match.groups()))
    factors = _arrays(data)
    if len(factors) != 3 or any(factor.ndim != 2 for factor in factors):
        raise InvalidInput(f"its member {name} does not hold three matrices")
    return _scheme_of(format, factors, f"its member {name}")


def _scheme_of(format: Format, factors: list[np.ndarray], name: str) -> Scheme:
    """The scheme of three matrices with a product a column."""
    name = name or "it"
    for factor, size in zip(factors, format.sizes, strict=True):
        if factor.shape[0] != size:
            raise InvalidInput(f"{name} has a factor of shape {factor.shape}; {format} needs {size} rows")
    ranks = [factor.shape[1] for factor in factors]
    if len(set(ranks)) != 1:
        raise InvalidInput(f"{name} has factors of {', '.join(map(str, ranks))} products")
    check_size(format, ranks[0])  # before the entries become objects: they are compressed to almost nothing
    u, v, w = ([[parse_rational(value) for value in row] for row in factor.T.tolist()] for factor in factors)
    return Scheme(format, u, v, transposed(w, format.n, format.p))


def _arrays(data: bytes) -> list[np.ndarray]:
    """The matrices of a .npy member; its claims are checked against its length before anything is allocated."""
    stream = io.BytesIO(data)
    try:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        with warnings.catch_warnings(action="ignore"):  # of headers that Python 2 wrote
            shape, fortran, dtype = read_header(stream)
    except Exception as error:  # a header is Python's text, and Python's own parser may trip over it
        raise InvalidInput(f"it is no sound .npy file ({' '.join(str(error).split())[:60]})") from None
    rest = data[stream.tell() :]
    if dtype.kind == "c":
        raise InvalidInput(f"it has entries of type {dtype}; {COMPLEX}")
    if dtype.hasobject:
        return read_object_array(rest)
    if dtype.kind not in "iufb" or _count(shape) * dtype.itemsize != len(rest):
        raise InvalidInput(f"a member claims {dtype} of shape {shape} and does not hold it")
    if len(shape) != 3:
        return []
    array = np.frombuffer(rest, dtype).reshape(shape, order="F" if fortran else "C")
    return list(array.astype(np.int8) if dtype.kind == "b" else array)


def _count(shape: Sequence[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _integers(rows: Rows) -> np.ndarray:
    """One column a product."""
    if any(value.denominator != 1 or abs(value) >= LIMIT for row in rows for value in row):
        raise InvalidInput("AlphaTensor's files hold integers only; this encoder has fractions")
    return np.array([[value.numerator for value in row] for row in rows], dtype=np.int64).T
