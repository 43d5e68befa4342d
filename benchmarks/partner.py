"""The benchmark partner: no limits, complete rows, pages rendered beforehand, on a core of its own.

It speaks just enough HTTP/1.1 to never be the bottleneck. A link is who holds ``token-<number>``;
its list goes in the order in which quotes changed, ``?after=<position>``, with one ETag a link.
``/control/...`` sets up the world; the measured time never includes that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

PAGE_ROWS = 200
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_FILLER = "Front bumper and left wing damaged; the headlamp bracket is to be checked again. " * 3
_TAIL = b"\r\n\r\n"


def euros(amount: float) -> dict[str, str]:
    """Render an amount."""
    return {"amount": f"{amount:.2f}", "currency": "EUR"}


def quote_of(link: int, number: int, *, version: int = 1) -> bytes:
    """Render a quote of about 1.2 KB."""
    id_ = f"q-{link}-{number}"
    at = BEGAN + timedelta(seconds=number, days=version)
    price = 100 + number % 900
    row: dict[str, Any] = {
        "id": id_,
        "number": f"Q{link:05d}{number:05d}",
        "version": version,
        "status": "submitted" if version == 1 else "approved",
        "changed_at": at.isoformat().replace("+00:00", "Z"),
        "claim_id": f"c-{link}-{number}",
        "claim_reference": f"REF-{link}-{number}",
        "loss_date": "2025-12-30",
        "surveyor": {"name": "Bureau Expertise Auto"},
        "site": {"id": f"s-{link}", "name": f"Carrosserie {link}"},
        "vehicle": {
            "plate": f"1-ABC-{number % 1000:03d}",
            "vin": f"WVWZZZ1KZ{link % 10000:04d}{number % 10000:04d}",
            "make": "Volkswagen",
            "model": "Golf VII 1.6 TDI",
            "power_kw": 77,
            "fuel": "diesel",
            "first_registration_date": "2019-05-04",
            "mileage_km": 20000 + number,
        },
        "insurer": {
            "name": "Assurances Générales",
            "claim_number": f"AG-{link}-{number}",
            "policy_number": f"P{number:08d}",
        },
        "insured": {
            "name": "Marie-Hélène Dubois",
            "phone": "+32 470 12 34 56",
            "email": f"m.dubois.{number}@example.com",
        },
        "totals": {
            "net": euros(price * 3),
            "vat": euros(price * 0.63),
            "gross": euros(price * 3.63),
        },
        "lines": [
            {
                "id": f"{id_}-{line}",
                "kind": "labour",
                "description": "Replace the front bumper",
                "quantity": "1.5",
                "unit_price": euros(price),
                "total": euros(price * 1.5),
            }
            for line in range(2)
        ],
        "remarks": _FILLER[:60],
    }
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


class Account:
    """One link's list: rows by position, and rendered answers."""

    def __init__(self, link: int, rows: int) -> None:
        self.link = link
        self.last = rows
        self.numbers = list(range(1, rows + 1))
        self.positions = list(range(1, rows + 1))
        self.versions: dict[int, int] = {}
        self.rendered: dict[int, bytes] = {}
        self.unchanged = self._not_modified()

    def etag(self) -> str:
        """The tag of the list as it stands."""
        return f'"{self.last}"'

    def change(self, number: int) -> None:
        """Let a quote move on: it goes to the end of the list."""
        place = self.numbers.index(number)
        del self.numbers[place], self.positions[place]
        self.last += 1
        self.numbers.append(number)
        self.positions.append(self.last)
        self.versions[number] = self.versions.get(number, 1) + 1
        self.rendered.clear()
        self.unchanged = self._not_modified()

    def page(self, after: int) -> bytes:
        """Give the whole answer for what comes after a position."""
        answer = self.rendered.get(after)
        if answer is None:
            answer = self.rendered[after] = self._render(after)
        return answer

    def _render(self, after: int) -> bytes:
        start = bisect_right(self.positions, after)
        end = min(start + PAGE_ROWS, len(self.positions))
        rows = b",".join(
            quote_of(self.link, number, version=self.versions.get(number, 1))
            for number in self.numbers[start:end]
        )
        following = self.positions[end - 1] if end > start else after
        more = b"true" if end < len(self.positions) else b"false"
        body = b'{"quotes":[%s],"next":"%d","more":%s}' % (rows, following, more)
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"ETag: {self.etag()}\r\n\r\n"
        )
        return head.encode() + body

    def _not_modified(self) -> bytes:
        return f"HTTP/1.1 304 Not Modified\r\nETag: {self.etag()}\r\n\r\n".encode()


