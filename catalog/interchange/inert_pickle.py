"""NumPy object arrays out of a pickle, without running it: the opcodes are read as data and nothing is called."""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from stl_algebra.errors import InvalidInput

#: The names NumPy's array pickles refer to; whatever else a pickle names is refused, not imported.
_RECONSTRUCT = {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
_NAMES = _RECONSTRUCT | {"numpy ndarray", "numpy dtype", "_codecs encode"}
_NUMERIC = {"i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "b1"}
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWFALSE": False, "NEWTRUE": True}
_LITERALS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "INT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "SHORT_BINSTRING", "BINSTRING"),
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass(frozen=True)
class _Name:
    """A global the pickle refers to, as text."""

    text: str


@dataclass
class _Call:
    """A call the pickle asks for, not made; and the state it would set."""

    name: _Name
    arguments: Any
    state: Any = None


def read_object_array(content: bytes) -> list[np.ndarray]:
    """Read the numeric arrays in a pickled one-dimensional object array, without running the pickle.

    Parameters
    ----------
    content : bytes
        The pickle.

    Returns
    -------
    list of numpy.ndarray
        The arrays.

    Raises
    ------
    InvalidInput
        If the pickle holds or asks for anything else.
    """
    array = _interpret(content)
    items = _state_of(array)[4]
    if not isinstance(items, list):
        raise InvalidInput("its pickle is no array of objects")
    return [_numeric(item) for item in items]


class _Machine:
    """The pickle machine's stack, marks and memo, with names and calls left as they stand."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[Any, Any] = {}

    def step(self, kind: str, argument: Any) -> None:
        """Do one opcode. Raises InvalidInput for one that no array needs."""
        if kind in _CONSTANTS:
            self.stack.append(_CONSTANTS[kind])
        elif kind in _LITERALS:
            self.stack.append(argument)
        elif kind in _TUPLES:
            self.stack.append(tuple(self._pop(_TUPLES[kind])))
        elif kind in _STEPS:
            _STEPS[kind](self, argument)
        else:
            raise InvalidInput(f"its pickle uses {kind}, which no array needs; it was not run")

    def mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def name(self, argument: Any) -> None:
        text = argument if argument is not None else " ".join(self._pop(2))
        if text not in _NAMES:
            raise InvalidInput(f"its pickle asks for {text!r}, which no array needs; it was not run")
        self.stack.append(_Name(text))

    def put(self, argument: Any) -> None:
        self.memo[len(self.memo) if argument is None else argument] = self.stack[-1]

    def get(self, argument: Any) -> None:
        self.stack.append(self.memo[argument])

    def since_mark(self, _: Any) -> None:
        self.stack.append(tuple(self._pop(len(self.stack) - self.marks.pop())))

    def append(self, _: Any) -> None:
        (item,) = self._pop(1)
        self.stack[-1].append(item)

    def extend(self, _: Any) -> None:
        items = self._pop(len(self.stack) - self.marks.pop())
        self.stack[-1].extend(items)

    def call(self, _: Any) -> None:
        name, arguments = self._pop(2)
        self.stack.append(_call(name, arguments))

    def build(self, _: Any) -> None:
        (state,) = self._pop(1)
        self.stack[-1].state = state

    def _pop(self, count: int) -> list[Any]:
        if count > len(self.stack):
            raise IndexError("the stack is empty")
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return items


_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda *_: None,
    "FRAME": lambda *_: None,
    "MARK": _Machine.mark,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.name,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.put,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "TUPLE": _Machine.since_mark,
    "EMPTY_TUPLE": lambda machine, _: machine.stack.append(()),
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "APPEND": _Machine.append,
    "APPENDS": _Machine.extend,
    "REDUCE": _Machine.call,
    "BUILD": _Machine.build,
}


def _interpret(content: bytes) -> Any:
    """The pickle's object, as data."""
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == "STOP":
                return machine.stack.pop()
            machine.step(opcode.name, argument)
    except InvalidInput:
        raise
    except (ValueError, IndexError, KeyError, AttributeError, TypeError, MemoryError) as error:
        raise InvalidInput(f"its pickle is damaged ({type(error).__name__})") from None
    raise InvalidInput("its pickle has no end")


def _call(name: Any, arguments: Any) -> Any:
    """A call as data; only bytes that protocol 2 wrote as text are turned back."""
    if isinstance(name, _Name) and name.text == "_codecs encode":
        text, codec = arguments
        if codec != "latin1":
            raise InvalidInput(f"its pickle encodes bytes as {codec!r}")
        return text.encode("latin1")
    if not isinstance(name, _Name):
        raise InvalidInput("its pickle calls something that is no name; it was not run")
    return _Call(name, arguments)


def _state_of(array: Any) -> tuple[Any, ...]:
    """(version, shape, dtype, fortran, data) of an array pickle."""
    if not isinstance(array, _Call) or array.name.text not in _RECONSTRUCT:
        raise InvalidInput("its pickle holds no NumPy array")
    if not isinstance(array.state, tuple) or len(array.state) != 5:
        raise InvalidInput("its pickle holds an array without content")
    return array.state


def _numeric(array: Any) -> np.ndarray:
    _, shape, dtype, fortran, data = _state_of(array)
    try:
        code, order = dtype.arguments[0], dtype.state[1]
    except (AttributeError, TypeError, IndexError):
        raise InvalidInput("its pickle holds an array without a type") from None
    if code not in _NUMERIC or order not in ("<", ">", "|", "="):
        raise InvalidInput(f"its pickle holds an array of {order!r}{code!r}, which are no numbers")
    kind = np.dtype(code).newbyteorder("<" if order in "|=" else order)
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise InvalidInput("its pickle holds an array of no shape")
    count = 1
    for size in shape:
        count *= size
    if not isinstance(data, bytes) or count * kind.itemsize != len(data):
        raise InvalidInput(f"its pickle claims an array of shape {shape} and does not hold it")
    numbers = np.frombuffer(data, kind).reshape(shape, order="F" if fortran else "C")
    return numbers.astype(np.int8) if code == "b1" else numbers
