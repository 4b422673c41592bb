"""Many small files, beside rsync and scp through the same sshd. Needs sshd, rsync and GNU time.

In each row both sides do the same work. A first upload and a download come from nothing, connection and all, on the
peers' side, and over the open link on ours, as in `benchmarks.transfer`: there it hardly counts. In the rows of what is
there already both go over a connection that is open: ours over the link that the UI keeps, rsync over a ControlMaster,
which needs no login; its own process is started each time, since there is no other way to use it. What changes between
two runs is changed once a round: both sides find the same changes. Files have been left alone for a while before the
first run that counts, as those of a dataset have been.

A million files were tried by hand (names of a few files of no bytes, in folders of a thousand; two busy cores): the
first snapshot took 26 s, an unchanged one 5 s; asking what is missing 4 s, a version with one more file 12 s in all,
the list of the root 2.6 s, the differences of two versions 1.3 s. The client took at most 262 MiB, the runner 228.
Copying a code tree is bound by how fast the file system makes files: it takes as long as ``cp -r``, or less.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.bed import GCM, Bed, bed, fetch, peers
from benchmarks.harness import Row, Work, beside, chosen, medians
from floyd_tui.project.run import upload_dataset
from floyd_tui.sizes import human_size
from tests.support.shell import PROGRAM

ROUNDS = 5
FILES, SIZE = 5_000, 4096
MANY = 200_000
VERSION_FILES, VERSION_SIZE = 5_000, 40_960
# Digests of files younger than this are not remembered, as in git's index: they might still change unseen.
SETTLED_SECONDS = 2.5


def run(only: str = "") -> Iterator[Row]:
    """The rows whose names have `only` in them."""
    with bed() as road:
        yield from chosen(
            {
                "many: 5,000 x 4 KB up, first": partial(first_row, road),
                "many: 5,000 x 4 KB down": partial(down_row, road),
                "many: 5,000 x 4 KB up, unchanged": partial(again_row, road, 3.0, nothing_in),
                "many: 5,000 x 4 KB up, 1 changed": partial(again_row, road, 3.0, change_one),
                "many: 5,000 x 4 KB up, 2,500 renamed": partial(again_row, road, 5.0, rename_half),
                "many: 200,000 up, unchanged": partial(many_row, road),
            },
            only,
        )
    # All that other rows have stored is not part of what these measure.
    with bed() as road:
        versions = Versions(road)
        yield from chosen(
            {"many: version sharing 99 %, time": versions.time, "many: version sharing 99 %, disk": versions.disk}, only
        )


def first_row(road: Bed, name: str) -> Row:
    """Files that the host has never seen, beside the fastest of scp and rsync."""
    source = road.fresh("first")
    works = {"ours": Work(partial(up, road, source), partial(write, source)), **peers(road, source)}
    return beside(name, 1.0, ROUNDS, works | {"tar": tar(road, source)})


def tar(road: Bed, source: Path) -> Work:
    """``tar | ssh tar``."""
    ssh = " ".join(["ssh", *road.ssh(), "127.0.0.1"])
    command = f"tar -C {source} -c . | {ssh} tar -C {road.folder}/peer -x"
    return Work(lambda: subprocess.run(command, shell=True, check=True), partial(road.fresh, "peer"))


def down_row(road: Bed, name: str) -> Row:
    """A dataset down, to a place that is empty."""
    source = road.fresh("first")
    write(source)
    up(road, source)
    return beside(name, 1.0, ROUNDS, {"ours": fetch(road, source.name), **peers(road, source, up=False)})


def again_row(road: Bed, bar: float, change: Callable[[Path], None], name: str) -> Row:
    """A folder that the host has, after `change`."""
    source = road.fresh("again")
    write(source)
    works = {
        "ours": Work(partial(up, road, source), partial(change, source)),
        "rsync": Work(partial(mirrored, road, source)),
        # For the record: the same with a login each time.
        "rsync that connects": Work(partial(mirrored, road, source, connects=True)),
    }
    settle(*works.values())
    return beside(name, bar, ROUNDS, works)


def many_row(road: Bed, name: str) -> Row:
    """Very many files, none changed; and the most memory that either side's program on the laptop takes."""
    source = road.fresh("many")
    write(source, MANY, 16)
    ours, rsync = Work(partial(up, road, source)), Work(partial(mirrored, road, source))
    settle(ours, rsync)
    shell = " ".join(["ssh", *road.ssh()])
    rsync_alone = ["rsync", "-a", "-e", shell, f"{source}/", f"127.0.0.1:{road.folder}/kept/{source.name}/"]
    program = [*PROGRAM, "data", "upload", str(source), "--name", source.name]
    memory = {"ours": peak(program, road), "rsync": peak(rsync_alone, road)}
    row = beside(name, 3.0, ROUNDS, {"ours": ours, "rsync": rsync}, peak_memory_bytes=memory, files=MANY)
    told = ", ".join(f"{who} {human_size(size)}" for who, size in memory.items())
    return replace(row, note=f"most memory of the client: {told}")


