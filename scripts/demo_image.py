"""Where the demo's jobs run: in Docker if an engine answers and an image with Python can be had, else as processes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import httpx

from scripts.test_image import IMAGE, ImageError, engine, ensure_image, why_no_engine

# What the environment python-3.11 is made of, and the same without build tools: smaller to pull.
ENVIRONMENT, PUBLIC = "python:3.11", "python:3.11-slim"
# Seconds without a sign of progress after which a registry counts as out of reach.
_SILENCE = 30.0


@dataclass(frozen=True, slots=True)
class Choice:
    """The executor, the image if it is Docker, and why it is this one."""

    executor: Literal["docker", "process"]
    image: str
    why: str


def choose(say: Callable[[str], None]) -> Choice:
    """Find out what can be had here; `say` is told of anything that takes a while."""
    if reason := why_no_engine():
        return Choice("process", "", reason)
    for image in (ENVIRONMENT, PUBLIC, IMAGE):
        if _present(image):
            return Choice("docker", image, f"the engine has the image {image}.")
    say(f"Pulling {PUBLIC}; once is enough")
    if (refusal := _pull(PUBLIC)) is None:
        return Choice("docker", PUBLIC, f"the image {PUBLIC} was pulled.")
    say(f"It cannot be pulled ({refusal}); making an image from Debian's packages")
    try:
        return Choice("docker", ensure_image(), f"the image {IMAGE} was made from Debian's packages.")
    except ImageError as error:
        return Choice("process", "", f"an engine answers, but no image can be had. {error}")


def _present(image: str) -> bool:
    with engine() as client:
        return client.get(f"/images/{image}/json").status_code == 200


def _pull(image: str) -> str | None:
    """Pull `image`; None once it is here, otherwise why not."""
    name, _, tag = image.partition(":")
    params = {"fromImage": name, "tag": tag}
    try:
        with engine() as client, client.stream("POST", "/images/create", params=params, timeout=_SILENCE) as answer:
            for line in answer.iter_lines():
                told = json.loads(line) if line.strip() else {}
                if "error" in told or "message" in told:
                    return str(told.get("error") or told["message"])
    except (httpx.HTTPError, ValueError) as error:
        return str(error) or type(error).__name__
    return None if _present(image) else "the engine does not say why"
