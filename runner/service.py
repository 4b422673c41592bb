"""The runner as a whole: builds its parts, holds them, starts and closes them."""

from __future__ import annotations

import asyncio
import os
import socket
import time

from runner import __version__
from runner.events import Hub
from runner.listing import Listings
from runner.models import API_VERSION, RunnerInfo
from runner.output import Outputs
from runner.settings import Settings
from runner.sources import Sources
from runner.store.blobs import BlobStore
from runner.store.datasets import Datasets
from runner.store.db import Database
from runner.store.jobs import JobStore
from runner.store.trees import Trees


class Runner:
    """One daemon's parts. `closing` is set when it is about to end, so that open streams can end first."""

    def __init__(self, settings: Settings) -> None:
        """Open the store in the settings' data folder, which must be there; raises `Unavailable`."""
        folder = settings.data_dir
        self.settings = settings
        self.closing = asyncio.Event()
        self.started_at = time.time()
        self.events = Hub()
        self.db = Database(settings.database)
        self.blobs = BlobStore(folder, self.db)
        self.trees = Trees(folder, self.blobs, self.db)
        self.datasets = Datasets(self.db, self.events.publish)
        self.outputs = Outputs(self.blobs, self.trees)
        self.job_store = JobStore(self.db)
        self.sources = Sources(settings, self.trees, self.datasets, self.job_store)
        self.listings = Listings(self.trees, self.outputs)

    async def start(self) -> None:
        """Put right what a crash left behind, and take up the jobs that are there."""
        await asyncio.to_thread(self.blobs.tidy)
        await asyncio.to_thread(self.trees.tidy)

    async def close(self) -> None:
        """Let go of everything; jobs run on."""
        self.closing.set()
        await self.blobs.settle()
        await asyncio.to_thread(self.db.close)

    def info(self, owner: str) -> RunnerInfo:
        """What the runner tells a client that asks for the first time."""
        return RunnerInfo(
            version=__version__,
            api=API_VERSION,
            owner=owner,
            hostname=socket.gethostname(),
            executor="process",
            executor_note="",
            data_dir=str(self.settings.data_dir),
            pid=os.getpid(),
            started_at=self.started_at,
        )
