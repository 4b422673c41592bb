"""The inputs of a job: a line each with what is mounted and where, and always an empty one to add the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

Pair = tuple[str, str]


class MountLine(Horizontal):
    """One mount: its source, completed from what the host has, and its name under /floyd/input."""

    def __init__(self, source: str = "", place: str = "", sources: Sequence[str] = ()) -> None:
        super().__init__()
        # Kept, since a line is asked for its words also before it is on screen.
        self._source = Input(source, placeholder="mnist/1 or net/3/output", compact=True, classes="source")
        self._place = Input(place, placeholder="name", compact=True, classes="place")
        self.suggest(sources)

    def compose(self) -> ComposeResult:
        yield self._source
        yield Static(" at /floyd/input/", classes="at")
        yield self._place

    @property
    def pair(self) -> Pair:
        """Source and place as typed."""
        return self._source.value, self._place.value

    def suggest(self, sources: Sequence[str]) -> None:
        """Complete from `sources` from now on."""
        self._source.suggester = SuggestFromList(sources, case_sensitive=False)


class MountsEditor(Vertical):
    """All mounts; emptying a line takes it away."""

    DEFAULT_CSS = """
    MountsEditor {
        height: auto;
        width: 1fr;
        & > MountLine { height: 1; }
        & .source { width: 3fr; }
        & .place { width: 2fr; }
        & .at { width: auto; color: $dim; }
    }
    """

    @dataclass
    class Changed(Message):
        """A mount was typed into."""

    def __init__(self, pairs: Sequence[Pair], id: str | None = None) -> None:
        super().__init__(id=id)
        self._pairs = tuple(pairs)
        self._sources: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        for source, place in self._pairs:
            yield MountLine(source, place)
        yield MountLine()

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """What is typed, empty lines left out."""
        lines = (line.pair for line in self.query(MountLine))
        return tuple((source, place) for source, place in lines if source.strip() or place.strip())

    def suggest(self, sources: Sequence[str]) -> None:
        """Complete sources from these names."""
        self._sources = tuple(sources)
        for line in self.query(MountLine):
            line.suggest(self._sources)

    @on(Input.Changed)
    async def _typed(self, event: Input.Changed) -> None:
        event.stop()
        lines = list(self.query(MountLine))
        if lines and any(text.strip() for text in lines[-1].pair):
            await self.mount(MountLine(sources=self._sources))
        self.post_message(self.Changed())
