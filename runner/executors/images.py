"""Images of the engine: pulling one with progress, and what an image has at a path."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from runner.errors import Unavailable
from runner.executors.base import Say
from runner.executors.credentials import pull_headers, registry_of
from runner.executors.engine import Engine, EngineError
from runner.store.disk import format_size

PROBE_LABEL = "floyd.probe"
# In an engine's words for a registry that wants to know who asks.
_REFUSED = ("no basic auth credentials", "unauthorized", "authentication required", "access denied", "access to the")


@dataclass(frozen=True, slots=True)
class Derived:
    """An image that the runner has made: id, names, the bytes that are its own, and when (epoch seconds)."""

    id: str
    names: frozenset[str]
    size: int
    created_at: float


class Images:
    """What the executor asks of images; what it learns of one is kept, since an image's id never changes meaning."""

    def __init__(self, engine: Engine, labels: dict[str, str]) -> None:
        self._engine = engine
        self._labels = labels
        self._seen: dict[tuple[str, str], bool] = {}
        self._pulls: dict[str, asyncio.Lock] = {}

    async def ensure(self, image: str, say: Say) -> str:
        """The id of `image`, pulled first if it is not here; raises `Unavailable` with the engine's reason."""
        # Two jobs that need the same image wait for one pull.
        async with self._pulls.setdefault(image, asyncio.Lock()):
            found = await self._id(image)
            if found is None:
                await self._pull(image, say)
                found = await self._id(image)
            if found is None:
                raise Unavailable(f"Image {image} is not here, even after a pull.", f"Try `docker pull {image}` there.")
            return found

    async def names(self) -> frozenset[str]:
        """The names of all images that are here."""
        images = await self._engine.get("/images/json")
        return frozenset(name for image in images for name in image.get("RepoTags") or ())

    async def derived(self) -> list[Derived]:
        """The images that this runner has made."""
        # shared-size came with API 1.42; an older engine passes it over and says -1.
        found = await self._engine.get("/images/json", filters=label_filter(self._labels), **{"shared-size": "1"})
        return [
            Derived(
                one["Id"], frozenset(one.get("RepoTags") or ()), one["Size"] - max(0, one["SharedSize"]), one["Created"]
            )
            for one in found
        ]

    async def discard(self, image_id: str) -> bool:
        """Remove a derived image with its names; False where a container still needs it."""
        await self._engine.delete(f"/images/{image_id}", force="0")
        return await self._id(image_id) is None

    async def has(self, image_id: str, paths: Iterable[str]) -> frozenset[str]:
        """Which of the absolute `paths` exist in the image.

        A container that is never started answers that; it is always removed again.
        """
        wanted = set(paths)
        unknown = [path for path in wanted if (image_id, path) not in self._seen]
        if unknown:
            await self._look(image_id, unknown)
        return frozenset(path for path in wanted if self._seen[image_id, path])

    async def _look(self, image_id: str, paths: list[str]) -> None:
        config = {"Image": image_id, "Entrypoint": ["/never"], "Labels": {**self._labels, PROBE_LABEL: "1"}}
        probe = (await self._engine.post("/containers/create", config))["Id"]
        try:
            for path in paths:
                found = await self._engine.exists(f"/containers/{probe}/archive", path=path)
                self._seen[image_id, path] = found
        finally:
            # Also when cancelled: a probe must never be left behind.
            await asyncio.shield(self._engine.discard(probe))

    async def _id(self, image: str) -> str | None:
        try:
            return str((await self._engine.get(f"/images/{image}/json"))["Id"])
        except EngineError as error:
            if error.answer in (400, 404):
                return None
            raise

    async def _pull(self, image: str, say: Say) -> None:
        await say(f"pulling {image}")
        layers: dict[str, tuple[int, int]] = {}
        try:
            headers = await pull_headers(image)
            async for line in self._engine.stream("/images/create", headers, **_reference(image)):
                if "error" in line:
                    raise EngineError(500, str(line["error"]))
                if told := _progress(line, layers):
                    await say(f"pulling {image}: {told}")
        except EngineError as error:
            raise _cannot_pull(image, error) from error


def _cannot_pull(image: str, error: EngineError) -> Unavailable:
    refused = any(word in error.message for word in _REFUSED)
    login = f"The host's administrator can let it in: `docker login {registry_of(image)}` as the runner's account. "
    return Unavailable(
        f"Image {image} could not be pulled: {error.message.rstrip('.')}.",
        f"Check the environment's name. {login if refused else ''}If the host has no way to that registry, bring the "
        f"image there with `docker save {image} | ssh HOST docker load`.",
    )


def label_filter(labels: dict[str, str]) -> str:
    """The engine's filter for what carries all of `labels`."""
    return json.dumps({"label": [f"{key}={value}" for key, value in labels.items()]})


def _reference(image: str) -> dict[str, str]:
    """The engine's parameters for `image`: without a tag it would pull every tag there is."""
    if "@" in image:
        return {"fromImage": image}
    name, _, tag = image.rpartition(":")
    return {"fromImage": name, "tag": tag} if name and "/" not in tag else {"fromImage": image, "tag": "latest"}


def _progress(line: dict[str, Any], layers: dict[str, tuple[int, int]]) -> str:
    if str(line.get("status")).startswith("Retrying"):
        return f"the connection broke off, {str(line['status']).lower()}"
    with contextlib.suppress(KeyError, TypeError):
        detail = line["progressDetail"]
        if line["status"] == "Downloading":
            layers[line["id"]] = (detail["current"], detail["total"])
            done, total = (sum(column) for column in zip(*layers.values(), strict=True))
            return f"{format_size(done)} of {format_size(total)}"
    return ""
