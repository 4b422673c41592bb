"""What checkpoints, arrays and archives hold, told from a few ranges of them; and what hostile ones may cost."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
import time
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from floyd_tui.client.fake import FakeClient, FakeFile, FakeHost, FakeLinks
from floyd_tui.peek.kinds import Kind
from floyd_tui.peek.look import Look, look
from floyd_tui.peek.parts import PART
from floyd_tui.peek.pickles import BadPickle
from floyd_tui.peek.tensors import torch_items
from tests.support import checkpoints as made

SOURCE = "ada/projects/digits/6/output"


class Ranges(FakeClient):
    """Serves `data`, with zeros after its beginning up to its end: files of gigabytes that are nowhere."""

    def __init__(self, host: FakeHost, data: bytes, hole: tuple[int, int] = (0, 0)) -> None:
        super().__init__(host)
        self.data, self.hole = data, hole
        self.asked: list[tuple[int, int]] = []

    async def content(self, source: str, path: str, offset: int = 0, **more: Any) -> AsyncIterator[bytes]:
        self.asked.append((offset, more["length"]))
        yield self.bytes(offset, more["length"])

    def bytes(self, start: int, length: int) -> bytes:
        """A range of the whole."""
        at, size = self.hole
        before = self.data[start : min(at, start + length)] if start < at else b""
        zeros = b"\0" * max(0, min(start + length, at + size) - max(start, at))
        after = max(start, at + size) - size
        return before + zeros + self.data[after : max(after, start + length - size)]

    @property
    def size(self) -> int:
        """Bytes of the whole."""
        return len(self.data) + self.hole[1]


async def looked(name: str, data: bytes, hole: tuple[int, int] = (0, 0)) -> tuple[Look, Ranges]:
    client = Ranges(FakeLinks.demo()["gauss"].host, data, hole)
    client.host.sources[SOURCE] = [FakeFile(name, b"", client.size)]
    (info,) = await client.files(SOURCE)
    return await look(client, SOURCE, info), client


def rows(found: Look) -> list[tuple[str, ...]]:
    assert found.table is not None, found.trouble
    return list(found.table.rows)


TENSORS = [
    ("model.conv1.weight", "64 x 3 x 7 x 7", "float32", "36.8 KiB"),
    ("model.fc.bias", "10", "float16", "20 B"),
    ("model.steps", "a single value", "int64", "8 B"),
    ("optimizer.state.0.exp_avg", "64 x 3 x 7 x 7", "float32", "36.8 KiB"),
]
VALUES = [
    ("optimizer.param_groups[0].lr", "0.05", "float", ""),
    ("optimizer.param_groups[0].betas", "0.9, 0.999", "tuple", ""),
    ("epoch", "12", "int", ""),
    ("best", "True", "bool", ""),
    ("note", "cosine", "str", ""),
]


@pytest.mark.parametrize("protocol", [2, 4, 5])
async def test_a_checkpoint_tells_its_tensors(protocol: int) -> None:
    found, _ = await looked("best.pt", made.torch_zip(made.torch_pickle(made.state(), protocol)))
    assert found.kind is Kind.CONTENTS
    assert rows(found) == TENSORS + VALUES
    assert found.words == "PyTorch: 4 tensors, 18,827 numbers, 73.5 KiB"


async def test_one_of_before_1_6_too() -> None:
    found, _ = await looked("old.pth", made.torch_legacy(made.state()))
    assert rows(found)[:4] == TENSORS
    assert found.words.startswith("PyTorch before 1.6: 4 tensors")
    broken, _ = await looked("old.pth", made.torch_legacy(made.state())[:200])
    assert "before 1.6" in broken.trouble


async def test_a_model_saved_whole_shows_what_is_inside() -> None:
    class Layer:
        pass

    Layer.__module__, Layer.__qualname__ = "tests.unit.peek.test_contents", "Layer"
    globals()["Layer"] = Layer
    inner, outer = Layer(), Layer()
    inner.__dict__.update(_parameters={"weight": made.Tensor(2, 3)}, training=True)
    outer.__dict__.update(_modules={"fc": inner}, _parameters={})
    found, _ = await looked("whole.pt", made.torch_zip(made.torch_pickle(outer)))
    assert rows(found) == [("fc.weight", "2 x 3", "float32", "24 B")]


async def test_two_gigabytes_cost_two_requests() -> None:
    data = made.torch_zip(made.torch_pickle(made.state()), b"\1" * (PART + 1000))
    hole = 2 << 30
    directory = data.rindex(b"PK\5\6")
    offset = int.from_bytes(data[directory + 16 : directory + 20], "little")
    changed = bytearray(data)
    # The list of contents stands `hole` bytes further on, behind the tensors.
    changed[directory + 16 : directory + 20] = struct.pack("<I", offset + hole)
    found, client = await looked("big.pt", bytes(changed), (PART + 500, hole))
    assert rows(found)[:4] == TENSORS
    assert client.size > hole
    assert len(client.asked) == 2
    assert sum(length for _, length in client.asked) <= PART + (64 << 10)


async def test_arrays_tell_shape_type_and_order() -> None:
    arrays = {"images": made.npy((1797, 8, 8), "<f8"), "labels": made.npy((1797,), "|u1", fortran=True)}
    found, _ = await looked("digits.npz", made.npz(arrays))
    assert rows(found) == [
        ("images", "1797 x 8 x 8", "float64", "898 KiB", "C"),
        ("labels", "1797", "uint8", "1.8 KiB", "Fortran"),
    ]
    far = {f"a{at}": made.npy((9,), data=b"\1" * (PART + 1)) for at in range(12)}
    found, client = await looked("far.npz", made.npz(far))
    assert len(rows(found)) == 12
    assert rows(found)[0][1] == "9"
    assert rows(found)[-1][1] == "", "too many places to look at: what the list says is shown"
    assert len(client.asked) <= 9
    found, _ = await looked("one.npy", made.npy((3, 4), "<f4"))
    assert ("shape", "3 x 4") in found.facts
    assert ("dtype", "float32") in found.facts


async def test_safetensors_tell_theirs_whatever_their_header_takes() -> None:
    many = {f"layer.{at}.weight": {"dtype": "BF16", "shape": [64, 64], "data_offsets": [0, 1]} for at in range(5000)}
    found, client = await looked("m.safetensors", made.safetensors({"__metadata__": {"format": "pt"}, **many}))
    assert rows(found)[0] == ("layer.0.weight", "64 x 64", "bfloat16", "8.0 KiB")
    assert rows(found)[-1] == ("format", "pt", "metadata", "")
    assert len(rows(found)) == 2001
    assert len(client.asked) == 2


async def test_archives_list_their_files() -> None:
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("data")
        archive.writestr(zipfile.ZipInfo("data/train.csv", (2026, 11, 20, 1, 2, 4)), b"1,2\n" * 1000)
    with tarfile.open(fileobj=tarred, mode="w") as tar:
        for at in range(20):
            info = tarfile.TarInfo(f"clips/{at}.opus")
            info.size = PART
            tar.addfile(info, io.BytesIO(b"\1" * PART))
    found, _ = await looked("data.zip", zipped.getvalue())
    assert rows(found)[0][:2] == ("data/train.csv", "3.9 KiB")
    assert rows(found)[0][3] == "2026-11-20"
    found, client = await looked("clips.tar", tarred.getvalue())
    assert found.words.startswith("tar archive: the first ")
    assert rows(found)[0] == ("clips/0.opus", "256 KiB")
    assert len(client.asked) <= 9
    found, _ = await looked("clips.tar.gz", gzip.compress(tarred.getvalue()))
    assert len(rows(found)) == 20


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("it was run",)


def bomb() -> bytes:
    """A pickle of lists of lists, each holding the one before many times."""
    inner = b"]" + b"q\0"
    for at in range(1, 200):
        inner += b"](" + b"h" + bytes([at - 1]) + (b"h" + bytes([at - 1])) * 50 + b"eq" + bytes([at])
    return b"\x80\x02" + inner + b"."


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("cut.pt", made.torch_zip(made.torch_pickle(made.state()))[:-30], "its end is missing"),
        ("not.pt", made.torch_zip(b"\x80\x02}."[:3]), "damaged"),
        ("deep.pt", made.torch_zip(b"\x80\x02" + b"(" * 100_000 + b"."), "damaged"),
        ("run.pt", made.torch_zip(pickle.dumps(Harmful())), ""),
        ("bomb.pt", made.torch_zip(bomb()), ""),
        ("long.pt", made.torch_zip(b"\x80\x02" + b"]0" * 2_000_000 + b"N."), "too many parts"),
        ("huge.pt", made.torch_zip(b"\0" * (5 << 20)), "too long to show"),
        ("long.safetensors", struct.pack("<Q", 1 << 62) + b"{}", "longer than the file"),
        ("odd.safetensors", made.safetensors({"w": 3}), "header is damaged"),
        ("deep.safetensors", struct.pack("<Q", 200_000) + b'{"a":' + b"[" * 199_995, "header is damaged"),
        ("odd.npz", made.npz({"a": made.npy((1,)).replace(b"shape", b"shame")}), "damaged"),
        ("lies.tar", b"\0" * 257 + b"ustar" + b"\xff" * 700, "no tar archive"),
        ("lies.tar.gz", b"\x1f\x8b" + b"\0" * 90, "damaged"),
        ("zeros.tar.gz", gzip.compress(b"\0" * (64 << 20)), "no tar archive"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
async def test_what_is_damaged_or_hostile_is_said_and_costs_little(name: str, data: bytes, said: str) -> None:
    tracemalloc.start()
    began = time.process_time()
    found, client = await looked(name, data)
    spent, (_, most) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert said in found.trouble
    assert (found.kind is Kind.BINARY) is bool(said)
    assert most < 160 << 20
    assert spent < 60
    assert len(client.asked) <= 9


WHOLE = {
    "a.pt": made.torch_zip(made.torch_pickle(made.state())),
    "b.pth": made.torch_legacy(made.state()),
    "c.npz": made.npz({"x": made.npy((2, 3)), "y": made.npy((4,))}),
    "d.safetensors": made.safetensors({"w": {"dtype": "F32", "shape": [2]}}),
}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(WHOLE)),
    flips=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.one_of(st.none(), st.integers(0, 1 << 16)),
)
async def test_no_bytes_break_it(name: str, flips: list[tuple[int, int]], cut: int | None) -> None:
    data = bytearray(WHOLE[name])
    for at, byte in flips:
        data[at % len(data)] = byte
    found, _ = await looked(name, bytes(data[: cut % len(data) + 1 if cut is not None else None]))
    assert found.table is not None or found.text


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([bytes([byte]) for byte in b"()]}lted0123NIq.hr\x85\x86\x87\x94\x93QRbasu2\x81cP\n"]),
        max_size=40,
    )
)
def test_no_pickle_breaks_it(codes: list[bytes]) -> None:
    with suppress(BadPickle):
        assert all(item.name is not None for item in torch_items(b"\x80\x02" + b"".join(codes) + b"."))
