"""All that can be done on a screen by name, made from its bindings: what the palette lists and `:` runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

from floyd_tui.errors import FloydError
from floyd_tui.widgets.job_order import METRIC, ORDERS

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp
    from floyd_tui.client.protocol import Link, LinkSet


class BadCommand(FloydError):
    """What was typed is no command here."""

    title = "Command"


@dataclass(frozen=True, slots=True)
class Command:
    """Something one can do: its name as typed (`word`), a title, a sentence, its keys; `id` where a binding does it.

    `enabled` is whether it could do anything right now.
    """

    word: str
    title: str
    text: str
    run: Callable[[], object]
    keys: str = ""
    id: str = ""
    enabled: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """All that may be typed for it."""
        return tuple(name for name in (self.word, self.id, self.title.lower()) if name)


def commands_of(screen: Screen[Any]) -> list[Command]:
    """The commands of `screen`: what its keys do from the inside outwards, then hosts, colours and the rest."""
    return [*_bound(screen), *_orders(screen), *_of_app(cast("FloydApp", screen.app))]


def _bound(screen: Screen[Any]) -> Iterator[Command]:
    """What the keys of `screen` do, also those that another key hides."""
    app, keys, first = cast("FloydApp", screen.app), dict[str, list[str]](), dict[str, tuple[Binding, DOMNode]]()
    for node, bindings in screen._modal_binding_chain:
        for _, binding in bindings:
            if binding.id and binding.description:
                display = app.get_key_display(binding)
                shown = keys.setdefault(binding.id, [])
                if display not in shown:
                    shown.append(display)
                first.setdefault(binding.id, (binding, node))
    for name, (binding, node) in first.items():
        yield Command(
            name.partition(".")[2].replace("_", "-"),
            binding.description,
            binding.tooltip,
            partial(app.call_later, app.run_action, binding.action, node),
            " ".join(keys[name]),
            name,
            bool(app._check_action_state(binding.action, node)),
        )


def _orders(screen: Screen[Any]) -> Iterator[Command]:
    from floyd_tui.screens.home_view import JobView

    if isinstance(screen, JobView):
        metrics = sorted({name for one in screen.shown for name in one.job.metrics})
        for name in (*ORDERS, *(METRIC + name for name in metrics)):
            word = name.removeprefix(METRIC)
            run = partial(screen.sort_by, name)
            yield Command(f"sort {word}", f"Sort by {word}", "Once more turns it round", run)


def _of_app(app: FloydApp) -> Iterator[Command]:
    yield Command("host all", "All hosts", "The jobs of all hosts in one list", app.show_all_hosts)
    for name in app.links.names():
        yield Command(f"host {name}", f"Host {name}", f"Work on {name}", partial(app.show_host, name))
        yield Command(
            f"disk {name}", f"Disk of {name}", "What takes it, and what can go",
            partial(_on_host, app.show_disk, app.links, name),
        )  # fmt: skip
        yield Command(
            f"secrets {name}", f"Secrets of {name}", "By name: keep or forget one",
            partial(_on_host, app.show_secrets, app.links, name),
        )  # fmt: skip
    for name, theme in app.available_themes.items():
        if not theme.ansi:
            kind = "dark" if theme.dark else "light"
            yield Command(f"theme {name}", f"Theme {name}", f"These colours, {kind}", partial(app.save_theme, name))
    for number, one in enumerate(app.own.commands if app.own else []):
        if app.own and not one.key:  # with one it is among the bindings
            able = bool(app.own.able(number))
            yield Command(one.name.lower(), one.name, one.command, partial(app.own.run, number), enabled=able)
    if app.notices:
        yield Command("ended", "The job that ended last", "Open what the last notice was about", app.notices.open_last)
    yield Command("screenshot", "Screenshot", "Save a picture of this screen as SVG", app.deliver_screenshot)


def _on_host(show: Callable[[Link], None], links: LinkSet, name: str) -> None:
    show(links[name])  # asked for only now: a link is made when it is first wanted