class Versions:
    """A dataset's versions, each with 1 % new: ours, and the peer's folders of hard links to those of the last.

    `disk` is what ``du`` says of all that the runner stores (blobs, manifests, database), and of the peer's versions in
    one go, so that each hard link is counted once.
    """

    def __init__(self, road: Bed) -> None:
        self._road = road
        self._count = 0
        self._source: Path | None = None

    def time(self, name: str) -> Row:
        """The time for a version."""
        source = self._began()
        works = {"ours": Work(partial(up, self._road, source), partial(renew, source)), "rsync": Work(self._linked)}
        times = medians(ROUNDS, works)
        return Row(name, times["ours"] / times["rsync"], 0.5, "<=", {"seconds": times, "versions": self._count})

    def disk(self, name: str) -> Row:
        """The disk that all versions take together."""
        source = self._began()
        while self._count < ROUNDS + 2:
            renew(source)
            up(self._road, source)
            self._linked()
        used = {"ours": du(self._road.runner.data_dir), "rsync": du(self._road.folder / "linked")}
        detail: dict[str, object] = {"bytes": used, "versions": self._count}
        return Row(name, used["ours"] / used["rsync"], 1.05, "<=", detail)

    def _began(self) -> Path:
        if self._source is None:
            self._source = self._road.fresh("versions")
            self._road.fresh("linked")
            write(self._source, VERSION_FILES, VERSION_SIZE)
            settle(Work(partial(up, self._road, self._source)), Work(self._linked))
        return self._source

    def _linked(self) -> None:
        """The peer's next version."""
        assert self._source is not None
        linked = self._road.folder / "linked"
        options = [f"--link-dest={linked}/{self._count}"] if self._count else []
        self._count += 1
        target = f"127.0.0.1:{linked}/{self._count}/"
        self._road.rsync_by(self._road.kept_ssh(), f"{self._source}/", target, *options)


def up(road: Bed, source: Path) -> None:
    """The next version of the dataset named as the folder."""
    road.run(upload_dataset(road.link, source, source.name))


def mirrored(road: Bed, source: Path, connects: bool = False) -> None:
    """The peer: a copy of the folder on the host, brought up to date over the open connection or one of its own."""
    kept = road.folder / ("kept-apart" if connects else "kept")
    kept.mkdir(exist_ok=True)
    road.rsync_by(road.ssh(GCM) if connects else road.kept_ssh(), f"{source}/", f"127.0.0.1:{kept}/{source.name}/")


def settle(*works: Work) -> None:
    """Do all for the first time, and again when what was written is old enough to be remembered."""
    for work in works:
        work.run()
    time.sleep(SETTLED_SECONDS)
    for work in works:
        work.run()


def peak(program: list[str], road: Bed) -> int:
    """The most memory that a program takes, in bytes, as GNU time says it: a child of ours would be told our own."""
    environment = {**os.environ, "FLOYD_TUI_CONFIG": str(road.config), "PYTHONPATH": str(Path.cwd())}
    told = road.folder / "peak"
    subprocess.run(["time", "-f", "%M", "-o", told, *program], env=environment, stdout=sys.stderr, check=True)
    return int(told.read_text()) * 1024


def du(folder: Path) -> int:
    """Bytes of disk, hard links counted once."""
    done = subprocess.run(["du", "-s", "--block-size=1", str(folder)], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[0])


def nothing_in(folder: Path) -> None:
    """All stays as it is."""


def change_one(folder: Path) -> None:
    """Other content in one file."""
    (folder / "49" / "4999.bin").write_bytes(os.urandom(SIZE))


def rename_half(folder: Path) -> None:
    """Half of the folders, and so of the files, under new names."""
    for path in sorted(folder.iterdir())[:25]:
        path.rename(folder / os.urandom(8).hex())


def renew(folder: Path) -> None:
    """One file of each hundred anew."""
    for path in sorted(folder.glob("*/*"))[::100]:
        path.write_bytes(os.urandom(VERSION_SIZE))


def write(folder: Path, files: int = FILES, size: int = SIZE) -> None:
    """`files` files of `size` bytes, new ones each time, in folders of a hundred to a thousand."""
    folders = max(50, files // 1000)
    for number in range(files):
        path = folder / f"{number % folders:02}" / f"{number}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(size))