class World:
    """All accounts, and how long an answer takes."""

    def __init__(self) -> None:
        self.accounts: list[Account] = []
        self.delay = 0.0
        self.requests = 0

    def build(self, links: int, rows: int) -> None:
        """Begin anew, every page rendered."""
        self.accounts = [Account(link, rows) for link in range(links)]
        self.requests = 0
        for account in self.accounts:
            for after in range(0, max(rows, 1), PAGE_ROWS):
                account.page(after)

    def change(self, share: float, seed: int) -> int:
        """Let a share of all quotes move on."""
        drawn = random.Random(seed)
        rows = sum(len(account.numbers) for account in self.accounts)
        wanted = max(1, round(rows * share))
        before: dict[int, int] = {}
        for _ in range(wanted):
            account = drawn.choice(self.accounts)
            before.setdefault(account.link, account.last)
            account.change(drawn.choice(account.numbers))
        for link, after in before.items():
            self.accounts[link].page(after)
        return wanted

    def change_one(self, link: int) -> int:
        """Let one quote of one link move on."""
        account = self.accounts[link]
        before = account.last
        account.change(account.numbers[0])
        account.page(before)
        return 1

    def control(self, what: str, query: dict[str, list[str]]) -> int:
        """Do what the benchmark asks for."""
        match what:
            case "world":
                self.build(int(query["links"][0]), int(query["rows"][0]))
            case "delay":
                self.delay = float(query["ms"][0]) / 1000
            case "change":
                return self.change(float(query["share"][0]), int(query["seed"][0]))
            case "change_one":
                return self.change_one(int(query["link"][0]))
        return self.requests


class Server(asyncio.Protocol):
    """One connection, kept alive."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while _TAIL in self._waiting:
            head, _, self._waiting = self._waiting.partition(_TAIL)
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        target = head.split(b" ", 2)[1]
        if target.startswith(b"/quotes"):
            self._world.requests += 1
            answer = self._listing(target, head)
        elif target.startswith(b"/control/"):
            parts = urlsplit(target.decode())
            done = self._world.control(parts.path.rpartition("/")[2], parse_qs(parts.query))
            self._transport.write(_plain(str(done)))
            return
        else:
            answer = _plain("{}")
        if self._world.delay:
            loop = asyncio.get_running_loop()
            loop.call_later(self._world.delay, self._transport.write, answer)
        else:
            self._transport.write(answer)

    def _listing(self, target: bytes, head: bytes) -> bytes:
        head = head.lower()
        start = head.index(b"bearer token-") + 13
        end = head.find(b"\r", start)
        account = self._world.accounts[int(head[start : end if end > 0 else None])]
        condition = head.find(b'if-none-match: "')
        if condition > 0:
            tag = head[condition + 16 : head.index(b'"', condition + 16)]
            if int(tag) == account.last:
                return account.unchanged
        return account.page(int(target.rpartition(b"=")[2]))


def _plain(body: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


async def _serve(core: int) -> None:
    if core >= 0:
        os.sched_setaffinity(0, {core})
    world = World()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(world), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until killed; the first line of output is the port."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--core", type=int, default=-1)
    core = parser.parse_args().core
    try:
        import uvloop
    except ImportError:
        asyncio.run(_serve(core))
    else:
        uvloop.run(_serve(core))


if __name__ == "__main__":
    main()
