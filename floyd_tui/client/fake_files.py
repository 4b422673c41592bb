"""The part of the fake client that lists and reads files."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence

from floyd_tui.client.fake_host import FakeHost, list_folder, not_found
from runner.models import BLOB_FRAME, FileInfo, Ref


class FakeFiles:
    """Mixed into `floyd_tui.client.fake.FakeClient`, which has the host."""

    host: FakeHost

    async def files(self, source: str, path: str = "", recursive: bool = False) -> list[FileInfo]:
        await self.host.gate("files")
        return list_folder(self.host.find_source(source), path, recursive, self._ended(source))

    async def files_if_changed(self, source: str, tag: str = "") -> tuple[list[FileInfo] | None, str]:
        found = await self.files(source, recursive=True)
        now = hashlib.sha256(repr(found).encode()).hexdigest()
        return (None if now == tag else found), now

    async def content(
        self,
        source: str,
        path: str,
        offset: int = 0,
        *,
        length: int | None = None,
        version: str = "",
        bulk: bool = False,
    ) -> AsyncIterator[bytes]:
        await self.host.gate("content")
        for file in self.host.find_source(source):
            if file.path == path:
                left = file.length if length is None else length
                for piece in file.chunks(offset):
                    yield piece[:left]
                    await self.host.gate("content.piece")
                    left -= len(piece)
                    if left <= 0:
                        break
                return
        raise not_found(f"file {path} in {source}")

    async def contents(self, source: str, paths: Sequence[str]) -> AsyncIterator[bytes]:
        digests = {info.path: info.digest for info in await self.files(source, recursive=True)}
        for path in paths:
            data = b"".join([piece async for piece in self.content(source, path)])
            yield BLOB_FRAME.pack(bytes.fromhex(digests[path]), 0, len(data), 0, len(data)) + data

    def _ended(self, source: str) -> bool:
        ref = Ref.parse(source)
        if self.host.is_dataset(ref) or ref.area == "code":
            return True
        return self.host.find_job(source).state.ended
