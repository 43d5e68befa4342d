"""The live view on a terminal."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from syncer.cli.client import Json
from syncer.cli.commands.records import record_row
from syncer.cli.demo.dossier import keep_sending
from syncer.cli.demo.life import let_live
from syncer.cli.demo.paperwork import keep_reminding
from syncer.cli.demo.snapshot import Snapshot, Watcher
from syncer.cli.demo.stage import REPAIRERS, Stage
from syncer.cli.demo.worked_example import keep_living
from syncer.cli.output import plain, styled, table_of, time_cell
from syncer.domain.errors import SyncerError

_SECONDS_BETWEEN_LOOKS = 1.0
_LINES_AROUND = 24  # the requests above, heads and gaps
_MOST_LINK_ROWS = 12
_YEAR = len("2026-")
_LINK_COLUMNS = ("link", "state", "last pass", "next pass", "records", "waiting", "excluded")
_RECORD_COLUMNS = ("since", "kind", "number", "plate", "repairer", "status", "intake")


async def watch(stage: Stage, console: Console) -> None:
    """Show the demo until cancelled."""
    introduce(stage, console)
    said: deque[str] = deque(maxlen=6)
    watcher = Watcher(stage.client)
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        async with asyncio.TaskGroup() as group:
            group.create_task(let_live(stage, said.append))
            group.create_task(keep_sending(stage, said.append))
            group.create_task(keep_living(stage, said.append))
            group.create_task(keep_reminding(stage, said.append))
            while True:
                try:
                    seen = await watcher.look(records=_room(console, stage))
                except SyncerError as error:
                    said.append(str(error))
                else:
                    said.extend(seen.news)
                    live.update(_picture(seen, said), refresh=True)
                await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


def introduce(stage: Stage, console: Console) -> None:
    """Say where the API is, and give requests to copy; unbroken, so that they can be."""
    console.print(
        f"[bold]syncer demo[/]  API {stage.address}  (documentation: {stage.address}/docs)"
    )
    console.print(f"Token   {stage.token_path}", soft_wrap=True)
    for what, request in stage.requests().items():
        console.print(f"[dim]# {what}[/]")
        console.print(request, soft_wrap=True, markup=False, highlight=False)
    console.print()


def _room(console: Console, stage: Stage) -> int:
    links = len(stage.partners) * len(REPAIRERS)
    rows = links if links <= _MOST_LINK_ROWS else len(stage.partners)
    return max(3, min(15, console.height - _LINES_AROUND - rows))


def _picture(seen: Snapshot, said: deque[str]) -> Group:
    rows = seen.links if len(seen.links) <= _MOST_LINK_ROWS else _by_connector(seen.links)
    links = table_of(_LINK_COLUMNS, [_link_row(link) for link in rows])
    return Group(
        _titled(links),
        Text(),
        Text(f"Newest missions and quotes ({seen.total} in all)", style="bold"),
        _titled(table_of(_RECORD_COLUMNS, [_record_row(each) for each in seen.records])),
        Text(),
        Text("Just happened", style="bold"),
        *[Text.from_markup(f"  {escape(line)}") for line in said],
        Text("Ctrl-C ends the demo.", style="dim"),
    )


def _titled(table: Table) -> Table:
    for column in table.columns:
        column.overflow = "ellipsis"
        column.no_wrap = True
    return table


def _record_row(record: dict[str, Any]) -> tuple[str, ...]:
    since, *others = record_row(record)
    return since[_YEAR:], *others[: len(_RECORD_COLUMNS) - 1]


def _by_connector(links: list[Json]) -> list[Json]:
    """Sum up the links of each connector, where one row for each link would fill the screen."""
    groups: dict[str, list[Json]] = {}
    for link in links:
        groups.setdefault(link["connector"], []).append(link)
    return [_summed(connector, of_it) for connector, of_it in groups.items()]


def _summed(connector: str, links: list[Json]) -> Json:
    passes = [link["last_pass"] for link in links if link["last_pass"]]
    states = sorted({link["state"] for link in links})
    counts = Counter[str]()
    for link in links:
        counts.update(link["counts"])
    return {
        "repairer": f"{len(links)} repairers",
        "connector": connector,
        "state": states[0] if len(states) == 1 else ", ".join(states),
        "last_pass": max(passes, key=lambda each: each["ended_at"] or "", default=None),
        "next_due_at": min((link["next_due_at"] or "" for link in links), default="") or None,
        "counts": counts,
    }


def _link_row(link: dict[str, object]) -> tuple[str, ...]:
    last, counts = link.get("last_pass"), link.get("counts")
    ended = last if isinstance(last, dict) else {}
    counted = counts if isinstance(counts, dict) else {}
    outcome = f"{time_cell(ended.get('ended_at'))} {styled(ended.get('state'))}" if ended else "-"
    return (
        plain(f"{link['repairer']}/{link['connector']}"),
        styled(link["state"]),
        outcome,
        time_cell(link.get("next_due_at")),
        plain(counted.get("records", 0)),
        plain(counted.get("queued", 0)),
        plain(counted.get("excluded", 0)),
    )
