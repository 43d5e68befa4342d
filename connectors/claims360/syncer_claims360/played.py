"""Claims360 played on loopback, as strict as its contract, for the demo and for tests."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any, Protocol

from aiohttp import web

from syncer.testing import Fault, Handler, Problem, Seen, as_problems, serve_app, with_faults
from syncer_claims360 import wire
from syncer_claims360.played_http import Allowance, shop_of
from syncer_claims360.played_routes import Routes
from syncer_claims360.played_shop import PlayedShop

_LARGEST_REQUEST_BYTES = 12 * 1024 * 1024
_MISSIONS_AT_START = 4
_DAYS_BACK = 3


class PartnerClock(Protocol):
    """The partner's own time; a FakeClock serves where a test moves it."""

    def now(self) -> datetime:
        """Give the present instant, aware."""
        ...


class RealClock:
    """The time of day; ``skew`` sets the partner's clock fast or slow."""

    def __init__(self) -> None:
        self.skew = timedelta()

    def now(self) -> datetime:
        """Give the present instant as the partner sees it."""
        return datetime.now(UTC) + self.skew


class PlayedClaims360:
    """The partner with its body shops.

    Tests reach a body shop through ``add_shop``, move ``clock``, switch ``has_limits`` off where
    time stands still, put answers into ``faults`` and look at ``seen``. ``before`` is called with
    each request before it is answered, so that something may happen between two pages.
    """

    def __init__(self, clock: PartnerClock | None = None) -> None:
        self.clock = clock or RealClock()
        self.shops: dict[str, PlayedShop] = {}
        self.has_limits = True
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.before: Callable[[web.Request], Awaitable[None]] | None = None
        self._repairers: dict[str, PlayedShop] = {}
        self._allowance = Allowance(self._now)
        self._happenings = cycle(_HAPPENINGS)
        self._turn = 0

    def serve(self) -> AbstractAsyncContextManager[str]:
        """Serve the partner on a free loopback port; gives its ``base_url``."""
        return self._serving()

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[str]:
        async with serve_app(self.application()) as base_url:
            yield base_url

    def application(self) -> web.Application:
        """Make the aiohttp application, for serving it otherwise."""
        app = web.Application(
            middlewares=[self._watch, as_problems, self._limit],
            client_max_size=_LARGEST_REQUEST_BYTES,
        )
        Routes(lambda request: shop_of(request, self.shops), self._now).add_to(app)
        return app

    def add_shop(
        self, bodyshop_id: str = "475869429", name: str = "Carrosserie Demo"
    ) -> PlayedShop:
        """Add a body shop without any work."""
        shop = PlayedShop(bodyshop_id=bodyshop_id, name=name, now=self._now)
        self.shops[bodyshop_id] = shop
        return shop

    def add_repairer(self, repairer: str) -> Mapping[str, str]:
        """Make a body shop for a repairer with the work of some days; gives its credentials."""
        number = int.from_bytes(hashlib.sha256(repairer.encode()).digest()[:4], "big")
        shop = self.add_shop(f"{100_000_000 + number % 900_000_000}", f"Carrosserie {repairer}")
        self._repairers[repairer] = shop
        for n in range(_MISSIONS_AT_START):
            _begin_work(shop, n, self._now() - timedelta(days=_DAYS_BACK, hours=-7 * n))
        return shop.credentials()

    def live(self) -> str:
        """Let one thing happen at one repairer; gives one line that says what."""
        repairers = list(self._repairers)
        repairer = repairers[self._turn % len(repairers)]
        self._turn += 1
        return f"{repairer}: {next(self._happenings)(self._repairers[repairer])}"

    def _now(self) -> datetime:
        return self.clock.now()

    # -- around every request --------------------------------------------------------------------

    @web.middleware
    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.seen.append(Seen.of(request))
        return await with_faults(request, handler, self.faults)

    @web.middleware
    async def _limit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        bodyshop_id = request.match_info.get("bodyshop")
        if bodyshop_id is None:
            return await handler(request)
        is_within = self._allowance.begin(bodyshop_id)
        try:
            shop_of(request, self.shops)
            if self.has_limits and not is_within:
                raise Problem(429, "RATE_LIMITED", headers={"Retry-After": "1"})
            if self.before:
                await self.before(request)
            return await handler(request)
        finally:
            self._allowance.end(bodyshop_id)


# -- a day at the partner -------------------------------------------------------------------------


def _begin_work(shop: PlayedShop, n: int, at: datetime) -> None:
    """Put a mission with its photos and quotes into the past."""
    mission = shop.add_mission(status=wire.MISSION_STATUSES[n % 3])
    for _ in range(n % 3):
        shop.add_photo(mission["id"], content_type="image/png" if n % 2 else "image/jpeg")
    objects = [mission]
    objects += [
        shop.add_quote(mission["id"], status=wire.QUOTE_STATUSES[(n + k) % 4])
        for k in range(1 + n % 2)
    ]
    for k, item in enumerate(objects):
        text = (at + timedelta(hours=k)).isoformat(timespec="milliseconds")
        text = text.replace("+00:00", "Z")
        item.update(statusChangedAt=text, updatedAt=text, version=1)


def _new_mission(shop: PlayedShop) -> str:
    mission = shop.add_mission()
    shop.add_photo(mission["id"])
    return f"mission {mission['number']} created, {mission['vehicle']['plate']}"


def _new_quote(shop: PlayedShop) -> str:
    mission = _newest(shop, wire.MISSION_TYPE)
    quote = shop.add_quote(mission["id"])
    return f"quote {quote['number']} submitted, {quote['totals']['gross']} EUR"


def _mission_moves(shop: PlayedShop) -> str:
    mission = _newest(shop, wire.MISSION_TYPE)
    status = _following(wire.MISSION_STATUSES, mission["status"])
    shop.change_status(wire.MISSION_TYPE, mission["id"], status)
    return f"mission {mission['number']} is {status}"


def _quote_moves(shop: PlayedShop) -> str:
    quote = _newest(shop, wire.QUOTE_TYPE)
    status = _following(wire.QUOTE_STATUSES, quote["status"])
    shop.change_status(wire.QUOTE_TYPE, quote["id"], status)
    return f"quote {quote['number']} is {status}"


def _redeposit(shop: PlayedShop) -> str:
    mission = _newest(shop, wire.MISSION_TYPE)
    shop.redeposit(mission["id"])
    return f"mission {mission['number']} deposited again with a photo"


def _photo_added(shop: PlayedShop) -> str:
    mission = _newest(shop, wire.MISSION_TYPE)
    photo = shop.add_photo(mission["id"])
    return f"mission {mission['number']} got {photo['fileName']}; no status change"


def _mere_edit(shop: PlayedShop) -> str:
    quote = _newest(shop, wire.QUOTE_TYPE)
    vehicle = {**quote["vehicle"], "mileageKm": quote["vehicle"]["mileageKm"] + 10}
    shop.edit(wire.QUOTE_TYPE, quote["id"], vehicle=vehicle)
    return f"quote {quote['number']} edited without a status change"


def _newest(shop: PlayedShop, type_: str) -> dict[str, Any]:
    of_type = [one for (known, _), one in shop.objects.items() if known == type_]
    return [one for one in of_type if not one.withdrawn][-1].item


def _following(statuses: tuple[str, ...], status: str) -> str:
    at = statuses.index(status) if status in statuses else -1
    return statuses[min(at + 1, len(statuses) - 2)]


_HAPPENINGS = (
    _quote_moves,
    _new_mission,
    _new_quote,
    _mere_edit,
    _redeposit,
    _mission_moves,
    _photo_added,
)
