"""Running the commands of this project as a user runs them: in a process of their own."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

from stl_algebra import InvalidInput


def program(name: str) -> list[str]:
    """Return the start of a command line that runs an installed command with this interpreter.

    Parameters
    ----------
    name : str
        The command: "stl-search", "stl-catalog" or "stl-bench".

    Returns
    -------
    list of str
        What `subprocess.run` takes; options and arguments follow it.

    Raises
    ------
    InvalidInput
        If no such command is installed.

    Examples
    --------
    >>> program("stl-nothing")
    Traceback (most recent call last):
        ...
    stl_algebra.errors.InvalidInput: the command stl-nothing is not installed; install the project: pip install .
    """
    found = next(iter(entry_points(group="console_scripts", name=name)), None)
    if found is None:
        raise InvalidInput(f"the command {name} is not installed; install the project: pip install .")
    # -P: nothing in the current folder stands in for a package of the same name.
    return [sys.executable, "-P", "-c", f"from {found.module} import {found.attr}; {found.attr}()"]
