"""Tensors by name, shape and type, from the descriptions that files carry: PyTorch's pickles, safetensors, NumPy."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from floyd_tui.peek.pickles import BadPickle, Made, Named, Pairs, Stored, walk
from floyd_tui.peek.tables import Table
from floyd_tui.sizes import human_count, human_size

# So many rows are shown, so many values looked at, and so deep: objects may refer to each other without end.
MOST_ROWS, MOST_VISITS, DEEPEST = 2_000, 200_000, 12
_NAME, _VALUE = 120, 60
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_STORAGES = {
    "Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": "bfloat16", "Long": "int64",
    "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8", "Bool": "bool",
    "ComplexFloat": "complex64", "ComplexDouble": "complex128", "QInt8": "qint8", "QUInt8": "quint8",
    "QInt32": "qint32",
}  # fmt: skip
_BITS = {"bool": 8, "bfloat16": 16, "complex64": 64, "complex128": 128, "qint8": 8, "quint8": 8, "qint32": 32}
_KINDS = {"f": "float", "i": "int", "u": "uint", "c": "complex"}
# Of a module that was saved whole, these hold its tensors; their own names say nothing.
_INSIDE = ("_parameters", "_buffers", "_modules")


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as its file names it; `dtype` in PyTorch's and NumPy's words: ``float32``."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def size(self) -> int | None:
        """Its bytes; None for a type that is not known."""
        digits = self.dtype.lstrip("abcdefghijklmnopqrstuvwxyz_").partition("_")[0]
        bits = _BITS.get(self.dtype) or (int(digits[:4]) if digits.isdecimal() else 0)
        return self.elements * bits // 8 if bits else None


@dataclass(frozen=True, slots=True)
class Value:
    """Something beside the tensors: an epoch, a learning rate, a line of metadata."""

    name: str
    value: str
    kind: str


Item = Tensor | Value


def table_of(items: Sequence[Item]) -> Table:
    """What a file of tensors holds, a row each."""
    return Table(("name", "shape or value", "type", "size"), tuple(map(_row, items)), (False, False, False, True))


def _row(item: Item) -> tuple[str, ...]:
    name = _cut(item.name, _NAME)
    if isinstance(item, Value):
        return name, _cut(item.value, _VALUE), item.kind, ""
    return name, shape_words(item.shape), item.dtype, "" if item.size is None else human_size(item.size)


def shape_words(shape: Sequence[int]) -> str:
    """``64 x 3 x 7``; of a single value there is no shape."""
    return " x ".join(map(str, shape)) or "a single value"


def summary(items: Sequence[Item]) -> str:
    """``62 tensors, 11,181,642 numbers, 42.7 MiB``."""
    tensors = [item for item in items if isinstance(item, Tensor)]
    size = sum(tensor.size or 0 for tensor in tensors)
    numbers = f"{sum(tensor.elements for tensor in tensors):,} numbers, {human_size(size)}"
    return f"{human_count(len(tensors), 'tensor')}, {numbers}" if tensors else "no tensors"


def _cut(text: str, width: int) -> str:
    flat = " ".join(text[: width * 4].split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def numpy_type(descr: object) -> str:
    """A NumPy type in words: ``<f4`` is ``float32``; what is made of fields is said to be."""
    if not isinstance(descr, str):
        return f"{len(descr)} fields" if isinstance(descr, list) else "unknown"
    kind, size = descr.lstrip("<>|=")[:1], descr.lstrip("<>|=")[1:]
    if kind in _KINDS and size.isdecimal() and len(size) < 4:
        return f"{_KINDS[kind]}{int(size) * 8}"
    return {"b": "bool", "U": "text", "S": "bytes", "O": "objects (pickled)"}.get(kind, descr[:20])


# PyTorch


def torch_items(data: bytes) -> list[Item]:
    """What the pickle of a checkpoint names; raises `BadPickle`."""
    return _items(walk(io.BytesIO(data)))


def legacy_torch_items(data: bytes) -> list[Item]:
    """What a checkpoint of PyTorch before 1.6 names: four pickles, the last of which is it. Raises `BadPickle`."""
    file = io.BytesIO(data)
    if walk(file) != _LEGACY_MAGIC:
        raise BadPickle("it is no checkpoint")
    for _ in range(2):
        walk(file)
    return _items(walk(file))


def is_legacy_torch(head: bytes) -> bool:
    """Whether a file begins as PyTorch's did before 1.6: with a number that stands for it."""
    return head[2:4] == b"\x8a\x0a" and head[4:14] == _LEGACY_MAGIC.to_bytes(10, "little")


def _items(value: Any) -> list[Item]:
    found = list(_Search().look(value, "", 0))
    # The tensors are what one comes for; what else is said stands below them.
    return [*(one for one in found if isinstance(one, Tensor)), *(one for one in found if isinstance(one, Value))]


