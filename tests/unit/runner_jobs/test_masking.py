"""Secrets in logs: whole values and their lines, wherever pieces are cut, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import masking
from runner.logs import read_masked
from runner.masking import Mask, mask_file

VALUES = st.lists(st.text("ab", min_size=8, max_size=12), min_size=1, max_size=3)


def plainly(data: bytes, mask: Mask) -> bytes:
    """What `Mask.apply` is to do, by looking at each place."""
    masked = bytearray(data)
    for needle in mask.needles:
        for start in range(len(data)):
            if data.startswith(needle, start):
                masked[start : start + len(needle)] = b"*" * len(needle)
    return bytes(masked)


@given(VALUES, st.text("ab\n", max_size=80))
def test_every_place_of_every_value_is_masked(values: list[str], text: str) -> None:
    mask = Mask.of(values)
    assert mask.apply(text.encode()) == plainly(text.encode(), mask)


@given(VALUES, st.text("ab\n", max_size=80), st.integers(1, 40))
def test_a_file_is_masked_as_its_text_would_be(values: list[str], text: str, piece: int) -> None:
    import tempfile

    mask, data = Mask.of(values), text.encode()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(masking, "_PIECE", piece)
        log = Path(folder) / "log"
        log.write_bytes(data)
        read = b"".join(read_masked(log, start, 7, mask) for start in range(0, len(data), 7))
        assert read == plainly(data, mask)
        mask_file(log, mask)
        assert log.read_bytes() == plainly(data, mask)


def test_lines_of_a_key_are_masked_and_short_values_are_not() -> None:
    mask = Mask.of(["-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n", "short"])
    told = mask.apply(b"key: MIIEvQIBADANBg, short -----END KEY----- and more\n")
    assert told == b"key: **************, short ***************** and more\n"


def test_what_may_become_a_value_is_held_back() -> None:
    mask = Mask.of(["hunter2hunter2"])
    assert mask.unsure(b"the word is hunter2hun") == 10
    assert mask.unsure(b"the word is hun") == 0
    assert mask.unsure(b"") == 0
    assert Mask().unsure(b"anything") == 0


def test_a_log_of_one_letter_takes_no_longer_than_another() -> None:
    mask, size = Mask.of(["a" * 20]), 4 << 20
    began = time.process_time()
    assert mask.apply(b"a" * size) == b"*" * size
    assert time.process_time() - began < 2


@pytest.mark.accounts
def test_a_log_that_its_job_has_closed_is_read_and_masked() -> None:
    """As somebody who is not root, whom modes do not bind; the runner's own account owns the log."""
    script = """
import os, pathlib, tempfile
from runner.logs import read_piece
from runner.masking import Mask, mask_file
os.setuid(65534)
log = pathlib.Path(tempfile.mkdtemp(), "log")
log.write_bytes(b"it is hunter2hunter2")
log.chmod(0)
assert read_piece(log, 0, 5) == b"it is"
log.chmod(0o400)
mask_file(log, Mask.of(["hunter2hunter2"]))
assert log.read_bytes() == b"it is " + b"*" * 14
log.unlink()
log.parent.rmdir()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_link_in_the_place_of_a_log_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"hunter2hunter2")
    (tmp_path / "log").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic"):
        mask_file(tmp_path / "log", Mask.of(["hunter2hunter2"]))
    assert (tmp_path / "other").read_bytes() == b"hunter2hunter2"
