"""Moving trees, beside scp and rsync through the same sshd. Needs sshd and rsync (Debian: openssh-server, rsync)."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.bed import GCM, Bed, bed
from benchmarks.harness import Row, Work, beside
from floyd_tui.client.transfer import download
from floyd_tui.project.run import upload_dataset

ROUNDS = 3
BIG = 1 << 30
SMALL_FILES, SMALL_SIZE = 5_000, 4096


def run() -> Iterator[Row]:
    """The rows."""
    with bed() as road:
        yield from big_rows(road)
        yield from small_rows(road)


def big_rows(road: Bed) -> Iterator[Row]:
    """1 GiB that does not compress, up and down."""
    source = road.fresh("big")
    write = partial(write_big, source / "big.bin")
    write()
    # Each of our uploads sends content that the store has not seen: else nothing would travel.
    up = {"ours": Work(lambda: road.run(upload_dataset(road.link, source, "big")), write), **peers(road, source)}
    yield beside("transfer: 1 GiB up", 1.0, ROUNDS, up, bytes=BIG)
    down = {"ours": Work(lambda: road.run(download(road.link, "big", "", road.fresh("down"))))}
    yield beside("transfer: 1 GiB down", 1.0, ROUNDS, down | peers(road, source, up=False), bytes=BIG)


def small_rows(road: Bed) -> Iterator[Row]:
    """Many small files, the first time and again unchanged."""
    source = road.fresh("small")
    write = partial(write_small, source)
    write()
    first = {"ours": Work(lambda: road.run(upload_dataset(road.link, source, "small")), write)}
    yield beside("transfer: 5,000 x 4 KB up, first", 1.0, ROUNDS, first | peers(road, source))
    again = {
        "ours": Work(lambda: road.run(upload_dataset(road.link, source, "small"))),
        "rsync": Work(lambda: road.rsync(f"{source}/", f"127.0.0.1:{road.folder}/kept/")),
    }
    yield beside("transfer: 5,000 x 4 KB up, unchanged", 3.0, ROUNDS, again)


def peers(road: Bed, source: Path, up: bool = True) -> dict[str, Work]:
    """scp and rsync to or from a place that is empty each time, with their default cipher and with aes128-gcm."""

    def work(tool: str, cipher: str | None) -> Work:
        move = road.scp if tool == "scp" else road.rsync
        here, there = road.folder / "peer", f"127.0.0.1:{road.folder}/peer/"
        ends = (f"{source}/", there) if up else (f"127.0.0.1:{source}/", f"{here}/")
        return Work(lambda: move(*ends, cipher), lambda: road.fresh("peer"))

    ciphers = (("", None), (" gcm", GCM))
    return {f"{tool}{suffix}": work(tool, cipher) for tool in ("scp", "rsync") for suffix, cipher in ciphers}


def write_big(path: Path) -> None:
    """`BIG` bytes, new ones each time, at the cost of writing them."""
    noise = random.Random(0).randbytes(1 << 24)
    with path.open("wb") as file:
        for _ in range(BIG >> 24):
            file.write(os.urandom(64) + noise[64:])


def write_small(folder: Path) -> None:
    """`SMALL_FILES` files of `SMALL_SIZE` bytes, new ones each time."""
    for number in range(SMALL_FILES):
        path = folder / f"{number % 50:02}" / f"{number}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(SMALL_SIZE))
