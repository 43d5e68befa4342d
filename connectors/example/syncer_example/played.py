"""The example partner, played on loopback: accounts with missions that change."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle

from aiohttp import web

from syncer.testing import serve_app

_STATUSES = ("open", "planned", "done")
_PER_PAGE = 2


@dataclass(slots=True)
class Account:
    """A repairer at the partner; ``events`` holds each mission once, where it last changed.

    Events are numbered by their millisecond, so that a cursor outlives a restart of the partner.
    """

    token: str
    events: dict[int, dict[str, str]] = field(default_factory=dict)
    last: int = 0

    def change(self, mission: Mapping[str, str]) -> dict[str, str]:
        """Put a mission behind all others, with the present instant."""
        self.events = {n: one for n, one in self.events.items() if one["id"] != mission["id"]}
        now = datetime.now(UTC)
        self.last = max(self.last + 1, int(now.timestamp() * 1000))
        changed = {**mission, "at": now.isoformat()}
        self.events[self.last] = changed
        return changed


class PlayedExample:
    """The partner: ``GET /me`` and ``GET /missions?after=<number>``, with a bearer token."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self._turns = 0
        self._statuses = cycle(_STATUSES)

    def serve(self) -> AbstractAsyncContextManager[str]:
        """Serve the partner on a free loopback port; gives its ``base_url``."""
        app = web.Application()
        app.add_routes([web.get("/me", self._me), web.get("/missions", self._missions)])
        return serve_app(app)

    def add_repairer(self, repairer: str) -> Mapping[str, str]:
        """Make an account with three missions; gives its credentials."""
        account = self.accounts[repairer] = Account(token=f"token-of-{repairer}")
        for n in range(3):
            account.change({"id": f"{repairer}-{n}", "status": "open", "plate": f"1-EXA-{100 + n}"})
        return {"token": account.token}

    def live(self) -> str:
        """Let a mission of the next repairer move on; gives one line that says so."""
        repairer = list(self.accounts)[self._turns % len(self.accounts)]
        account = self.accounts[repairer]
        self._turns += 1
        oldest = account.events[min(account.events)]
        mission = account.change({**oldest, "status": next(self._statuses)})
        return f"{repairer}: mission {mission['id']} is {mission['status']}"

    async def _me(self, request: web.Request) -> web.Response:
        return web.json_response({"repairer": self._repairer_of(request)})

    async def _missions(self, request: web.Request) -> web.Response:
        account = self.accounts[self._repairer_of(request)]
        after = request.query.get("after", "0")
        if not (after.isascii() and after.isdigit()):
            raise web.HTTPBadRequest
        waiting = [n for n in sorted(account.events) if n > int(after)]
        page = waiting[:_PER_PAGE]
        return web.json_response(
            {
                "missions": [account.events[n] for n in page],
                "next": str(page[-1]) if page else after,
                "more": len(waiting) > len(page),
            }
        )

    def _repairer_of(self, request: web.Request) -> str:
        for repairer, account in self.accounts.items():
            if request.headers.get("Authorization") == f"Bearer {account.token}":
                return repairer
        raise web.HTTPUnauthorized
