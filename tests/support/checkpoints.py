"""Files that hold arrays, as their libraries write them; made here without these."""

from __future__ import annotations

import io
import json
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

MAGIC = 0x1950A86A20F9469CFC6C


def npy(shape: tuple[int, ...], descr: str = "<f4", fortran: bool = False, data: bytes = b"") -> bytes:
    """An array as numpy.save begins it."""
    text = repr({"descr": descr, "fortran_order": fortran, "shape": shape}).encode()
    text = text.ljust(118 - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def npz(arrays: Mapping[str, bytes]) -> bytes:
    """Arrays as numpy.savez writes them."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, array in arrays.items():
            archive.writestr(f"{name}.npy", array)
    return data.getvalue()


def safetensors(header: Mapping[str, Any], data: bytes = b"") -> bytes:
    """A header as safetensors writes it, and `data` behind it."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


class Tensor:
    """What is pickled as a tensor of float32, or of the type of `storage`."""

    def __init__(self, *shape: int, storage: str = "FloatStorage", parameter: bool = False) -> None:
        self.shape, self.storage, self.parameter = shape, storage, parameter

    def __reduce__(self) -> tuple[Any, ...]:
        utils = sys.modules["torch._utils"]
        args: tuple[Any, ...] = (_Storage(self.storage), 0, self.shape, self.shape, False, OrderedDict())
        if self.parameter:
            plain = Tensor(*self.shape, storage=self.storage)
            return utils._rebuild_parameter, (plain, True, OrderedDict())
        return utils._rebuild_tensor_v2, args


class _Storage:
    def __init__(self, kind: str) -> None:
        self.kind = kind


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, _Storage):
            return ("storage", getattr(sys.modules["torch"], obj.kind), "0", "cuda:0", 6)
        return None


@contextmanager
def _names() -> Iterator[None]:
    """Names that the pickle module finds where those of PyTorch would be."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for kind in ("FloatStorage", "HalfStorage", "BFloat16Storage", "LongStorage"):
        setattr(torch, kind, type(kind, (), {"__module__": "torch"}))
    for name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
        made: dict[str, Any] = {}
        exec(f"def {name}(*args): raise AssertionError('it was called')", made)
        made[name].__module__ = "torch._utils"
        setattr(utils, name, made[name])
    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules.update({"torch": torch, "torch._utils": utils})
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def torch_pickle(value: Any, protocol: int = 2) -> bytes:
    """The pickle that torch.save makes of `value`."""
    data = io.BytesIO()
    with _names():
        _Pickler(data, protocol).dump(value)
    return data.getvalue()


def torch_zip(pickled: bytes, storage: bytes = b"\0" * 24, name: str = "best") -> bytes:
    """A checkpoint as torch.save has written it since 1.6."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{name}/data.pkl", pickled)
        archive.writestr(f"{name}/byteorder", "little")
        archive.writestr(f"{name}/data/0", storage)
        archive.writestr(f"{name}/version", "3\n")
    return data.getvalue()


def torch_legacy(value: Any) -> bytes:
    """A checkpoint as torch.save wrote it before 1.6."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    parts = [pickle.dumps(one, 2) for one in (MAGIC, 1001, system)]
    return b"".join(parts) + torch_pickle(value) + pickle.dumps(["0"], 2) + b"\0" * 32


def state() -> Any:
    """A checkpoint of a person's work: a model's state, an optimizer's, and how far it was."""
    model = OrderedDict(
        {
            "conv1.weight": Tensor(64, 3, 7, 7, parameter=True),
            "fc.bias": Tensor(10, storage="HalfStorage"),
            "steps": Tensor(storage="LongStorage"),
        }
    )
    adam = {"state": {0: {"exp_avg": Tensor(64, 3, 7, 7)}}, "param_groups": [{"lr": 0.05, "betas": (0.9, 0.999)}]}
    return {"model": model, "optimizer": adam, "epoch": 12, "best": True, "note": "cosine"}
