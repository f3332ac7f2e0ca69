"""Where an encoder came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Self

from stl_algebra.errors import InvalidInput

#: What tells and writes details and recipes goes down into them step by step, so there is an end to it.
MAX_DEPTH = 64
#: In the details of an encoder that was made by permuting the dimensions of another: the id of that one.
PERMUTED_FROM = "permuted_from"


#: In the details of a permuted entry: the id of what it is an image of.
PERMUTED_FROM = "permuted_from"


@dataclass(frozen=True)
class Provenance:
    """How an encoder was found: enough to say where it came from, and to find it again if it was found by chance.

    Parameters
    ----------
    strategy : str
        The name of the search strategy, "construction" or "import".
    seed : int or None
        The seed of the random generator, if there was one.
    seconds : float or None
        Wall-clock seconds from the start of the search to this encoder.
    precision : str or None
        The precision whose error was minimised.
    details : mapping
        Anything else that JSON can hold: trial, options, derivation in words.
    lineage : tuple of str
        Ids of the encoders it was made from, in the order in which it started from them.
    recipe : mapping or None
        What `stl-catalog replay` makes it again by, from those; None if there is nothing to replay.

    Raises
    ------
    InvalidInput
        If a field is not of its kind, or `details` or `recipe` cannot be written as JSON.

    Examples
    --------
    >>> Provenance("construction", details={"derivation": "Strassen 1969"}).strategy
    'construction'
    """

    strategy: str
    seed: int | None = None
    seconds: float | None = None
    precision: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)
    lineage: tuple[str, ...] = ()
    recipe: Mapping[str, Any] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lineage", tuple(self.lineage))
        kinds: dict[str, tuple[type, ...]] = {
            "strategy": (str,),
            "seed": (int, type(None)),
            "seconds": (int, float, type(None)),
            "precision": (str, type(None)),
            "details": (Mapping,),
            "recipe": (Mapping, type(None)),
        }
        for name, kind in kinds.items():
            if not isinstance(getattr(self, name), kind):
                raise InvalidInput(
                    f"the provenance's {name} is {getattr(self, name)!r}, which is no {kind[0].__name__}"
                )
        if not all(isinstance(parent, str) for parent in self.lineage):
            raise InvalidInput(f"the provenance's lineage {self.lineage!r} does not consist of encoder ids")
        if self.seconds is not None and not isfinite(self.seconds):
            raise InvalidInput(f"the provenance's seconds are {self.seconds}, which is no duration")
        try:
            "".join((self.strategy, self.precision or "", *self.lineage)).encode()
        except UnicodeEncodeError:
            raise InvalidInput("the provenance holds text that cannot be written as UTF-8") from None
        for name in ("details", "recipe"):
            if (value := getattr(self, name)) is None:
                continue
            try:
                object.__setattr__(self, name, json.loads(json.dumps(dict(value), allow_nan=False)))
            except (TypeError, ValueError, RecursionError) as error:
                raise InvalidInput(f"the provenance's {name} cannot be written as JSON: {error}") from None
            if _depth(getattr(self, name)) > MAX_DEPTH:
                raise InvalidInput(f"the provenance's {name} are nested more than {MAX_DEPTH} deep")

    def as_json(self) -> dict[str, Any]:
        """Give the fields as a JSON object.

        Returns
        -------
        dict
            All fields; `recipe` only if there is one.
        """
        return {
            "strategy": self.strategy,
            "seed": self.seed,
            "seconds": self.seconds,
            "precision": self.precision,
            "details": dict(self.details),
            "lineage": list(self.lineage),
        } | ({"recipe": dict(self.recipe)} if self.recipe else {})

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Read what `as_json` gives; fields it does not know are dropped.

        Parameters
        ----------
        fields : mapping
            The JSON object.

        Returns
        -------
        Provenance
            The provenance.

        Raises
        ------
        InvalidInput
            If a field is not of its kind.
        """
        if not isinstance(fields, Mapping):
            raise InvalidInput("the provenance is no JSON object")
        known = {name: fields[name] for name in cls.__dataclass_fields__ if fields.get(name) is not None}
        if not isinstance(known.get("lineage", []), list):
            raise InvalidInput(f"the provenance's lineage {known['lineage']!r} is no list of encoder ids")
        return cls(**({"strategy": "unknown"} | known))


def _depth(value: object) -> int:
    """How deep objects and lists of JSON lie within each other."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth
