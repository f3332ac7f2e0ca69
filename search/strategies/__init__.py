"""The strategies by name: those that come with the project, those registered, and those of installed packages."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from search.strategies.names import NAMES, ON_REQUEST
from stl_algebra.errors import InvalidInput

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from search.strategy import Strategy

__all__ = ["available", "home_of", "register", "resolve", "strategy"]

#: An installed package offers a strategy by an entry point of this group: the name, and "module:Class".
ENTRY_POINTS = "strassen_tile.strategies"

_PATHS = {
    "orbit": "search.strategies.orbit:OrbitSearch",
    "sum": "search.strategies.sum:SumSearch",
    "hop": "search.strategies.hop:HopSearch",
    "signed": "search.strategies.signed:SignedSearch",
    "compose": "search.strategies.compose:ComposeSearch",
    "deflation": "search.strategies.deflation:DeflationSearch",
    "lm": "search.strategies.lm:LevenbergMarquardtSearch",
    "batch": "search.strategies.batch:BatchSearch",
    "als": "search.strategies.als:AlternatingSearch",
    "group": "search.strategies.group:GroupSearch",
    "flip": "search.strategies.flip:FlipSearch",
}
#: "module:Class" by name, of those registered in this process.
_REGISTERED: dict[str, str] = {}


def strategy(name: str) -> Strategy:
    """Return the strategy of a name, which is imported now.

    Parameters
    ----------
    name : str
        One of `available()`.

    Returns
    -------
    Strategy
        A strategy of that name.

    Raises
    ------
    InvalidInput
        If there is no strategy of that name, or it cannot be imported.

    Examples
    --------
    >>> strategy("lm").name
    'lm'
    """
    path = _PATHS.get(name) or _REGISTERED.get(name)
    if path is None and (entry := _entry_points().get(name)) is not None:
        path = entry.value
    if path is None:
        raise InvalidInput(
            f"unknown strategy {name!r}; choose auto, one of {', '.join(available())}, or a class of your own as "
            "module:Class"
        )
    instance: Strategy = _checked(path, name)()
    return instance


def register(strategy_class: type[Strategy] | str) -> str:
    """Make a strategy of one's own known by its name in this process and in the workers of its searches.

    Recipes store the name alone, so replaying what it finds in another process takes the same registration there. A
    package that declares an entry point of the group "strassen_tile.strategies" needs none.

    Parameters
    ----------
    strategy_class : type[Strategy] or str
        The class, or where it is: "module:Class".

    Returns
    -------
    str
        The name of the strategy.

    Raises
    ------
    InvalidInput
        If worker processes could not import the class, it is no complete strategy, or its name is taken.

    Examples
    --------
    >>> from search.strategies.lm import LevenbergMarquardtSearch
    >>> register(LevenbergMarquardtSearch)
    'lm'
    """
    if isinstance(strategy_class, str):
        path = strategy_class
    else:
        path = f"{strategy_class.__module__}:{strategy_class.__qualname__}"
        if strategy_class.__module__ == "__main__" or "<locals>" in path:
            raise InvalidInput(
                f"workers cannot import the strategy {strategy_class.__qualname__}; define it at the top level of a "
                "module of its own, and import it from there"
            )
    found = _checked(path)
    name = found.name
    taken = _PATHS.get(name) or _REGISTERED.get(name, path)
    if taken != path:
        raise InvalidInput(f"the name {name!r} is that of the strategy {taken} already; give {path} another name")
    if name not in _PATHS:
        _REGISTERED[name] = path
    return name


def resolve(text: str) -> str:
    """Return the name of a strategy, which is registered if it is given by its place.

    Parameters
    ----------
    text : str
        A name, or "module:Class".

    Returns
    -------
    str
        The name.

    Raises
    ------
    InvalidInput
        If there is no such strategy, or it cannot be imported.

    Examples
    --------
    >>> resolve("als"), resolve("search.strategies.lm:LevenbergMarquardtSearch")
    ('als', 'lm')
    """
    return register(text) if ":" in text else strategy(text).name


def home_of(name: str) -> str | None:
    """Return where a strategy that was registered in this process is.

    Parameters
    ----------
    name : str
        The name of a strategy.

    Returns
    -------
    str or None
        "module:Class"; None for one that every process finds by its name.

    Examples
    --------
    >>> home_of("lm") is None
    True
    """
    return _REGISTERED.get(name)


def available() -> tuple[str, ...]:
    """Return the names of all strategies: the project's, those registered, and those of installed packages.

    Returns
    -------
    tuple[str, ...]
        The names; the project's come first.

    Examples
    --------
    >>> available()[:3]
    ('orbit', 'deflation', 'lm')
    """
    return tuple(dict.fromkeys((*NAMES, *ON_REQUEST, *_REGISTERED, *_entry_points())))


def _entry_points() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


def _checked(path: str, name: str | None = None) -> type[Strategy]:
    """The class at "module:Class". Raises InvalidInput if it is no strategy, or none of that name."""
    from inspect import isabstract, isclass

    from search.strategy import Strategy

    module, _, attribute = path.partition(":")
    try:
        found = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # whatever a module of someone else's raises
        raise InvalidInput(f"the strategy {path} cannot be imported ({type(error).__name__}: {error})") from error
    if not (isclass(found) and issubclass(found, Strategy)):
        raise InvalidInput(f"{path} is no strategy; it must be a subclass of strassen_tile.Strategy")
    if isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise InvalidInput(f"the strategy {path} lacks {missing}; define them as Strategy says")
    own = getattr(found, "name", None)
    if not isinstance(own, str) or not own or own == "auto" or not own.replace("-", "_").isidentifier():
        raise InvalidInput(f'the strategy {path} has the name {own!r}; set name to a word such as "restarts"')
    if name is not None and own != name:
        raise InvalidInput(
            f"the strategy {path} is registered as {name!r} but its own name is {own!r}; make them equal"
        )
    return found
