"""`syncer refresh`: pass over links now, and watch it happen."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import click
from rich.live import Live
from rich.table import Table

from syncer.cli.client import Json, ServiceClient
from syncer.cli.exits import Exit, ServiceAnswerError, exit_of_passes
from syncer.cli.invocation import Invocation, command
from syncer.cli.output import Output, plain, styled, table_of
from syncer.cli.root import root
from syncer.config import parse_duration

COLUMNS = ("repairer", "connector", "state", "pages", "seen", "new", "changed", "error")
_FINAL = frozenset({"succeeded", "partial", "failed", "cancelled"})


def _duration(_: click.Context, __: click.Parameter, value: str) -> timedelta:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@command(root, "refresh")
@click.option("--repairer", help="Only this repairer's links.")
@click.option("--connector", help="Only this connector's links.")
@click.option(
    "--dry-run", is_flag=True, help="Say which links would be passed over; start nothing."
)
@click.option("--wait", is_flag=True, help="Wait until the passes ended, and show how they go.")
@click.option(
    "--timeout", default="10m", show_default=True, callback=_duration, help="Longest wait."
)
async def refresh(
    invocation: Invocation,
    repairer: str | None,
    connector: str | None,
    dry_run: bool,
    wait: bool,
    timeout: timedelta,
) -> int:
    """Pass over links now. A pass that runs already is joined, not doubled.

    With --wait it ends with 0 when all passes succeeded, 5 when the partner refused the
    credentials, 6 when a part failed, 75 when the partner is to be asked again later.
    """
    wanted = {"repairer": repairer, "connector": connector}
    output = invocation.output
    async with ServiceClient(invocation.settings()) as service:
        if dry_run:
            return await _dry_run(service, wanted, output)
        body = {name: value for name, value in wanted.items() if value is not None}
        _, started = await service.call("POST", "/v1/refresh", body=body)
        passes = {each["id"]: each for each in started["passes"]}
        if not wait:
            _show(output, list(passes.values()), "No active link; nothing was started.")
            return Exit.OK
        ended = await _watch(service, passes, output, seconds=timeout.total_seconds())
    _show(output, list(passes.values()), "No active link; nothing was started.")
    return exit_of_passes(list(passes.values())) if ended else Exit.TRY_LATER


async def _dry_run(service: ServiceClient, wanted: dict[str, str | None], output: Output) -> int:
    links = await service.all("/v1/links", {**wanted, "state": "active"})
    output.table(
        {
            "would_refresh": [
                {"repairer": x["repairer"], "connector": x["connector"]} for x in links
            ]
        },
        ("repairer", "connector"),
        [(plain(each["repairer"]), plain(each["connector"])) for each in links],
        nothing="No active link would be passed over.",
        summary=f"{len(links)} links would be passed over.",
    )
    return Exit.OK


async def _watch(
    service: ServiceClient, passes: dict[str, Json], output: Output, *, seconds: float
) -> bool:
    """Follow passes until all ended, updating them in place; False when the time was over."""
    is_live = output.console.is_terminal and not output.json
    live = Live(_table(passes), console=output.console, transient=True) if is_live else None

    def moved() -> None:
        if live is not None:
            live.update(_table(passes))

    if live is not None:
        live.start()
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for id_ in passes:
                group.create_task(_follow(service, passes, id_, output, moved))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    except TimeoutError:
        output.progress("The passes go on; `syncer links` shows how they end.")
        return False
    finally:
        if live is not None:
            live.stop()
    return True


async def _follow(
    service: ServiceClient, passes: dict[str, Json], id_: str, output: Output, moved: Any
) -> None:
    try:
        async for _, data in service.events(f"/v1/passes/{id_}/events"):
            passes[id_] = data
            moved()
    except ServiceAnswerError as error:
        if error.status != 404:
            raise
        passes[id_] = {**passes[id_], "state": "succeeded"}  # only idle passes leave no row
    else:
        if passes[id_]["state"] not in _FINAL:
            passes[id_] = await service.get(f"/v1/passes/{id_}")
    if not output.json:
        _tell(output, passes[id_])


def _tell(output: Output, each: Json) -> None:
    if not output.console.is_terminal:
        output.progress(f"{plain(each['repairer'])}/{plain(each['connector'])} {each['state']}")


def _show(output: Output, passes: list[Json], nothing: str) -> None:
    output.table({"passes": passes}, COLUMNS, [_row(each) for each in passes], nothing=nothing)


def _table(passes: dict[str, Json]) -> Table:
    return table_of(COLUMNS, [_row(each) for each in passes.values()])


def _row(each: Json) -> tuple[str, ...]:
    counts = each.get("counts") or {}
    error = each.get("error") or {}
    return (
        plain(each["repairer"]),
        plain(each["connector"]),
        styled(each["state"]) + (" (joined)" if each.get("joined") else ""),
        plain(each.get("pages")),
        plain(counts.get("seen")),
        plain(counts.get("new")),
        plain(counts.get("changed")),
        plain(error.get("text") or error.get("code")),
    )
