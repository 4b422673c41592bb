"""Moving trees, beside scp and rsync through the same sshd. Needs sshd and rsync (Debian: openssh-server, rsync)."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.bed import GCM, Bed, bed
from benchmarks.harness import Row, Work, beside, nothing, with_memory
from floyd_tui.client.transfer import download
from floyd_tui.project.run import upload_dataset

ROUNDS = 5
BIG = 1 << 30
TEXT = 1 << 30
# What a run of these sizes dirties at most: our blob or a peer's file, and buffers.
MEMORY = 3 << 29
LINE = '{{"metric": "loss", "value": {:.6f}, "step": {}, "time": {:.3f}}}\n'
SMALL_FILES, SMALL_SIZE = 5_000, 4096


def run() -> Iterator[Row]:
    """The rows."""
    with bed() as road:
        yield from big_rows(road)
        yield text_row(road)
        yield from small_rows(road)


def big_rows(road: Bed) -> Iterator[Row]:
    """1 GiB that does not compress, up and down."""
    source = road.fresh("big")
    write = partial(write_big, source / "big.bin")
    write()
    # Each of our uploads sends content that the store has not seen: else nothing would travel.
    ours = Work(lambda: road.run(upload_dataset(road.link, source, "big")), with_memory(MEMORY, write))
    up = {"ours": ours, **peers(road, source, MEMORY)}
    yield beside("transfer: 1 GiB up", 1.0, ROUNDS, up, bytes=BIG)
    down = {"ours": fetch(road, "big", MEMORY), **peers(road, source, MEMORY, up=False)}
    yield beside("transfer: 1 GiB down", 1.0, ROUNDS, down, bytes=BIG)


def text_row(road: Bed) -> Row:
    """Lines as a training writes them as JSON, beside the peers with compression and without."""
    source = road.fresh("text")
    write_text(source / "log.jsonl")
    renew = partial(rename_run, source / "log.jsonl")
    ends = (f"{source}/", f"127.0.0.1:{road.folder}/peer/")

    def peer(move: Callable[..., None], *options: str) -> Work:
        return Work(lambda: move(*ends, GCM, *options), with_memory(MEMORY, lambda: road.fresh("peer")))

    works = {
        "ours": Work(lambda: road.run(upload_dataset(road.link, source, "text")), with_memory(MEMORY, renew)),
        "rsync": peer(road.rsync),
        "rsync -z": peer(road.rsync, "-z"),
        "scp -C": peer(road.scp, "-C"),
    }
    return beside("transfer: 1 GiB of JSON lines up", 2.0, ROUNDS, works, bytes=TEXT)


def small_rows(road: Bed) -> Iterator[Row]:
    """Many small files: the first time, back, and again unchanged, with one changed, with half of them renamed."""
    source = road.fresh("small")
    write = partial(write_small, source)
    write()
    ours = partial(small_up, road, source)
    first = {"ours": Work(ours, write)}
    yield beside("transfer: 5,000 x 4 KB up, first", 1.0, ROUNDS, first | peers(road, source))
    down = {"ours": fetch(road, "small")}
    yield beside("transfer: 5,000 x 4 KB down", 1.0, ROUNDS, down | peers(road, source, up=False))
    for what, bar, prepare in (
        ("unchanged", 3.0, nothing),
        ("1 changed", 3.0, partial(change_one, source)),
        ("2,500 renamed", 5.0, partial(rename_half, source)),
    ):
        rsync = Work(lambda: road.rsync(f"{source}/", f"127.0.0.1:{road.folder}/kept/"), prepare)
        works = {"ours": Work(ours, prepare), "rsync": rsync}
        yield beside(f"transfer: 5,000 x 4 KB up, {what}", bar, ROUNDS, works)


def small_up(road: Bed, source: Path) -> None:
    """The next version of the dataset of small files."""
    road.run(upload_dataset(road.link, source, "small"))


def fetch(road: Bed, name: str, memory: int = 0) -> Work:
    """A dataset down, to a place that is empty each time."""
    down = partial(road.fresh, "down")
    ready = with_memory(memory, down) if memory else down
    return Work(lambda: road.run(download(road.link, name, "", road.folder / "down")), ready)


def change_one(folder: Path) -> None:
    """Other content in one file."""
    (folder / "49" / "4999.bin").write_bytes(os.urandom(SMALL_SIZE))


def rename_half(folder: Path) -> None:
    """Half of the folders, and so of the files, under new names."""
    for path in sorted(folder.iterdir())[:25]:
        path.rename(folder / os.urandom(8).hex())


def peers(road: Bed, source: Path, memory: int = 0, *, up: bool = True) -> dict[str, Work]:
    """scp and rsync to or from a place that is empty each time, with their default cipher and with aes128-gcm."""

    def work(tool: str, cipher: str | None) -> Work:
        move = road.scp if tool == "scp" else road.rsync
        here, there = road.folder / "peer", f"127.0.0.1:{road.folder}/peer/"
        ends = (f"{source}/", there) if up else (f"127.0.0.1:{source}/", f"{here}/")
        place = partial(road.fresh, "peer")
        return Work(lambda: move(*ends, cipher), with_memory(memory, place) if memory else place)

    ciphers = (("", None), (" gcm", GCM))
    return {f"{tool}{suffix}": work(tool, cipher) for tool in ("scp", "rsync") for suffix, cipher in ciphers}


def write_big(path: Path) -> None:
    """`BIG` bytes, new ones each time, at the cost of writing them."""
    noise = random.Random(0).randbytes(1 << 24)
    with path.open("wb") as file:
        for _ in range(BIG >> 24):
            file.write(os.urandom(64) + noise[64:])


def write_text(path: Path) -> None:
    """`TEXT` bytes of JSON lines as a training logs them; zstd's level 1 makes about a ninth of them."""
    dice = random.Random(0)
    path.touch()
    rename_run(path)
    with path.open("a") as file:
        for step in range(TEXT // 70):
            file.write(LINE.format(dice.random(), step, step * 1.7))
        file.truncate(TEXT)


def rename_run(path: Path) -> None:
    """Another name of the run in the first line, and so another file."""
    with path.open("r+") as file:
        file.write(f'{{"run": "{os.urandom(8).hex()}"}}\n')


def write_small(folder: Path) -> None:
    """`SMALL_FILES` files of `SMALL_SIZE` bytes, new ones each time."""
    for number in range(SMALL_FILES):
        path = folder / f"{number % 50:02}" / f"{number}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(SMALL_SIZE))
