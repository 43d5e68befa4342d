"""Sessions to partners, made by the host for one link at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from syncer.domain.links import LinkKey
from syncer.domain.stored import BreakerState
from syncer.sdk import HttpSession, Login


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """How a link logs in, where its connector does; the functions are the connector's.

    ``generation`` is that of the credentials, for which a login is kept between sessions; None
    while credentials are verified: then it is of that session alone. ``secrets`` of the credentials
    are cut out of answers.
    """

    generation: int | None
    secrets: Sequence[str]
    authenticate: Callable[[HttpSession], Awaitable[Login]]
    sign_out: Callable[[HttpSession], Awaitable[None]]
    is_signed_out: Callable[[int, str | None], bool]


class SendingWatch(Protocol):
    """Hears of everything that leaves during one attempt at a delivery."""

    def leaving(self) -> object:
        """Hear that a sending is about to leave; gives a mark for it.

        Raises:
            RetryableError: the attempt may send nothing any more, somebody else has it.
        """
        ...

    def took_no_effect(self, mark: object) -> None:
        """Hear that a sending surely had no effect: it never left, or was clearly refused."""
        ...


class Sessions(Protocol):
    """Gives HTTP sessions; limits, breaker and connection pool are shared behind them."""

    def http(
        self,
        link: LinkKey,
        *,
        auth_headers: Mapping[str, str],
        correlation_id: str,
        sign_in: SignIn | None = None,
        watch: SendingWatch | None = None,
    ) -> HttpSession:
        """Make the session of one pass, check, download or attempt; cheap, needs no closing.

        With ``sign_in`` it logs in when a request needs it. ``watch`` is told of every request that
        may change something at the partner, logging in and out apart.
        """
        ...

    async def sign_out(self, link: LinkKey, *, generation: int | None) -> None:
        """End the login of a link at the partner, if there is one; never raises ``SyncerError``."""
        ...

    def hold(self, link: LinkKey) -> datetime | None:
        """Say until when the partner asked us to leave this link alone, None when it did not."""
        ...


class BreakerMemory(Protocol):
    """Keeps the circuit breakers over a restart."""

    async def load(self) -> Sequence[BreakerState]:
        """Give what was saved last for each connector."""
        ...

    async def save(self, state: BreakerState) -> None:
        """Keep the state of one connector's breaker."""
        ...


class RequestMeter(Protocol):
    """Counts what goes to partners; must be quick and must not raise."""

    def requested(self, connector: str, status: str) -> None:
        """Count one request by its HTTP status, or the code of the error when there was none."""
        ...

    def breaker_moved(self, connector: str, state: str) -> None:
        """Take note that a breaker is now ``closed``, ``open`` or ``half_open``."""
        ...
