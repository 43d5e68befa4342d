"""The real program in a process of its own, driven over its HTTP API."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp

SYNCER = Path(sys.executable).with_name("syncer")
READY_SECONDS = 30.0


class Process(Protocol):
    """What is used of a process; ``returncode`` is None while it runs."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    def send_signal(self, number: int, /) -> None: ...

    async def wait(self) -> int: ...


FirstLine = Callable[[], Awaitable[bytes]]
"""Waits for the first line that a process writes; empty when it ended without one."""
Started = tuple[Process, FirstLine]
Launch = Callable[[Sequence[str], Mapping[str, str], Path], Awaitable[Started]]
"""Starts the program with arguments, an environment and the file for its log."""


async def installed(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Started:
    """Start the program as it is installed."""
    with log.open("ab") as written:
        process = await asyncio.create_subprocess_exec(
            "env",
            *(f"{name}={value}" for name, value in environment.items()),
            str(SYNCER),
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=written,
        )
    assert process.stdout is not None
    return process, process.stdout.readline


CONFIGURATION = """\
data_dir = "{folder}/data"

[server]
port = 0

[vault]
key_file = "{folder}/root.key"

[sync]
interval = "{interval}"

[connectors.claims360]
enabled = true
base_url = "{base_url}"
allow_insecure = true

[[repairers]]
id = "garage-7"
name = "Carrosserie Demo"
"""


@dataclass
class Service:
    """The program and a client for it; ``start`` waits until it is ready."""

    folder: Path
    http: aiohttp.ClientSession
    environment: Mapping[str, str] = field(default_factory=dict)
    program: Sequence[str] = (str(SYNCER),)
    base_url: str = ""
    address: str = ""
    process: Process | None = None
    launch: Launch = installed

    @property
    def config(self) -> Path:
        return self.folder / "syncer.toml"

    def configure(self, base_url: str, *, interval: str = "15m", more: str = "") -> None:
        self.base_url = base_url
        text = CONFIGURATION.format(folder=self.folder, base_url=base_url, interval=interval)
        self.config.write_text(text + more)

    def _program(self) -> list[str]:
        return [
            "env",
            *(f"{name}={value}" for name, value in self.environment.items()),
            *self.program,
        ]

    async def command(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        """Run a command of the program to its end."""
        process = await asyncio.create_subprocess_exec(
            *self._program(),
            "--config",
            self.config,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def start(self) -> None:
        line = await self.begin()
        assert "http://" in line, self.log()
        self.address = "http://" + line.partition("http://")[2].split()[0].rstrip("/.,")

    async def begin(self) -> str:
        """Start it, whether it gets ready or not; gives the first line that it wrote."""
        arguments = ["run", "--config", str(self.config)]
        log = self.folder / "service.log"
        self.process, first_line = await self.launch(arguments, self.environment, log)
        async with asyncio.timeout(READY_SECONDS):
            return (await first_line()).decode()

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(30):
            return await self.process.wait()

    def log(self) -> str:
        return (self.folder / "service.log").read_text()

    @property
    def token(self) -> str:
        return (self.folder / "data" / "api-token").read_text().strip()

    async def answer(
        self, method: str, path: str, body: Any = None, *, key: str | None = None
    ) -> tuple[int, Mapping[str, str], Any]:
        """Send a request; gives status, headers and JSON body."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self.http.request(
            method, self.address + path, json=body, headers=headers
        ) as answer:
            content = await answer.read()
            is_json = "json" in answer.content_type
            return answer.status, answer.headers, json.loads(content) if is_json else None

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = None
    ) -> tuple[int, Any]:
        status, _, answer = await self.answer(method, path, body, key=key)
        return status, answer

    async def good(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = await self.ask(method, path, body)
        assert status < 300, (status, answer)
        return answer

    async def content(self, path: str) -> bytes:
        """Download a file."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.http.get(self.address + path, headers=headers) as answer:
            assert answer.status == 200
            return await answer.read()

    async def hand_in(self, path: str, content: bytes, type_: str) -> Any:
        """Hand in a document; gives it."""
        form = aiohttp.FormData()
        form.add_field("file", content, filename="document.pdf")
        form.add_field("type", type_)
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.http.post(self.address + path, data=form, headers=headers) as answer:
            assert answer.status in {200, 201}, await answer.text()
            return await answer.json()

    async def everything(self, path: str) -> list[Any]:
        """Walk a list to its end."""
        items: list[Any] = []
        joint = "&" if "?" in path else "?"
        after = ""
        while True:
            page = await self.good("GET", f"{path}{joint}limit=500{after}")
            items += page["items"]
            if page["next"] is None:
                assert len(items) == page["total"]
                return items
            after = f"&after={page['next']}"

    async def await_change(self, type_: str) -> None:
        """Wait, by long polls, until the feed has an entry of a type."""
        cursor = ""
        async with asyncio.timeout(READY_SECONDS):
            while True:
                page = await self.good("GET", f"/v1/changes?wait=10{cursor}")
                if any(entry["type"] == type_ for entry in page["items"]):
                    return
                cursor = f"&after={page['next']}"

    async def feed(self) -> list[Any]:
        """Read the change feed from its beginning to its end."""
        entries: list[Any] = []
        cursor = ""
        while True:
            page = await self.good("GET", f"/v1/changes?limit=500{cursor}")
            if not page["items"]:
                return entries
            entries += page["items"]
            cursor = f"&after={page['next']}"


def by_ref(records: Sequence[Any]) -> dict[str, Any]:
    """Index records by the partner's reference; none may stand twice."""
    found = {record["partner_ref"]: record for record in records}
    assert len(found) == len(records)
    return found
