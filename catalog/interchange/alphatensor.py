"""AlphaTensor's npz files: keys "n,m,p", values (u, v, w) with one column a product; w is for Cᵀ.

Formats whose three factors have one shape are a stacked integer array; the others are pickled object arrays,
which are read without running the pickle.

Source: Fawzi et al., Discovering faster matrix multiplication algorithms with reinforcement learning, Nature 610, 2022.
"""

from __future__ import annotations

import contextlib
import io
import re
import zipfile
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.lib import format as npy

from catalog.encoder_file import check_size
from catalog.interchange.inert_pickle import read_object_array
from catalog.interchange.scheme import LIMIT, Rows, Scheme, parse_rational, transposed
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format

#: No honest member is larger, and no honest file holds more of them.
MAX_MEMBER_BYTES = 1 << 26
MAX_MEMBERS = 4096
_KEY = re.compile(r"(\d{1,3}),(\d{1,3}),(\d{1,3})\.npy")


def recognises(content: bytes) -> bool:
    return content[:2] == b"PK"


def read(content: bytes) -> Iterator[tuple[str, Scheme | InvalidInput]]:
    """Every scheme of the file, or what is wrong with it, by its key. Raises InvalidInput where it is no such file."""
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


def write(schemes: dict[str, Scheme]) -> bytes:
    """An npz of several schemes with integer coefficients, by key "n,m,p"."""
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
    for factor, size in zip(factors, format.sizes, strict=True):
        if factor.shape[0] != size:
            raise InvalidInput(f"its member {name} has a factor of shape {factor.shape}; {format} needs {size} rows")
    ranks = [factor.shape[1] for factor in factors]
    if len(set(ranks)) != 1:
        raise InvalidInput(f"its member {name} has factors of {', '.join(map(str, ranks))} products")
    check_size(format, ranks[0])  # before the entries become objects: they are compressed to almost nothing
    u, v, w = ([[parse_rational(value) for value in row] for row in factor.T.tolist()] for factor in factors)
    return Scheme(format, u, v, transposed(w, format.n, format.p))


def _arrays(data: bytes) -> list[np.ndarray]:
    """The matrices of a .npy member; its claims are checked against its length before anything is allocated."""
    stream = io.BytesIO(data)
    try:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read_header(stream)
    except ValueError as error:
        raise InvalidInput(f"a member is no .npy file ({str(error)[:60]})") from None
    rest = data[stream.tell() :]
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
