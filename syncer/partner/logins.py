"""Logins of links: one at a time, kept between passes, renewed once when the partner ended one.

A login lives in memory only, for one link and one generation of its credentials. The lock-out
protection holds here too: a refused login is shared by all who waited for it, and after
``MOST_REFUSALS`` of them within a day nothing more is sent.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http.cookies import CookieError, SimpleCookie
from typing import TypeVar

from syncer.domain.errors import CredentialsRejectedError, SyncerError
from syncer.domain.links import LinkKey
from syncer.observability import known_secrets
from syncer.partner.echoes import Echoes
from syncer.ports.ambient import Clock
from syncer.ports.sessions import SignIn
from syncer.sdk import HttpSession, Login

T = TypeVar("T")

MOST_REFUSALS = 3
REFUSALS_WINDOW = timedelta(hours=24)
MOST_RENEWALS = 2
"""Of one request: the second only when the login that ended had been good for other requests."""
SIGN_OUT_SECONDS = 5.0
COOKIE_HEADER = "Cookie"


class SignedOutError(CredentialsRejectedError):
    """The partner answered that the login of the request has ended."""


@dataclass(slots=True, kw_only=True, eq=False)
class Kept:
    """One login as long as it is good; ``was_good`` once an answer accepted it."""

    login: Login
    echoes: Echoes
    was_good: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """What is sent with each request."""
        headers = dict(self.login.headers)
        if self.login.cookies:
            pairs = (f"{name}={value}" for name, value in self.login.cookies.items())
            headers[COOKIE_HEADER] = "; ".join(pairs)
        return headers

    def accepted(self, set_cookies: Iterable[str], secrets: Iterable[str]) -> None:
        """Take note of an answer, and of what it sets anew of the login's cookies."""
        self.was_good = True
        given = cookies_of(set_cookies)
        fresh = {name: given[name] for name in self.login.cookies if given.get(name)}
        if fresh:
            self.login = replace(self.login, cookies={**self.login.cookies, **fresh})
            self.echoes = echoes_of(self.login, secrets)


@dataclass(slots=True, kw_only=True, eq=False)
class LinkLogin:
    """The login of one link and generation of credentials, and the refusals it met."""

    kept: Kept | None = None
    sign_in: SignIn | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    refusals: int = 0
    refused_at: deque[datetime] = field(default_factory=deque)

    def refused(self, now: datetime) -> None:
        """Count a refused login."""
        self.refusals += 1
        self.refused_at.append(now)

    def check_refusals(self, seen: int, now: datetime) -> None:
        """Refuse to log in once more.

        Raises:
            CredentialsRejectedError: one was refused while the session, which had seen ``seen``
                refusals, was at work; or too many were within a day.
        """
        while self.refused_at and self.refused_at[0] <= now - REFUSALS_WINDOW:
            self.refused_at.popleft()
        if self.refusals > seen:
            raise CredentialsRejectedError("The partner refused the login just now.")
        if len(self.refused_at) >= MOST_REFUSALS:
            text = "The partner refused the login several times today; another could lock it."
            raise CredentialsRejectedError(text)


class Logins:
    """The logins of one partner's links."""

    def __init__(self) -> None:
        self._logins: dict[tuple[LinkKey, int | None], LinkLogin] = {}

    def of(self, link: LinkKey, generation: int | None) -> LinkLogin:
        """Give the place of a link's login; those of earlier generations are forgotten."""
        place = self._logins.get((link, generation))
        if place is None:
            if generation is not None:
                for key in [key for key in self._logins if key[0] == link and key[1] is not None]:
                    del self._logins[key]
            place = self._logins[link, generation] = LinkLogin()
        return place

    async def sign_out(
        self,
        open_session: Callable[[LinkKey, Kept], HttpSession],
        *keys: tuple[LinkKey, int | None],
    ) -> None:
        """End the logins of some links at the partner, or of all when none is named."""
        ended = [(key, self._logins.pop(key, None)) for key in keys or tuple(self._logins)]
        async with asyncio.TaskGroup() as group:
            for (link, _), place in ended:
                if place is not None and place.kept is not None and place.sign_in is not None:
                    session = open_session(link, place.kept)
                    group.create_task(_signed_out(place.sign_in.sign_out(session)))


async def _signed_out(call: Awaitable[None]) -> None:
    """Wait a little for the partner; a login that it does not end ends by itself."""
    try:
        async with asyncio.timeout(SIGN_OUT_SECONDS):
            await call
    except (SyncerError, TimeoutError):
        return


class Door:
    """Where one session gets the login of its link."""

    __slots__ = ("_bare", "_clock", "_place", "_seen", "sign_in")

    def __init__(self, place: LinkLogin, sign_in: SignIn, bare: HttpSession, clock: Clock) -> None:
        self.sign_in = sign_in
        self._place = place
        self._bare = bare
        self._clock = clock
        self._seen = place.refusals

    async def through(self, send: Callable[[Kept], Awaitable[T]]) -> T:
        """Send something with the login; again with a new one when the partner ended this one.

        Raises:
            CredentialsRejectedError: the partner refused the login, or a fresh one as well.
        """
        kept = await self.login()
        for renewal in range(MOST_RENEWALS):
            try:
                return await send(kept)
            except SignedOutError:
                if renewal and not kept.was_good:
                    raise
            kept = await self.login(after=kept)
        return await send(kept)

    async def login(self, *, after: Kept | None = None) -> Kept:
        """Give the present login, logging in when there is none but the one that ended."""
        place = self._place
        async with place.turn:
            if place.kept is None or place.kept is after:
                place.check_refusals(self._seen, self._clock.now())
                place.kept = None
                place.kept = await self._log_in()
                place.sign_in = self.sign_in
            return place.kept

    async def _log_in(self) -> Kept:
        try:
            login = await self.sign_in.authenticate(self._bare)
        except CredentialsRejectedError:
            self._place.refused(self._clock.now())
            raise
        return Kept(login=login, echoes=echoes_of(login, self.sign_in.secrets))


def echoes_of(login: Login, secrets: Iterable[str]) -> Echoes:
    """Make what cuts a login out of answers; its values are known as secrets from here on."""
    values = [*login.headers.values(), *login.cookies.values()]
    known_secrets.add(values)
    return Echoes([*values, *secrets])


def cookies_of(set_cookies: Iterable[str]) -> dict[str, str]:
    """Read ``Set-Cookie`` headers; what cannot be read is left out."""
    cookies: dict[str, str] = {}
    for header in set_cookies:
        try:
            read = SimpleCookie(header)
        except CookieError:
            continue
        cookies.update({name: morsel.coded_value for name, morsel in read.items()})
    return cookies
