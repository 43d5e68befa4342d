"""Connectors that misbehave, each a distribution of its own that a process can be given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

CONNECTOR = """\
import asyncio, sys, time
from datetime import UTC, datetime
from syncer.sdk import (
    Attachment, ClaimRef, Completed, Connector, Credentials, Kind, Page, PartnerLimits, Record,
    RecordKey, Secret, Settings, hookimpl,
)

class Keys(Credentials):
    token: Secret

def record(ref="R-1", **parts):
    values = {{
        "kind": Kind.MISSION, "partner_ref": ref, "revision": "1", "status": "created",
        "status_changed_at": datetime(2026, 3, 2, tzinfo=UTC),
    }}
    return Record(**{{**values, **parts}})

class Animal(Connector[Keys, Settings]):
    name = "{name}"
    title = "Animal"
    version = "1"
    wire_format = "profile"
    kinds = frozenset({{Kind.MISSION}})
    credentials = Keys
    limits = PartnerLimits(source="none")
    calls = 0
    leaked = []

    def auth_headers(self, credentials):
        return {{}}

    async def check(self, link):
        pass

    async def first_cursor(self, link):
        return "0"

    async def pull(self, link, cursor):
        return Page(records=[record()], next_cursor="1")

{behaviour}

@hookimpl
def register_connectors(register):
    register(Animal)
"""

ANIMALS: Mapping[str, str] = {
    "raises": """
    async def pull(self, link, cursor):
        raise RuntimeError("a bug")
""",
    "exits": """
    async def pull(self, link, cursor):
        sys.exit(3)
""",
    "interrupts": """
    async def pull(self, link, cursor):
        raise KeyboardInterrupt
""",
    "cancels": """
    async def pull(self, link, cursor):
        raise asyncio.CancelledError
""",
    "quits-plainly": """
    def claim_data(self, record):
        sys.exit(4)

    async def pull(self, link, cursor):
        return Page(records=[record(claim=ClaimRef(partner_ref="R-1"))], next_cursor="1")
""",
    "hangs": """
    async def pull(self, link, cursor):
        await asyncio.Event().wait()
""",
    "clings": """
    async def pull(self, link, cursor):
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass
""",
    "clings-to-details": """
    async def complete(self, link, record):
        while True:
            try:
                await asyncio.sleep(3600)
            except BaseException:
                pass
""",
    "junk": """
    async def pull(self, link, cursor):
        Animal.calls += 1
        return [
            None, {{"records": []}}, Page(has_more=True), Page(next_cursor=7), Page(records=[None]),
            Page(records=[record(ref="")]), Page(records=[record(ref="x" * 300)]),
            Page(records=[record(kind=Kind.QUOTE)]), Page(records=[record(status="\\ud800")]),
            Page(records=[record(status_changed_at=datetime(2026, 1, 1))]),
            Page(records=[record(version="two")]), Page(records=[record(extra=object())]),
            Page(records=[record(extra={{"a": object()}})]), Page(withdrawn=["x"]),
            Page(unreadable=[1]), Page(unknown=[2]), Page(records=[record(lines=3)]),
            Page(records=[record(vehicle="car")]), Page(records=7), Page(records=[record(ref=3)]),
        ][Animal.calls % 20]
""",
    "thief": """
    async def pull(self, link, cursor):
        refs = [f"M-9429{{n:04d}}" for n in range(20)]
        return Page(
            records=[record(ref=ref, status="stolen") for ref in refs],
            withdrawn=[RecordKey(kind=Kind.MISSION, partner_ref=ref) for ref in refs],
            next_cursor="1",
        )
""",
    "endless": """
    async def pull(self, link, cursor):
        Animal.calls += 1
        return Page(next_cursor=str(Animal.calls), has_more=True)
""",
    "circles": """
    async def pull(self, link, cursor):
        return Page(next_cursor=str((int(cursor or 0) + 1) % 3), has_more=True)
""",
    "litters": """
    async def pull(self, link, cursor):
        for _ in range(50):
            Animal.leaked.append(asyncio.create_task(asyncio.sleep(3600)))
        async def fails():
            raise SystemError("nobody looks at this")
        asyncio.create_task(fails())
        return Page(next_cursor="1")
""",
}
CLINGS_TO_CHECK = """
    async def check(self, link):
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass
"""
BLOCKER = """
    async def pull(self, link, cursor):
        time.sleep(6)
        return Page(next_cursor="1")
"""


def install(folder: Path, name: str, behaviour: str) -> None:
    """Put a distribution with one connector into a folder of packages."""
    module = f"zoo_{name.replace('-', '_')}"
    about = folder / f"{module}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[syncer.connectors]\n{name} = {module}\n")
    text = CONNECTOR.format(name=name, behaviour=behaviour.format())
    (folder / f"{module}.py").write_text(text)


def table(name: str) -> str:
    """Give the connector's table of the configuration."""
    return f'\n[connectors.{name}]\nenabled = true\nbase_url = "https://partner.example"\n'
