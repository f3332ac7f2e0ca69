"""Entries of a format made from those of its permutations, by the symmetry of the matrix multiplication tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import permutations
from pathlib import Path

from catalog.encoder_file import Stored
from catalog.entry import NOWHERE, Entry
from catalog.equivalence import products_key
from catalog.image_ids import ImageIds, Images
from catalog.provenance import PERMUTED_FROM, Provenance
from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.ring import Ring
from stl_algebra.schemes.orientation import orientations

Figures = tuple[int, Ring, str]


class Permutations:
    """The images of entries in other orders of their dimensions, made on demand and found again by their ids.

    An encoder of ⟨n,m,p⟩ is one of each permutation of the format, exactly: rotations and transposition permute its
    factors. If two dimensions are equal, it has two images in a format; the one of smaller id stands for both.
    """

    def __init__(self) -> None:
        self._ids = ImageIds(_place())

    def of_format(self, format: Format, stored: list[Entry], find: Callable[[Format], list[Entry]]) -> list[Entry]:
        """Give the images in a format of the entries of its other orders.

        Parameters
        ----------
        format : Format
            The format.
        stored : list of Entry
            The entries of this format that are stored. What has the same products as an image of one of them, in any
            order and scaling, is left out.
        find : callable
            Gives the entries of a format that are stored.

        Returns
        -------
        list of Entry
            The images, each once, in no order.
        """
        orders = other_orders(format)
        if not orders:
            return []
        known = self._ids.known(format)
        there: dict[Figures, list[Entry]] = {}
        for entry in stored:
            there.setdefault(_figures(entry), []).append(entry)
        found: dict[str, Entry] = {}
        for entry in sorted((entry for order in orders for entry in find(order)), key=lambda entry: entry.id):
            images = known.get(entry.id) or self._images_of(entry, format)
            if images is None or images.key in found:
                continue
            # Equal figures alone call for a look at the products.
            alike = (known.get(one.id) or self._images_of(one, format) for one in there.get(_figures(entry), ()))
            if all(one is None or one.key != images.key for one in alike):
                found[images.key] = permuted(entry, format, images.ids[0])
        return list(found.values())

    def of_id(self, prefix: str, stored: Callable[[str], list[Entry]]) -> list[Entry]:
        """Find images by the first digits of their ids, among those that were made before.

        Parameters
        ----------
        prefix : str
            The digits.
        stored : callable
            Gives the stored entries, at most one, of a whole id.

        Returns
        -------
        list of Entry
            The images.
        """
        found: dict[str, Entry] = {}
        for id, source, format in self._ids.sources(prefix):
            for entry in stored(source):
                if format in other_orders(entry.format):
                    found[id] = permuted(entry, format, id)
        return list(found.values())

    def load(self, id: str, stored: Callable[[str], list[Entry]]) -> Stored | None:
        """Give an image by its whole id, if it was made before.

        Parameters
        ----------
        id : str
            The id.
        stored : callable
            Gives the stored entries, at most one, of a whole id.

        Returns
        -------
        Stored or None
            The image and its provenance; None if there is none, or what it is an image of is damaged.
        """
        try:
            return next((Stored(one.encoder, one.provenance) for one in self.of_id(id, stored) if one.id == id), None)
        except InvalidInput:
            return None

    def make_all(self, entries: Iterable[Entry]) -> None:
        """Make the images of all entries in all other orders, so that `of_id` finds them.

        Parameters
        ----------
        entries : iterable of Entry
            The entries.
        """
        known: dict[Format, dict[str, Images]] = {}
        for entry in entries:
            for order in other_orders(entry.format):
                if order not in known:
                    known[order] = self._ids.known(order)
                if entry.id not in known[order]:
                    self._images_of(entry, order)

    def _images_of(self, entry: Entry, format: Format) -> Images | None:
        """The images of an entry in a format, recorded; None if it is damaged."""
        try:
            found = orientations(entry.encoder, format)
        except InvalidInput:
            return None
        images = Images([image.digest for image in found], min(map(products_key, found)))
        self._ids.put(entry.id, format, images)
        return images


def _figures(entry: Entry) -> Figures:
    """What permuting leaves unchanged, but for rounding."""
    return entry.rank, entry.ring, f"{entry.growth:.6g}"


def other_orders(format: Format) -> list[Format]:
    """List the other orders of the dimensions of a format.

    Parameters
    ----------
    format : Format
        The format.

    Returns
    -------
    list of Format
        All permutations but the format itself, each once.

    Examples
    --------
    >>> [str(order) for order in other_orders(Format(2, 2, 5))]
    ['2x5x2', '5x2x2']
    """
    return sorted({Format(*order) for order in permutations(format)} - {format})


def permuted(entry: Entry, format: Format, id: str) -> Entry:
    """Make the entry of an image of another.

    Parameters
    ----------
    entry : Entry
        The stored entry.
    format : Format
        A permutation of its format.
    id : str
        The id of the image.

    Returns
    -------
    Entry
        The entry of the image, which is in no file. Its provenance is that of the stored one, without the recipe.
    """
    came = entry.provenance
    details = {**came.details, PERMUTED_FROM: entry.id}
    provenance = Provenance(came.strategy, came.seed, came.seconds, came.precision, details, (entry.id,))
    return Entry(
        id, format, entry.rank, entry.ring, entry.relative_error, entry.growth, provenance, NOWHERE, entry.shipped,
        _load=lambda: _image(entry, format, id),
    )  # fmt: skip


def _image(entry: Entry, format: Format, id: str) -> TileEncoder:
    for image in orientations(entry.encoder, format):
        if image.digest == id:
            return image
    raise InvalidInput(f"{entry.id[:10]} has no image {id[:10]} of format {format}")


def _place() -> Path:
    """The file of image ids in the user's cache."""
    from platformdirs import user_cache_path

    return user_cache_path("strassen-tile") / "images-1.sqlite"


def source_of(entry: Entry) -> str | None:
    """Give the id of what an entry is an image of.

    Parameters
    ----------
    entry : Entry
        The entry.

    Returns
    -------
    str or None
        The id; None if it is no image.
    """
    source = entry.provenance.details.get(PERMUTED_FROM)
    return source if isinstance(source, str) else None
