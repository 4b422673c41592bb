"""What a file holds, from its header: checkpoints, arrays and archives of any size, without loading them.

Nothing of them is unpickled or unpacked whole; a checkpoint of 2 GB costs its first part and its end.
"""

from __future__ import annotations

import ast
import json
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from floyd_tui.client.protocol import Client
from floyd_tui.peek import archives, tensors
from floyd_tui.peek.pickles import MOST_BYTES as MOST_PICKLE
from floyd_tui.peek.pickles import BadPickle
from floyd_tui.peek.sparse import Missing, SparseFile, Unreadable, parsed
from floyd_tui.peek.tables import Table
from floyd_tui.peek.tensors import MOST_ROWS, Tensor
from floyd_tui.sizes import human_count, human_size
from runner.models import FileInfo

MOST_HEADER = 2 << 20
# The header of an array is a short line, but for types of many fields.
MOST_NPY = 16 << 10
_NPY_TROUBLE = (ValueError, SyntaxError, KeyError, TypeError, struct.error, MemoryError, RecursionError)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds: a sentence, and a row each."""

    words: str
    table: Table


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """The header of an array as ``numpy.lib.format`` describes it."""

    shape: tuple[int, ...]
    dtype: str
    fortran: bool


Parse = Callable[[SparseFile], Contents]


async def contents(client: Client, source: str, file: FileInfo, head: bytes) -> Contents | None:
    """What `file`, which begins with `head`, holds; None where it is of no kind that tells.

    Raises `Unreadable` with a sentence where it should and cannot, and as `Client.content`.
    """
    parse = _parser(file.path, head)
    return await parsed(client, source, file, head, parse) if parse else None


def _parser(path: str, head: bytes) -> Parse | None:
    if head.startswith(b"PK\x03\x04"):
        return _zip
    if tensors.header_length(head):
        return _safetensors
    if tensors.is_legacy_torch(head):
        return _legacy_torch
    if head[257:262] == b"ustar":
        return _tar
    if head.startswith(b"\x1f\x8b") and path.lower().endswith((".tar.gz", ".tgz")):
        return _packed_tar
    return None


def _zip(file: SparseFile) -> Contents:
    with archives.open_zip(file) as archive:
        names = archive.namelist()
        pickled = next((name for name in names if name.rpartition("/")[2] == "data.pkl"), None)
        if pickled is not None:
            return _torch(archive, file, archive.getinfo(pickled))
        if names and all(name.endswith(".npy") for name in names):
            return _npz(archive, file)
        members = archives.zip_members(archive)
    return Contents(f"ZIP archive: {archives.summary(members)}", archives.listing(members))


def _torch(archive: zipfile.ZipFile, file: SparseFile, info: zipfile.ZipInfo) -> Contents:
    if info.file_size > MOST_PICKLE:
        raise Unreadable("it is a PyTorch file whose list of tensors is too long to show here")
    data = archives.member_bytes(archive, file, info, MOST_PICKLE)
    try:
        items = tensors.torch_items(data)
    except BadPickle as error:
        raise Unreadable(f"it is a PyTorch file, and its list of tensors is damaged: {error}") from error
    return _of_tensors("PyTorch", items)


def _legacy_torch(file: SparseFile) -> Contents:
    try:
        items = tensors.legacy_torch_items(file.range(0, min(file.size, MOST_PICKLE)))
    except BadPickle as error:
        raise Unreadable(f"it is of PyTorch before 1.6, and cannot be looked into: {error}") from error
    return _of_tensors("PyTorch before 1.6", items)


def _of_tensors(what: str, items: Sequence[tensors.Item]) -> Contents:
    return Contents(f"{what}: {tensors.summary(items)}", tensors.table_of(items))


def _safetensors(file: SparseFile) -> Contents:
    length = tensors.header_length(file.range(0, 9))
    if length > file.size - 8:
        raise Unreadable("it begins as safetensors does, and its header is longer than the file")
    if length > MOST_HEADER:
        raise Unreadable("it is a safetensors file whose list of tensors is too long to show here")
    try:
        items = tensors.safetensors_items(json.loads(file.range(8, length)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable("it begins as safetensors does, and its header is damaged") from error
    return _of_tensors("safetensors", items)


def _npz(archive: zipfile.ZipFile, file: SparseFile) -> Contents:
    found = archive.infolist()
    rows: list[tuple[str, ...]] = []
    for info in found[:MOST_ROWS]:
        name = info.filename.removesuffix(".npy")
        header = _array_of(archive, file, info)
        if header is None:
            rows.append((name, "", "", human_size(info.file_size), ""))
            continue
        (row,) = tensors.table_of([Tensor(name, header.shape, header.dtype)]).rows
        rows.append((*row, "Fortran" if header.fortran else "C"))
    size = sum(info.file_size for info in found)
    table = Table(("name", "shape", "type", "size", "order"), tuple(rows), (False, False, False, True, False))
    return Contents(f"NumPy: {human_count(len(found), 'array')}, {human_size(size)}", table)


def _array_of(archive: zipfile.ZipFile, file: SparseFile, info: zipfile.ZipInfo) -> NpyHeader | None:
    """The header of an array; None where it is too far from the others to ask for it as well."""
    try:
        return npy_header(archives.member_bytes(archive, file, info, MOST_NPY))
    except Missing:
        if file.spent:
            return None
        raise


def npy_header(head: bytes) -> NpyHeader:
    """What an array that begins with `head` says of itself; raises `Unreadable`."""
    try:
        magic, major = head[:6], head[6]
        if magic != b"\x93NUMPY" or major not in (1, 2, 3):
            raise ValueError("no array")
        long = major > 1
        (length,) = struct.unpack_from("<I" if long else "<H", head, 8)
        start = 12 if long else 10
        header = ast.literal_eval(head[start : start + min(length, MOST_NPY)].decode("latin-1").strip())
        shape = tuple(int(size) for size in header["shape"])
        return NpyHeader(shape, tensors.numpy_type(header["descr"]), bool(header["fortran_order"]))
    except (*_NPY_TROUBLE, IndexError) as error:
        raise Unreadable("it begins as a NumPy array does, and its header is damaged") from error


def _tar(file: SparseFile) -> Contents:
    members, whole = archives.tar_members(file)
    return Contents(f"tar archive: {archives.summary(members, whole)}", archives.listing(members))


def _packed_tar(file: SparseFile) -> Contents:
    members, whole = archives.packed_tar_members(file.range(0, min(file.size, archives.MOST_LIST)))
    return Contents(f"tar archive, gzipped: {archives.summary(members, whole)}", archives.listing(members))
