"""What a pickle would make, without making it: no name in it is imported and nothing is called.

The opcodes are those of `pickletools`, which reads them one by one. Objects are kept as what they are said to be made
of, so that a checkpoint tells its tensors whatever classes it needs, and one that is malicious does nothing.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

# A longer pickle than that is no list of tensors.
MOST_BYTES, MOST_OPS = 4 << 20, 1_000_000


class BadPickle(ValueError):
    """The bytes are no pickle, or one that is too long."""


@dataclass(slots=True, eq=False)
class Named:
    """A class or function, by its name alone."""

    module: str
    name: str


@dataclass(slots=True, eq=False)
class Stored:
    """Something that lies outside the pickle, by what it is called there: a tensor's storage."""

    id: Any


class Pairs(list[tuple[Any, Any]]):
    """A dictionary as its pairs: keys need not be hashable to be looked at."""


@dataclass(slots=True, eq=False)
class Made:
    """What calling `what` with `args` would give; `state` is set on it, `pairs` and `values` are put into it."""

    what: Any
    args: Any
    state: Any = None
    pairs: Pairs = field(default_factory=Pairs)
    values: list[Any] = field(default_factory=list)


class _Mark:
    """Where a group of values begins on the stack."""


_MARK = _Mark()


def walk(file: io.BytesIO) -> Any:
    """What the pickle at the place of `file` describes; leaves it at the pickle's end. Raises `BadPickle`."""
    machine = _Machine()
    try:
        for count, (code, arg, _) in enumerate(pickletools.genops(file)):
            if code.name == "STOP":
                return machine.pop()
            if count > MOST_OPS:
                raise BadPickle("it has too many parts")
            machine.do(code.name, arg)
    except BadPickle:
        raise
    # What pickletools and the machine come upon in bytes that are no pickle.
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, EOFError, OverflowError) as error:
        raise BadPickle("it is no whole pickle") from error
    raise BadPickle("it ends too early")


class _Machine:
    """The stack and the memo of a pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def pop(self) -> Any:
        """The value on top; raises `BadPickle` where there is none."""
        if not self.stack or self.stack[-1] is _MARK:
            raise BadPickle("it takes what is not there")
        return self.stack.pop()

    def group(self) -> list[Any]:
        """The values above the last mark."""
        at = len(self.stack) - 1
        while at >= 0 and self.stack[at] is not _MARK:
            at -= 1
        if at < 0:
            raise BadPickle("it takes what is not there")
        found = self.stack[at + 1 :]
        del self.stack[at:]
        return found

    def do(self, code: str, arg: Any) -> None:
        """One opcode."""
        if code in _SILENT:
            return
        if code in _ACTIONS:
            _ACTIONS[code](self, arg)
        elif code.endswith("GET"):
            self.stack.append(self.memo[arg])
        elif code.endswith("PUT"):
            self.memo[arg] = self.stack[-1]
        elif code in _CONSTANTS:
            self.stack.append(_CONSTANTS[code])
        else:
            self.stack.append(arg)

    def put_into(self, target: Any, pairs: Pairs, values: Sequence[Any]) -> None:
        """Put items into a dictionary, list or set, or into an object that takes them."""
        if isinstance(target, Made):
            target.pairs += pairs
            target.values += values
        elif isinstance(target, Pairs):
            target += pairs
        elif isinstance(target, list):
            target += values


def _paired(values: Sequence[Any]) -> Pairs:
    return Pairs(zip(values[::2], values[1::2], strict=True))


def _append(machine: _Machine, _: Any) -> None:
    value = machine.pop()
    machine.put_into(machine.stack[-1], Pairs(), [value])


def _set_item(machine: _Machine, _: Any) -> None:
    value, key = machine.pop(), machine.pop()
    machine.put_into(machine.stack[-1], Pairs([(key, value)]), [])


def _appends(machine: _Machine, _: Any) -> None:
    values = machine.group()
    machine.put_into(machine.stack[-1], Pairs(), values)


def _set_items(machine: _Machine, _: Any) -> None:
    pairs = _paired(machine.group())
    machine.put_into(machine.stack[-1], pairs, [])


def _build(machine: _Machine, _: Any) -> None:
    state = machine.pop()
    if isinstance(machine.stack[-1], Made):
        machine.stack[-1].state = state


def _call(machine: _Machine, _: Any) -> None:
    args = machine.pop()
    machine.stack.append(Made(machine.pop(), args))


def _new_with_names(machine: _Machine, _: Any) -> None:
    names, args = machine.pop(), machine.pop()
    machine.stack.append(Made(machine.pop(), args, state=names))


def _object(machine: _Machine, _: Any) -> None:
    kind, *args = machine.group()
    machine.stack.append(Made(kind, tuple(args)))


def _instance(machine: _Machine, arg: str) -> None:
    machine.stack.append(Made(_named(arg), tuple(machine.group())))


def _named(arg: str) -> Named:
    module, _, name = arg.partition(" ")
    return Named(module, name)


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.pop(), machine.pop()
    machine.stack.append(Named(str(module)[:200], str(name)[:200]))


def _push(make: Callable[[_Machine, Any], Any]) -> Callable[[_Machine, Any], None]:
    return lambda machine, arg: machine.stack.append(make(machine, arg))


def _tuple(size: int) -> Callable[[_Machine, Any], None]:
    return _push(lambda machine, _: tuple([machine.pop() for _ in range(size)][::-1]))


def _memoize(machine: _Machine, _: Any) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


_SILENT = frozenset({"PROTO", "FRAME", "READONLY_BUFFER"})
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "NEXT_BUFFER": None}
_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _push(lambda *_: _MARK),
    "POP": lambda machine, _: machine.stack.pop() and None,
    "POP_MARK": lambda machine, _: machine.group().clear(),
    "DUP": _push(lambda machine, _: machine.stack[-1]),
    "EMPTY_DICT": _push(lambda *_: Pairs()),
    "EMPTY_LIST": _push(lambda *_: []),
    "EMPTY_SET": _push(lambda *_: []),
    "EMPTY_TUPLE": _push(lambda *_: ()),
    "DICT": _push(lambda machine, _: _paired(machine.group())),
    "LIST": _push(lambda machine, _: machine.group()),
    "FROZENSET": _push(lambda machine, _: machine.group()),
    "TUPLE": _push(lambda machine, _: tuple(machine.group())),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "APPEND": _append,
    "APPENDS": _appends,
    "ADDITEMS": _appends,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "GLOBAL": _push(lambda _, arg: _named(arg)),
    "STACK_GLOBAL": _stack_global,
    "INST": _instance,
    "OBJ": _object,
    "REDUCE": _call,
    "NEWOBJ": _call,
    "NEWOBJ_EX": _new_with_names,
    "BUILD": _build,
    "PERSID": _push(lambda _, arg: Stored(arg)),
    "BINPERSID": _push(lambda machine, _: Stored(machine.pop())),
    "MEMOIZE": _memoize,
    "EXT1": _push(lambda _, arg: Named("an extension", str(arg))),
    "EXT2": _push(lambda _, arg: Named("an extension", str(arg))),
    "EXT4": _push(lambda _, arg: Named("an extension", str(arg))),
}
