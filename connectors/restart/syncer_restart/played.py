"""RESTART played on loopback, as strict as its contract, for the demo and for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta

from aiohttp import web

from syncer.testing import Fault, Handler, Seen, as_problems, serve_app, with_faults
from syncer_restart import wire
from syncer_restart.played_account import Account, Claim
from syncer_restart.played_http import account_of
from syncer_restart.played_routes import Routes

_LARGEST_REQUEST_BYTES = 1024 * 1024 * 1024
_REFUND = "1240.50"
_NEXT = {
    wire.RECEIVED: "validata",
    "validata": "affidata",
    "affidata": "rimborso_parziale",
    "rimborso_parziale": "rimborsato_chiuso",
}


def _real_time() -> datetime:
    return datetime.now(UTC)


class PlayedRestart:
    """The portal with its accounts.

    Tests reach an account through ``add_account``, put what goes wrong into ``faults`` and look at
    ``seen``. ``before`` is called with each request before anything else, ``after`` once what it
    asked for has happened and before it is answered, so that something may happen in between.
    """

    def __init__(self, now: Callable[[], datetime] = _real_time) -> None:
        self.now = now
        self.accounts: dict[str, Account] = {}
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.before: Callable[[web.Request], Awaitable[None]] | None = None
        self.after: Callable[[web.Request], Awaitable[None]] | None = None

    def serve(self) -> AbstractAsyncContextManager[str]:
        """Serve the portal on a free loopback port; gives its ``base_url``."""
        return self._serving()

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[str]:
        async with serve_app(self.application()) as base_url:
            yield base_url

    def application(self) -> web.Application:
        """Make the aiohttp application, for serving it otherwise."""
        app = web.Application(
            middlewares=[self._watch, as_problems], client_max_size=_LARGEST_REQUEST_BYTES
        )
        Routes(lambda request: account_of(request, self.accounts)).add_to(app)
        return app

    def add_account(self, user: str = "officina", password: str = "pässword: 1") -> Account:
        """Add an account without claims."""
        account = Account(user=user, password=password, name=f"Carrozzeria {user}", now=self.now)
        self.accounts[user] = account
        return account

    def add_repairer(self, repairer: str) -> Mapping[str, str]:
        """Make an account with a claim that was sent last week; gives its credentials."""
        account = self.add_account(repairer, f"parola-di-{repairer}")
        account.add_claim(
            f"{repairer}-1",
            "validata",
            number=f"IT-{repairer}-1",
            since=self.now() - timedelta(days=7),
            centre=dict(account.centres[0]),
        )
        return account.credentials()

    def live(self) -> str:
        """Let a claim move on: one that was sent here, else the one that waits longest."""
        waiting = [
            (not claim.attachments, claim.since, account, claim)
            for account in self.accounts.values()
            for claim in account.listing(None)
            if claim.status in _NEXT
        ]
        if not waiting:
            return "no claim is waiting at the portal"
        *_, account, claim = min(waiting, key=lambda one: one[:2])
        self.advance(account, claim)
        return f"{account.user}: claim {claim.number} is {claim.status}"

    def advance(self, account: Account, claim: Claim) -> Claim:
        """Move a claim to the next status of a usual life; final ones stay."""
        status = _NEXT.get(claim.status)
        if status is None:
            return claim
        refunded = _REFUND if status.startswith("rimbors") else None
        return account.move(claim.number, status, refunded=refunded)

    @web.middleware
    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.seen.append(Seen.of(request))
        if self.before is not None:
            await self.before(request)
        answer = await with_faults(request, handler, self.faults)
        if self.after is not None:
            await self.after(request)
        return answer
