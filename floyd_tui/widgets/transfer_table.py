"""The queue of downloads as a table: what each fetches, how far it is, how fast, how long still."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text
from textual.content import Content

from floyd_tui.client.transfers import Transfer
from floyd_tui.standing import figures, share
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.paint import Paint, Painted
from floyd_tui.widgets.row_table import Column, Row, RowTable

COLUMNS = (
    Column("sign", "", 1),
    Column("what", "What", 14, flex=2),
    Column("bar", "", 12, since=56),
    Column("share", "", 4, right=True),
    Column("size", "Size", 9, right=True, since=64),
    Column("rate", "Rate", 11, right=True, since=48),
    Column("left", "Left", 7, right=True, since=72),
    Column("to", "Into", 12, flex=1, since=110),
)
# A state's sign, colour and words.
STATES = {
    "waiting": ("◌", "dim", "queued"),
    "running": ("●", "running", "on its way"),
    "lost": ("◐", "warn", "no host"),
    "paused": ("‖", "warn", "paused"),
    "clash": ("■", "warn", "in the way"),
    "failed": ("✘", "bad", "failed"),
    "done": ("✔", "good", "done"),
}
_BAR = 12


def what(transfer: Transfer) -> str:
    """What is fetched: ``digits/6: checkpoints``, ``digits/6/code``."""
    source = "/".join(part for part in transfer.source.split("/")[1:] if part not in ("projects", "datasets"))
    source = source.removesuffix("/output")
    named = [path for path in transfer.paths if path]
    more = f" and {len(named) - 1} more" if len(named) > 1 else ""
    return fmt.plain(f"{source}: {named[0]}{more}" if named else source)


def standing(transfer: Transfer) -> Content:
    """How far it is in one line, or why it is not going on."""
    sign, color, words = STATES[transfer.state]
    parts = (["comparing with what is here"] if transfer.progress.comparing else []) + figures(transfer.progress)
    if transfer.state == "running":
        return Content("   ".join(parts))
    why = transfer.error.message if transfer.error is not None else ""
    return Content.assemble((f"{sign} {words}", f"${color}"), "   ", fmt.plain(why or "   ".join(parts)))


class TransferTable(Painted, RowTable):
    """A row a download, the newest last."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(COLUMNS, id=id)
        self._shown: Sequence[Transfer] = ()

    @property
    def transfer(self) -> Transfer | None:
        """What the cursor is on."""
        return next((one for one in self._shown if str(one.id) == self.cursor_key), None)

    def show(self, transfers: Sequence[Transfer]) -> None:
        """Show how these stand."""
        self._shown = transfers
        self.draw()

    def draw(self) -> None:
        """Draw again, for another theme."""
        paint = Paint.of(self.app)
        self.show_rows([self._row(one, paint) for one in self._shown])

    def _row(self, one: Transfer, paint: Paint) -> Row:
        sign, color, words = STATES[one.state]
        now = one.progress
        far = 1.0 if one.state == "done" else share(now)
        running = one.state == "running"
        rate = fmt.rate(now.rate) if running and now.rate else "" if running or one.state == "done" else words
        size = sum(came.size for came in one.came) if one.came else now.total_bytes
        return Row(
            str(one.id),
            {
                "sign": paint(sign, color),
                "what": paint(what(one)),
                "bar": _bar(far, paint),
                "share": paint("" if far is None else f"{far:.0%}"),
                "size": paint(fmt.size(size) if size else "", "dim"),
                "rate": paint(rate, "" if running else color),
                "left": paint(fmt.duration(now.eta_seconds) if running and now.eta_seconds else "", "dim"),
                "to": paint(_short(one.place), "dim"),
            },
        )


def _bar(far: float | None, paint: Paint) -> Text:
    full = round((far or 0.0) * _BAR)
    return Text.assemble(paint("█" * full, "accent"), paint("─" * (_BAR - full), "faint"))


def _short(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) and path != home else str(path)
