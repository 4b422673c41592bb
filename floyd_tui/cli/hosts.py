"""``host add|ls|check|install|default|remove``: the hosts of the settings, and what they need."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import click

from floyd_tui.cli.asking import can_ask, confirm
from floyd_tui.cli.hosted import connect
from floyd_tui.cli.lazy import Clauses
from floyd_tui.cli.options import json_option, yes_option
from floyd_tui.cli.show import hint_cells, note, show_pairs, show_table
from floyd_tui.client.links import Links
from floyd_tui.client.protocol import Link
from floyd_tui.config import LOCAL, Config, Destination, HostConfig
from floyd_tui.errors import FloydError, RunnerMissing, UnknownHost
from runner.models import Hint, HostStats, RunnerInfo, check_name


@click.group(cls=Clauses)
def host() -> None:
    """Add, list, check and remove hosts."""


@host.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List the hosts of your settings. Connects to none of them."""
    import json

    config = Config.load()
    rows = [
        {"name": one.name, "ssh": one.ssh, "data_dir": one.data_dir, "default": one.name == config.default_host}
        for one in config.hosts.values()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    cells = [(r["name"], "default" if r["default"] else "", r["ssh"] or "this machine", r["data_dir"]) for r in rows]
    show_table(
        ("HOST", "", "WHERE", "DATA"),
        cells,
        cut=("WHERE", "DATA"),
        empty="No hosts yet. Add one: floyd-tui host add NAME user@host",
    )


@host.command("add")
@click.argument("name")
@click.argument("destination", metavar="USER@HOST[:PORT]")
@click.option("-i", "--identity", "identity_file", metavar="FILE", default="", help="Private key to log in with.")
@click.option("--data-dir", metavar="FOLDER", default="", help="The runner's folder there; the default is in its home.")
@click.option("--python", metavar="PATH", default="", help="Python 3.10 or newer there, if not python3.")
@click.option("--install/--no-install", default=None, help="Put the runner there if it is missing; asks if left out.")
@click.option("--trust", is_flag=True, help="Trust the host's key without asking.")
@click.option("--default", "make_default", is_flag=True, help="Make it the default host.")
def add(name: str, destination: str, install: bool | None, trust: bool, make_default: bool, **where: str) -> None:
    """Add the host NAME, reached by SSH, and see that jobs can run there.

    An alias of ~/.ssh/config will do as destination. The host is added once it answers; its runner may come later.
    """
    config = Config.load()
    if name in config.hosts:
        raise FloydError(f"There is a host {name!r} already.", f"Remove it first: floyd-tui host remove {name}")
    new = _checked(HostConfig(name, ssh=destination, **where))

    async def work() -> None:
        links = Links(replace(config, hosts={**config.hosts, name: new}))
        try:
            ready = await _reach(links[name], trust, install, f"floyd-tui host add {name} {destination} --trust …")
            saved = config.with_host(new)
            if make_default:
                saved.with_default_host(name)
            note(f"{name} is added." if make_default else f"{name} is added. {_how_to_reach(name, saved)}")
            if ready:
                await _say_check(links[name])
        finally:
            await links.close()

    asyncio.run(work())


def _how_to_reach(name: str, config: Config) -> str:
    return f"Commands go to {config.default_host}; say --host {name}, or once: floyd-tui host default {name}"


def _checked(new: HostConfig) -> HostConfig:
    check_name(new.name, "host name")
    try:
        Destination.parse(new.ssh)
    except ValueError as error:
        raise FloydError(str(error)) from error
    return new


async def _reach(link: Link, trust: bool, install: bool | None, otherwise: str) -> bool:
    """Connect, putting the runner there if that is wanted; whether the host is ready for jobs."""
    try:
        await connect(link, trust, otherwise)
    except RunnerMissing as missing:
        if not await _shall_install(link, install, missing):
            note(f"No runner there yet. Put it there: floyd-tui host install {link.name}")
            return False
        await _install(link)
    return True


async def _shall_install(link: Link, install: bool | None, missing: RunnerMissing) -> bool:
    if install is not None:
        return install
    if not can_ask():
        return False
    click.echo(missing.message, err=True)
    return await confirm(f"Put floyd-tui's runner on {link.name} now?", default=True)


async def _install(link: Link) -> None:
    note(f"Putting the runner on {link.name} …")
    await link.install_runner()
    await link.connected()


async def _install_shared(link: Link, where: dict[str, str | None]) -> None:
    from floyd_tui.client.ssh import SSHDialer

    host = Config.load().hosts[link.name]
    if host.local:
        raise FloydError("The runner of this machine is shared here, not from afar.", "Run: sudo floyd-runner share")
    note(f"Setting up a runner for everybody on {link.name} …")
    note(await SSHDialer(host).install_shared(where["group"], where["data_dir"]))
    await link.retry()
    await link.connected()


@host.command("install")
@click.argument("name")
@click.option("--trust", is_flag=True, help="Trust the host's key without asking.")
@click.option("--shared", is_flag=True, help="One runner for everybody there; needs root, or sudo without a password.")
@click.option("--group", metavar="GROUP", help="With --shared: for its members only; empty for everybody again.")
@click.option("--data-dir", metavar="FOLDER", help="With --shared: its data, if not in /var/lib/floyd-runner.")
def install(name: str, trust: bool, shared: bool, **where: str | None) -> None:
    """Put the runner on a host, or this version of it; running jobs go on."""
    if any(value is not None for value in where.values()) and not shared:
        raise click.UsageError("--group and --data-dir go with --shared.")

    async def work() -> None:
        links = Links(Config.load())
        try:
            link = links[name]
            with contextlib.suppress(RunnerMissing):
                await connect(link, trust)
            await (_install_shared(link, where) if shared else _install(link))
            await _say_check(link)
        finally:
            await links.close()

    asyncio.run(work())


@host.command("check")
@click.argument("name", required=False)
@click.option("--trust", is_flag=True, help="Trust the host's key without asking.")
@json_option
def check(name: str | None, trust: bool, as_json: bool) -> None:
    """Connect to a host and say what it has: runner, Docker or not and why, GPUs, disk."""

    async def work() -> tuple[RunnerInfo, HostStats]:
        links = Links(Config.load())
        try:
            link = links[name or links.default]
            await connect(link, trust)
            return await link.client.info(), await link.client.stats()
        finally:
            await links.close()

    found, stats = asyncio.run(work())
    if as_json:
        import json

        from runner.models import to_dict

        click.echo(json.dumps({"info": to_dict(found), "stats": to_dict(stats)}, indent=2))
    else:
        show_pairs(_about(found, stats))
        for hint in stats.hints:
            click.echo(f"{click.style(*_hint(hint))}\n  {hint.advice}")


def _hint(hint: Hint) -> tuple[str, str]:
    """Which job it is about, if it is about one, is said before it."""
    text, color = hint_cells(hint)
    return (f"{text[:2]}{hint.job.partition('/projects/')[2]}: {text[2:]}" if hint.job else text), color


async def _say_check(link: Link) -> None:
    show_pairs(_about(await link.client.info(), await link.client.stats()))


def _about(info: RunnerInfo, stats: HostStats) -> list[tuple[str, str]]:
    from floyd_tui.sizes import human_size

    gpus = [f"{gpu.name}, {human_size(gpu.memory_total)}" if gpu.memory_total else gpu.name for gpu in stats.gpus]
    return [
        ("Host", f"{info.hostname}, as {info.owner}"),
        ("Runner", f"{info.version} in {info.data_dir}"),
        ("Jobs run by", f"{info.executor}. {info.executor_note}".rstrip(". ")),
        *(("GPU", gpu) for gpu in gpus or [stats.gpu_note]),
        ("CPU", f"{stats.cpu_count} cores, load {stats.load:.1f}"),
        ("Memory", f"{human_size(stats.memory_total - stats.memory_used)} free of {human_size(stats.memory_total)}"),
        ("Disk", f"{human_size(stats.disk_total - stats.disk_used)} free of {human_size(stats.disk_total)}"),
    ]


@host.command("default")
@click.argument("name")
def default(name: str) -> None:
    """Make NAME the host that is meant where none is named."""
    Config.load().with_default_host(_known(name))
    note(f"{name} is the default host.")


@host.command("remove")
@click.argument("name")
@yes_option
def remove(name: str, yes: bool) -> None:
    """Forget a host. Its runner, jobs and data stay there, and go on."""
    config = Config.load()
    if name == LOCAL:
        raise FloydError("The host local is this machine; it cannot be removed.")
    _known(name)
    if not yes and can_ask() and not click.confirm(f"Forget the host {name}?", default=False, err=True):
        raise click.Abort
    config.without_host(name)
    note(f"{name} is forgotten; its runner, jobs and data stay where they are.")


def _known(name: str) -> str:
    config = Config.load()
    if name not in config.hosts:
        raise UnknownHost(f"There is no host {name!r} in {config.path}.", f"Hosts are: {', '.join(config.hosts)}.")
    return name
