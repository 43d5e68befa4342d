"""What every request to the played partner goes through: keys, limits, known parameters."""

from __future__ import annotations

import hmac
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from aiohttp import web

from syncer.testing import Problem
from syncer_claims360 import wire
from syncer_claims360.played_shop import PlayedShop

_SECOND = timedelta(seconds=1)


class Allowance:
    """What a body shop may ask for: requests at once, and begun in any window of one second."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._begun: dict[str, deque[datetime]] = defaultdict(deque)
        self._under_way: Counter[str] = Counter()

    def begin(self, bodyshop_id: str) -> bool:
        """Count a request as begun; says whether it is within what is allowed."""
        now, begun = self._now(), self._begun[bodyshop_id]
        while begun and now - begun[0] >= _SECOND:
            begun.popleft()
        begun.append(now)
        self._under_way[bodyshop_id] += 1
        within = len(begun) <= wire.REQUESTS_PER_SECOND
        return within and self._under_way[bodyshop_id] <= wire.REQUESTS_AT_ONCE

    def end(self, bodyshop_id: str) -> None:
        """Count a request as ended."""
        self._under_way[bodyshop_id] -= 1


def shop_of(request: web.Request, shops: Mapping[str, PlayedShop]) -> PlayedShop:
    """Find the body shop that the request is for and that its keys belong to.

    Raises:
        Problem: 401 when a key is missing, 403 when they are not this body shop's.
    """
    given = [
        request.headers.get(name, "")
        for name in (wire.BODYSHOP_KEY_HEADER, wire.PLANNING_KEY_HEADER)
    ]
    if not all(given):
        raise Problem(401, "KEY_MISSING")
    shop = shops.get(request.match_info["bodyshop"])
    if shop is None:
        raise Problem(403, "KEY_INVALID")
    wanted = [shop.bodyshop_key, shop.planning_key]
    if not all(map(_same, given, wanted)):
        raise Problem(403, "KEY_INVALID")
    return shop


def refuse_parameters(request: web.Request, known: frozenset[str] = frozenset()) -> None:
    """Refuse parameters that the route does not have, and repeated ones.

    Raises:
        Problem: 400.
    """
    names = [name for name, _ in request.query.items()]
    if set(names) - known:
        raise Problem(400, "PARAMETER_UNKNOWN")
    if len(names) != len(set(names)):
        raise Problem(400, "PARAMETER_REPEATED")


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
