"""How results are shown: tables for people, JSON for programs, errors on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from syncer.domain.errors import SyncerError
from syncer.domain.instants import parse_instant

Json = Mapping[str, Any]

_PIPE_WIDTH = 1_000  # rows stay in one line for grep and awk

STATE_STYLES = {
    "active": "green",
    "accepted": "green",
    "ready": "green",
    "succeeded": "green",
    "queued": "cyan",
    "running": "cyan",
    "partial": "yellow",
    "paused": "yellow",
    "superseded": "yellow",
    "delivered": "green",
    "sent": "green",
    "sending": "cyan",
    "retrying": "yellow",
    "blocked": "red",
    "rejected": "red",
    "needs_attention": "red",
    "dismissed": "dim",
    "disabled": "dim",
    "excluded": "dim",
    "unconfigured": "dim",
    "cancelled": "yellow",
    "failed": "red",
    "quarantined": "red",
    "unavailable": "red",
    "credentials_rejected": "red",
}


@dataclass(frozen=True, slots=True)
class Output:
    """Standard output of one command."""

    json: bool = False

    @property
    def console(self) -> Console:
        """The terminal, or the file or pipe in its place."""
        width = None if sys.stdout.isatty() else _PIPE_WIDTH
        return Console(file=sys.stdout, highlight=False, width=width)

    def show(self, value: Any, *lines: str) -> None:
        """Show a result: as JSON when that was asked for, else the lines."""
        if self.json:
            indent = 2 if sys.stdout.isatty() else None
            sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=indent) + "\n")
            sys.stdout.flush()  # a service's one line must not wait in a buffer
            return
        console = self.console
        for line in lines:
            console.print(line)

    def table(
        self,
        value: Any,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        nothing: str,
        summary: str = "",
    ) -> None:
        """Show a list: as JSON when that was asked for, else as a table."""
        if self.json:
            self.show(value)
            return
        gathered = list(rows)
        console = self.console
        console.print(table_of(columns, gathered) if gathered else nothing)
        if gathered and summary:
            console.print(summary)

    def progress(self, line: str) -> None:
        """Say how far long work is; on standard error, so that results stay clean."""
        Console(file=sys.stderr, highlight=False, soft_wrap=True).print(line)

    def error(self, error: SyncerError) -> None:
        """Tell an error on standard error."""
        if self.json:
            body = {"error": {"code": error.code, "text": str(error)}}
            sys.stderr.write(json.dumps(body, ensure_ascii=False) + "\n")
            return
        console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        first, *more = str(error).splitlines() or [error.code]
        console.print(f"[red]error:[/] {escape(first)}")
        for line in more:
            console.print(f"       {escape(line)}")


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Lay out rows under column heads; cells may hold markup."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        numeric = column in {"records", "waiting", "new", "changed", "seen", "excluded"}
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def plain(value: object) -> str:
    """Write a value into a cell; None is a dash."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(plain(each) for each in value) or "-"
    return escape(str(value))


def styled(state: object) -> str:
    """Write a state in its colour."""
    text = plain(state)
    style = STATE_STYLES.get(text)
    return f"[{style}]{text}[/]" if style else text


def instant_cell(value: object) -> str:
    """Write an instant of the API as local date and time."""
    if not isinstance(value, str):
        return "-"
    return parse_instant(value).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def time_cell(value: object) -> str:
    """Write an instant of the API as local time of day."""
    return instant_cell(value)[-8:]
