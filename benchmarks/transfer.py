"""Moving large files, beside scp and rsync through the same sshd. Needs sshd and rsync."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.bed import GCM, Bed, bed, fetch, peers
from benchmarks.harness import Row, Work, beside, chosen, with_memory
from floyd_tui.project.run import upload_dataset

ROUNDS = 5
BIG = 1 << 30
TEXT = 1 << 30
# What a run of these sizes dirties at most: our blob or a peer's file, and buffers.
MEMORY = 3 << 29
LINE = '{{"metric": "loss", "value": {:.6f}, "step": {}, "time": {:.3f}}}\n'


def run(only: str = "") -> Iterator[Row]:
    """The rows whose names have `only` in them."""
    with bed() as road:
        source = road.fresh("big")
        write = partial(write_big, source / "big.bin")
        write()
        yield from chosen(
            {
                "transfer: 1 GiB up": partial(up_row, road, source, write),
                "transfer: 1 GiB down": partial(down_row, road, source),
                "transfer: 1 GiB of JSON lines up": partial(text_row, road),
            },
            only,
        )


def up_row(road: Bed, source: Path, write: Callable[[], None], name: str) -> Row:
    """1 GiB that does not compress, up."""
    # Each of our uploads sends content that the store has not seen: else nothing would travel.
    ours = Work(
        lambda: road.run(upload_dataset(road.link, source, "big")), with_memory(MEMORY, road.runner.data_dir, write)
    )
    return beside(name, 1.0, ROUNDS, {"ours": ours, **peers(road, source, MEMORY)}, bytes=BIG)


def down_row(road: Bed, source: Path, name: str) -> Row:
    """The same down."""
    road.run(upload_dataset(road.link, source, "big"))
    down = {"ours": fetch(road, "big", MEMORY), **peers(road, source, MEMORY, up=False)}
    return beside(name, 1.0, ROUNDS, down, bytes=BIG)


def text_row(road: Bed, name: str) -> Row:
    """Lines as a training writes them as JSON, beside the peers with compression and without."""
    source = road.fresh("text")
    write_text(source / "log.jsonl")
    renew = partial(rename_run, source / "log.jsonl")
    ends = (f"{source}/", f"127.0.0.1:{road.folder}/peer/")

    def peer(move: Callable[..., None], *options: str) -> Work:
        return Work(
            lambda: move(*ends, GCM, *options), with_memory(MEMORY, road.runner.data_dir, lambda: road.fresh("peer"))
        )

    works = {
        "ours": Work(
            lambda: road.run(upload_dataset(road.link, source, "text")),
            with_memory(MEMORY, road.runner.data_dir, renew),
        ),
        "rsync": peer(road.rsync),
        "rsync -z": peer(road.rsync, "-z"),
        "scp -C": peer(road.scp, "-C"),
    }
    return beside(name, 2.0, ROUNDS, works, bytes=TEXT)


def write_big(path: Path) -> None:
    """`BIG` bytes, new ones each time."""
    with path.open("wb") as file:
        for _ in range(BIG >> 24):
            file.write(os.urandom(1 << 24))


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
