"""The runner as a whole: builds its parts, holds them, starts and closes them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from dataclasses import replace

from runner import __version__
from runner.decoding import encodings
from runner.environments import HOST, Environments
from runner.errors import Unavailable
from runner.events import Hub
from runner.executors import choose_executors
from runner.fetching.bringing import Store
from runner.fetching.fetches import Fetches
from runner.fetching.table import FetchStore
from runner.gpus import Gpus
from runner.housekeeping import Housekeeping
from runner.jobs import Jobs
from runner.launching import Launching
from runner.leftovers import Leftovers
from runner.life import Parts
from runner.listing import Listings
from runner.models import API_VERSION, Environment, RunnerInfo
from runner.output import Outputs
from runner.settings import Settings
from runner.sources import Sources
from runner.store.blobs import BlobStore
from runner.store.datasets import Datasets
from runner.store.db import Database
from runner.store.deleted import Deleted
from runner.store.gc import Collector
from runner.store.jobs import JobStore
from runner.store.lineage import Lineages
from runner.store.salvage import salvage
from runner.store.secrets import Secrets
from runner.store.shelf import Shelf
from runner.store.trees import Trees
from runner.telemetry.sampling import Telemetry


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
        self.blobs = BlobStore(folder, self.db, settings.disk_reserve, settings.shared)
        self.trees = Trees(folder, self.blobs, self.db)
        self.datasets = Datasets(self.db, self.events.publish)
        self.shelf = Shelf(self.db, self.datasets, self.events.publish, self.events.publish_to_all)
        store = Store(self.blobs, self.trees, self.datasets)
        self.fetches = Fetches(settings, FetchStore(self.db), store, self.events.publish)
        self.deleted = Deleted(self.db)
        self.outputs = Outputs(self.blobs, self.trees)
        self.job_store = JobStore(self.db)
        self.lineages = Lineages(self.db)
        self.secrets = Secrets(folder)
        self.sources = Sources(settings, self.trees, self.datasets, self.job_store)
        self.listings = Listings(self.trees, self.outputs)
        self.catalogue = Environments(folder, settings.default_environment)
        self.gpus = Gpus()

    async def start(self) -> None:
        """Put right what a crash left behind, find out what runs jobs here, and take up the jobs that are there."""
        await salvage(self.blobs)
        await asyncio.to_thread(self.blobs.tidy)
        await asyncio.to_thread(self.trees.tidy)
        self.executors = await choose_executors(self.settings)
        parts = Parts(
            self.settings,
            self.job_store,
            self.trees,
            self.outputs,
            self.catalogue,
            self.executors,
            self.events,
            self.secrets,
        )
        launching = Launching(
            self.settings,
            self.job_store,
            self.trees,
            self.sources,
            self.catalogue,
            self.executors,
            self.blobs.room,
            self.secrets,
        )
        self.jobs = Jobs(parts, launching, self.gpus)
        self.telemetry = Telemetry(
            self.settings, self.gpus, self.jobs.gpu_holders, self.jobs.running, self.blobs.room.reserve
        )
        collector = Collector(self.settings.data_dir, self.blobs, self.trees, self.db)
        self.housekeeping = Housekeeping(
            self.settings, collector, Leftovers(self.executors, self.job_store), self.db, self.blobs.room.reserve
        )
        await self.jobs.start()
        self.telemetry.start()
        await self.fetches.start()
        self.housekeeping.start()

    async def close(self) -> None:
        """Let go of everything; jobs run on."""
        self.closing.set()
        await self.housekeeping.close()
        await self.fetches.close()
        await self.telemetry.close()
        await self.jobs.close()
        await self.executors.close()
        await asyncio.to_thread(self.gpus.close)
        await self.blobs.uploads.settle()
        await asyncio.to_thread(self.db.close)

    def info(self, owner: str) -> RunnerInfo:
        """What the runner tells a client that asks for the first time."""
        return RunnerInfo(
            version=__version__,
            api=API_VERSION,
            owner=owner,
            hostname=socket.gethostname(),
            executor=self.executors.default.name,
            executor_note=self.executors.note,
            data_dir=str(self.settings.data_dir),
            pid=os.getpid(),
            started_at=self.started_at,
            encodings=encodings(),
        )

    async def environments(self) -> list[Environment]:
        """What a job may name here: the catalogue and the host's default, or under processes the host itself."""
        if self.executors.default.name == "process":
            return [Environment(HOST, "", "this host itself, with the programs that it has", present=True)]
        known = self.catalogue.all()
        default = self.catalogue.get(None)
        present: frozenset[str] = frozenset()
        with contextlib.suppress(Unavailable):
            present = await self.executors.docker.images.names()
        each = {default.name: default, **known}.values()
        return [replace(one, present=one.image in present) for one in each]
