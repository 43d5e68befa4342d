"""A link as a connector sees it while it works for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Generic, TypeVar

from syncer.domain.errors import SyncerError
from syncer.domain.records import Kind
from syncer.sdk.folder import FolderSession
from syncer.sdk.http import HttpSession
from syncer.sdk.mail import MailSession
from syncer.sdk.models import Credentials, Settings

C = TypeVar("C", bound=Credentials)
S = TypeVar("S", bound=Settings)
T = TypeVar("T")


class Transport(StrEnum):
    """What a link reaches its partner by."""

    HTTP = "http"
    FOLDER = "folder"
    MAIL = "mail"


class _NoSession:
    """Stands where the connector named no such transport."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name}: the connector's transports do not name this session")


def _no_session() -> Any:
    return _NoSession()


async def _nothing_held(_kind: Kind, _but: Collection[str]) -> list[str]:
    """Hold nothing, as before the first pass."""
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Generic[C, S]):
    """Everything that a connector's call may use: no more than one link's secrets and session.

    ``start_date`` is the day from which history was asked for, None when none was chosen. The
    sessions are those that the connector's ``transports`` name; using another one is a fault.
    """

    repairer: str
    credentials: C
    settings: S
    start_date: date | None
    http: HttpSession = field(default_factory=_no_session)
    folder: FolderSession = field(default_factory=_no_session)
    mail: MailSession = field(default_factory=_no_session)
    ask_held: Callable[[Kind, Collection[str]], Awaitable[list[str]]] = field(
        default=_nothing_held, repr=False, compare=False
    )
    _asked: dict[Hashable, asyncio.Future[Any]] = field(default_factory=dict, repr=False)

    async def held(self, kind: Kind, *, but: Collection[str] = ()) -> list[str]:
        """Give the ``partner_ref`` of every record of a kind that the store holds for the link.

        Withdrawn ones, and those whose status is one of ``but``, are left out. For partners that
        are compared with what is held, as a whole, once in a while.
        """
        return await self.ask_held(kind, but)

    async def once(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask only once for what several records of a page need; all callers share the answer.

        An error is shared too. The host forgets the answers after each page.
        """
        answer = self._asked.get(key)
        if answer is not None:
            shared: T = await asyncio.shield(answer)
            return shared
        answer = self._asked[key] = asyncio.get_running_loop().create_future()
        try:
            value = await ask()
        except SyncerError as error:
            answer.set_exception(error)
            answer.exception()  # nobody else may be waiting for it
            raise
        except BaseException:
            answer.cancel()
            self._asked.pop(key, None)  # who asks later asks anew
            raise
        answer.set_result(value)
        return value

    def forget(self) -> None:
        """Drop what ``once`` remembered."""
        self._asked.clear()
