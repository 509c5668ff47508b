"""Read numbers, strings, lists, dicts and byte arrays from a pickle; run none.

A pickle is a program for a small stack machine, and two of its operations
call any function the file names: `pickle.load` on a stranger's file runs a
stranger's code. This machine has only the operations that build plain data.
Where a NumPy array is rebuilt, the three names involved are compared as text
and nothing is imported or called. (An `Unpickler` with an allow-list in
`find_class` is shorter, but it calls what it lets through.)

Source: `pickletools` of the Python library, which documents each operation
"""

import pickletools
import reprlib
import struct

import numpy as np

CONSTANTS = set(
    "INT BININT BININT1 BININT2 LONG1 STRING BINSTRING SHORT_BINSTRING "
    "UNICODE BINUNICODE SHORT_BINUNICODE BINBYTES SHORT_BINBYTES NONE "
    "NEWTRUE NEWFALSE".split()
)
VALUES = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
MAX_OPERATIONS = 1_000_000
PUTS = ("PUT", "BINPUT", "LONG_BINPUT")
GETS = ("GET", "BINGET", "LONG_BINGET")
RECONSTRUCT, NDARRAY, DTYPE = object(), object(), object()
GLOBALS = {
    "numpy.core.multiarray _reconstruct": RECONSTRUCT,
    "numpy._core.multiarray _reconstruct": RECONSTRUCT,
    "numpy ndarray": NDARRAY,
    "numpy dtype": DTYPE,
}


class _Built:
    """What a pickle rebuilds by a call: an array or its dtype."""

    def __init__(self, kind):
        self.kind, self.state = kind, None


def read_plain(data):
    """Carry out the data operations of a pickle, refuse all others.

    Args:
        data: bytes of a pickle of protocol 0 to 3.

    Returns:
        What was pickled; texts of Python 2 as str, arrays of bytes as uint8.

    Raises:
        ValueError: another operation or name, another kind of array, or
            not a pickle at all; the message names it.

    Example:
        >>> import pickle
        >>> read_plain(pickle.dumps({"labels": [6, 9, 9]}, protocol=2))
        {'labels': [6, 9, 9]}
        >>> read_plain(pickle.dumps(print, protocol=2))
        Traceback (most recent call last):
        ValueError: the pickle names '__builtin__ print', refused: it is not
            plain data
    """
    stack, marks, memo = [], [], {}
    try:
        operations = enumerate(pickletools.genops(data))
        for count, (operation, argument, _) in operations:
            name = operation.name
            if count == MAX_OPERATIONS:
                raise ValueError(f"over {count} operations, refused")
            if name == "STOP":
                return stack.pop()
            if name == "MARK":
                marks.append(len(stack))
            elif name in PUTS:
                memo[argument] = stack[-1]
            elif name in GETS:
                stack.append(memo[argument])
            elif name != "PROTO":
                _step(name, argument, stack, marks)
    except (IndexError, KeyError, TypeError, AttributeError, struct.error,
            OverflowError) as error:
        raise ValueError(
            f"not a well-formed pickle: {type(error).__name__} {error}"
        ) from error
    raise ValueError("the pickle has no end")


def _step(name, argument, stack, marks):
    """One operation on the stack."""
    if name in CONSTANTS:
        stack.append(VALUES.get(name, argument))
    elif name in EMPTY:
        stack.append(EMPTY[name]())
    elif name in TUPLES:
        stack.append(tuple(_take(stack, len(stack) - TUPLES[name])))
    elif name == "TUPLE":
        stack.append(tuple(_take(stack, marks.pop())))
    elif name in ("APPEND", "APPENDS"):
        start = marks.pop() if name == "APPENDS" else len(stack) - 1
        items = _take(stack, start)
        stack[-1].extend(items)
    elif name in ("SETITEM", "SETITEMS"):
        start = marks.pop() if name == "SETITEMS" else len(stack) - 2
        items = _take(stack, start)
        stack[-1].update(zip(items[::2], items[1::2], strict=True))
    elif name == "GLOBAL":
        if argument not in GLOBALS:
            raise ValueError(
                f"the pickle names {reprlib.repr(argument)}, refused: it is "
                "not plain data"
            )
        stack.append(GLOBALS[argument])
    elif name == "REDUCE":
        function, arguments = _take(stack, len(stack) - 2)
        stack.append(_call(function, arguments))
    elif name == "BUILD":
        built, state = _take(stack, len(stack) - 2)
        stack.append(_build(built, state))
    else:
        raise ValueError(f"the pickle has the operation {name}, refused")


def _take(stack, start):
    """Pop everything from `start` on."""
    if not 0 <= start <= len(stack):
        raise IndexError("an operation lacks its operands")
    items = stack[start:]
    del stack[start:]
    return items


def _call(function, arguments):
    """Stand in for the two calls that rebuild an array."""
    if function is RECONSTRUCT and arguments[0] is NDARRAY:
        return _Built("array")
    if function is DTYPE and arguments[0] in ("u1", "uint8"):
        return _Built("dtype")
    if function is DTYPE:
        kind = reprlib.repr(arguments[0])
        raise ValueError(f"arrays must be of type 'u1', got {kind}")
    raise ValueError("the pickle calls what is not plain data, refused")


def _build(built, state):
    """Fill what a call has made; an array becomes a NumPy array."""
    if not isinstance(built, _Built):
        raise ValueError("the pickle changes a built object, refused")
    if built.kind == "dtype":
        return built
    if not isinstance(state, tuple) or len(state) != 5:
        raise ValueError("the pickle has an array that is not NumPy's")
    _, shape, dtype, fortran, data = state
    if not isinstance(dtype, _Built) or dtype.kind != "dtype":
        raise ValueError("the pickle has an array without a type")
    if isinstance(data, str):
        data = data.encode("latin-1")
    if min(shape, default=0) < 0:
        raise ValueError("the pickle has an array of negative size")
    flat = np.frombuffer(data, "uint8")
    return flat.reshape(shape, order="F" if fortran else "C")
