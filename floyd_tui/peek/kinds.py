"""What kind of file this is, by its name and its first bytes; and what can be said of one that is no text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from enum import Enum

from floyd_tui.peek.contents import npy_header
from floyd_tui.peek.sparse import Unreadable
from floyd_tui.peek.tensors import shape_words
from floyd_tui.sizes import human_size


class Kind(Enum):
    """How a file is shown."""

    TEXT = "text"
    JSON = "json"
    TABLE = "table"
    IMAGE = "image"
    CONTENTS = "contents"
    MARKDOWN = "markdown"
    NOTEBOOK = "notebook"
    BINARY = "binary"


_BY_ENDING = {
    "csv": Kind.TABLE, "tsv": Kind.TABLE, "jsonl": Kind.TABLE, "ndjson": Kind.TABLE,
    "json": Kind.JSON, "geojson": Kind.JSON, "ipynb": Kind.NOTEBOOK, "md": Kind.MARKDOWN, "markdown": Kind.MARKDOWN,
}  # fmt: skip
# First bytes, where they stand, and what has them. Pictures are those that Pillow reads.
_MAGIC: tuple[tuple[bytes, int, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "PNG image"),
    (b"\xff\xd8\xff", 0, "JPEG image"),
    (b"GIF8", 0, "GIF image"),
    (b"WEBP", 8, "WebP image"),
    (b"BM", 0, "BMP image"),
    (b"II*\0", 0, "TIFF image"),
    (b"MM\0*", 0, "TIFF image"),
    (b"\x93NUMPY", 0, "NumPy array"),
    (b"PK\x03\x04", 0, "ZIP archive"),
    (b"\x1f\x8b", 0, "gzip"),
    (b"\x28\xb5\x2f\xfd", 0, "Zstandard"),
    (b"BZh", 0, "bzip2"),
    (b"\xfd7zXZ\0", 0, "xz"),
    (b"ustar", 257, "tar archive"),
    (b"\x89HDF\r\n\x1a\n", 0, "HDF5"),
    (b"PAR1", 0, "Parquet"),
    (b"ARROW1", 0, "Arrow file"),
    (b"SQLite format 3\0", 0, "SQLite database"),
    (b"GGUF", 0, "GGUF model"),
    (b"%PDF-", 0, "PDF"),
    (b"\x7fELF", 0, "ELF program or library"),
    (b"\x80\x02", 0, "Python pickle"),
    (b"\x80\x03", 0, "Python pickle"),
    (b"\x80\x04", 0, "Python pickle"),
    (b"\x80\x05", 0, "Python pickle"),
    (b"RIFF", 0, "RIFF (sound or video)"),
    (b"OggS", 0, "Ogg"),
    (b"ftyp", 4, "MP4 video"),
)
_NAMED = {"pt": "PyTorch", "pth": "PyTorch", "ckpt": "PyTorch", "npz": "NumPy arrays", "docx": "Word", "whl": "wheel"}


def ending(path: str) -> str:
    """What follows the last dot of the name, in small letters."""
    return path.rpartition("/")[2].lower().rpartition(".")[2]


def is_binary(data: bytes) -> bool:
    """Whether `data` is no text: it holds NUL, or much that is not UTF-8."""
    sample = data[:8192]
    return b"\0" in sample or sample.decode("utf-8", "replace").count("�") > len(sample) / 20


def kind_of(path: str, head: bytes) -> Kind:
    """How the file `path` that begins with `head` is to be shown."""
    if magic_of(head).endswith(" image"):
        return Kind.IMAGE
    if is_binary(head):
        return Kind.BINARY
    return _BY_ENDING.get(ending(path), Kind.TEXT)


def magic_of(head: bytes) -> str:
    """The format that the first bytes tell of; empty where they tell of none."""
    # "BM" begins many a text.
    found = (name for magic, at, name in _MAGIC if head[at : at + len(magic)] == magic)
    name = next(found, "")
    return "" if name == "BMP image" and not is_binary(head) else name


def facts(path: str, head: bytes, size: int) -> list[tuple[str, str]]:
    """What is known of a file that is no text, as pairs of a word and what it says."""
    name = _NAMED.get(ending(path), "")
    format_ = magic_of(head) or ("safetensors" if ending(path) == "safetensors" else "")
    words = f"{name} ({format_})" if name and format_ else name or format_ or "binary data"
    return [("type", words), ("size", f"{human_size(size)} ({size:,} bytes)"), *_inside(head)]


def _inside(head: bytes) -> Iterator[tuple[str, str]]:
    """The header of an array; of one that is damaged, type and size are all that can be said."""
    if not head.startswith(b"\x93NUMPY"):
        return
    with suppress(Unreadable):
        header = npy_header(head)
        yield "shape", shape_words(header.shape)
        yield "dtype", header.dtype
        if header.fortran:
            yield "order", "Fortran"