class _Search:
    """Goes through what a pickle makes, for as long as that is worth it."""

    def __init__(self) -> None:
        self.visits = self.rows = 0

    def look(self, value: Any, name: str, depth: int) -> Iterator[Item]:
        """The tensors and plain values in `value`, which is called `name`."""
        self.visits += 1
        if self.visits > MOST_VISITS or self.rows >= MOST_ROWS or depth > DEEPEST:
            return
        if isinstance(value, Made):
            yield from self._object(value, name, depth)
        elif isinstance(value, Pairs):
            yield from self._pairs(value, name, depth)
        elif isinstance(value, list | tuple) and not _is_plain(value):
            for at, one in enumerate(value):
                yield from self.look(one, f"{name}[{at}]"[-400:], depth + 1)
        elif isinstance(value, Named):
            yield from self._count(Value(name, f"{value.module}.{value.name}", "name"))
        elif not isinstance(value, Stored):
            yield from self._count(Value(name, _said(value), type(value).__name__))

    def _count(self, item: Item) -> Iterator[Item]:
        self.rows += 1
        yield item

    def _pairs(self, pairs: Pairs, name: str, depth: int) -> Iterator[Item]:
        for key, value in pairs:
            said = key if isinstance(key, str) else _said(key)
            inside = name if said in _INSIDE else f"{name}.{said}" if name else said
            yield from self.look(value, inside[-400:], depth + 1)

    def _object(self, made: Made, name: str, depth: int) -> Iterator[Item]:
        called = made.what.name if isinstance(made.what, Named) else ""
        args = made.args if isinstance(made.args, tuple) else ()
        if called.startswith("_rebuild") and (tensor := _tensor(name, args)) is not None:
            yield from self._count(tensor)
        elif called.startswith("_rebuild") and len(args) > 1 and isinstance(args[0], Made | Named):
            # A parameter around a tensor, or a class of tensors of one's own: the tensor is inside.
            inner = args[0] if isinstance(args[0], Made) else Made(args[0], args[2] if len(args) > 2 else ())
            yield from self.look(inner, name, depth + 1)
        else:
            yield from self.look(made.pairs, name, depth + 1)
            if made.values:
                yield from self.look(made.values, name, depth + 1)
            if isinstance(made.state, Pairs):
                inside = Pairs(pair for pair in made.state if isinstance(pair[1], Made | Pairs) or pair[0] in _INSIDE)
                yield from self.look(inside, name, depth + 1)


def _tensor(name: str, args: tuple[Any, ...]) -> Tensor | None:
    """The tensor that ``_rebuild_tensor…(storage, offset, shape, …)`` would be; None where that is not it."""
    if len(args) < 3 or not isinstance(args[0], Stored) or not _is_shape(args[2]):
        return None
    named = next((arg for arg in args[6:7] if isinstance(arg, Named)), None)
    return Tensor(name, args[2], named.name if named else _storage_type(args[0].id))


def _is_shape(value: Any) -> bool:
    return (
        isinstance(value, tuple) and len(value) <= 64 and all(type(one) is int and 0 <= one < 1 << 48 for one in value)
    )


def _storage_type(id: Any) -> str:
    kind = id[1] if isinstance(id, tuple) and len(id) > 1 else None
    name = kind.name if isinstance(kind, Named) else ""
    return _STORAGES.get(name.removesuffix("Storage"), "unknown")


def _is_plain(value: Sequence[Any]) -> bool:
    return len(value) <= 16 and all(isinstance(one, int | float | str | bool | None) for one in value)


def _said(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > 200:
        return "a very large number"
    if isinstance(value, bytes | bytearray):
        return f"{len(value):,} bytes"
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ", ".join(_said(one) for one in value[:16])
    return str(value) if isinstance(value, int | float | bool | None) else type(value).__name__


# safetensors

_SAFE = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "BOOL": "bool"}


def safetensors_items(header: dict[str, Any]) -> list[Item]:
    """What a safetensors header names; raises `KeyError`, `TypeError` or `ValueError` where it is none."""
    metadata = header.get("__metadata__") or {}
    said: list[Item] = [Value(str(key), str(value), "metadata") for key, value in metadata.items()]
    found = []
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        shape = tuple(tensor["shape"])
        if not _is_shape(shape):
            raise ValueError("a shape that is none")
        found.append(Tensor(name, shape, _safe_type(str(tensor["dtype"]))))
    return [*found[:MOST_ROWS], *said[:MOST_ROWS]]


def _safe_type(dtype: str) -> str:
    if dtype in _SAFE:
        return _SAFE[dtype]
    kind, digits = dtype[:1], dtype[1:]
    known = kind in "IUF" and digits.isdecimal() and len(digits) < 4
    return {"I": "int", "U": "uint", "F": "float"}[kind] + digits if known else dtype.lower()[:20]


def header_length(head: bytes) -> int:
    """The length of a safetensors header, which its first eight bytes tell; 0 where this is none."""
    if len(head) < 9 or head[8:9] != b"{":
        return 0
    (length,) = struct.unpack_from("<Q", head)
    return int(length)
