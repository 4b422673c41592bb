"""Undo: what was deleted since floyd-tui was opened comes back by a key, the last first, until a host collects it."""

from __future__ import annotations

from textual import work

from floyd_tui.errors import FloydError
from floyd_tui.screens.deletions import Thing
from floyd_tui.screens.errors import show_error
from floyd_tui.screens.page import Page
from floyd_tui.widgets import format as fmt

NOTHING = "Nothing was deleted here since. `floyd-tui trash` lists what can be restored."


class Undoing(Page):
    """A page with a key for `action_undo`."""

    def action_undo(self) -> None:
        """Bring back what was deleted last."""
        self._undo()

    @work(exclusive=True, group="undo", exit_on_error=False)
    async def _undo(self) -> None:
        things = self.floyd.deletions.take()
        if not things:
            self.notify(NOTHING, severity="warning", markup=False)
            return
        back: list[str] = []
        left: dict[Thing, FloydError] = {}
        for thing in things:
            found = await self._restored(thing)
            if isinstance(found, FloydError):
                left[thing] = found
            else:
                back.append(found)
        if back:
            what = back[0] if len(back) == 1 else f"{', '.join(back[:3])}{' …' if len(back) > 3 else ''}"
            self.notify(f"{what} {'is' if len(back) == 1 else 'are'} there again.", markup=False)
        if left:
            self.floyd.deletions.add(list(left))
            show_error(self, _all_of(left))

    async def _restored(self, thing: Thing) -> str | FloydError:
        host, name = thing
        try:
            return (await self.floyd.links[host].client.restore(name)).short
        except FloydError as error:
            return error


def _all_of(left: dict[Thing, FloydError]) -> FloydError:
    """One error for all, in the words of the first."""
    first = next(iter(left.values()))
    if len(left) == 1:
        return first
    return FloydError(f"{fmt.count(len(left), 'thing')} did not come back: {first.message}", first.hint)
