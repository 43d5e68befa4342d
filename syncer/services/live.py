"""Passes that are queued or running in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from syncer.domain.errors import RefusedError
from syncer.domain.links import Link, LinkKey
from syncer.domain.passes import Pass, PassState
from syncer.domain.stored import SealedCredential


class PassCancelledError(RefusedError):
    """A person cancelled the pass; the pages stored so far stay."""

    code = "cancelled"


@dataclass(slots=True, kw_only=True, eq=False)
class LivePass:
    """A pass together with what its callers want of it.

    ``link`` and ``sealed`` come along when they have been read already. ``kept`` says that the
    pass has a row of its own: a refresh has, an idle scheduled pass has not.
    """

    pass_: Pass
    kept: bool
    link: Link | None = None
    sealed: SealedCredential | None = None
    is_taken: bool = False
    wants_listing_again: bool = False
    wants_cancel: bool = False
    is_ending: bool = False
    _waiters: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def key(self) -> LinkKey:
        """The link that the pass is over."""
        return self.pass_.link

    def snapshot(self, state: PassState | None = None) -> Pass:
        """Copy the pass as it stands, in another state if one is given."""
        return replace(
            self.pass_, state=state or self.pass_.state, counts=replace(self.pass_.counts)
        )

    def take(self) -> bool:
        """Claim the right to run the pass; False when somebody has it already."""
        is_first, self.is_taken = not self.is_taken, True
        return is_first

    def check_cancel(self) -> None:
        """Stop here when a person asked for it.

        Raises:
            PassCancelledError: cancelling was asked for.
        """
        if self.wants_cancel:
            raise PassCancelledError("The pass was cancelled.")

    def close(self) -> None:
        """End a pass that nobody else knows of, so that those who wait for it go on."""
        self.pass_.state = PassState.CANCELLED
        self.announce()

    def announce(self) -> None:
        """Tell those who wait that the pass has moved on."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def moved(self) -> None:
        """Wait until the pass has moved on."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    async def ended(self) -> None:
        """Wait until the pass has ended."""
        while not self.pass_.state.has_ended:
            await self.moved()


class PassBoard:
    """At most one live pass for each link: the rule that forbids two at once."""

    def __init__(self) -> None:
        self._by_link: dict[LinkKey, LivePass] = {}
        self._by_id: dict[str, LivePass] = {}

    def __iter__(self) -> Iterator[LivePass]:
        return iter(list(self._by_link.values()))

    def __len__(self) -> int:
        return len(self._by_link)

    def of_link(self, key: LinkKey) -> LivePass | None:
        """Give the live pass of a link."""
        return self._by_link.get(key)

    def by_id(self, id_: str) -> LivePass | None:
        """Give a live pass."""
        return self._by_id.get(id_)

    def put(self, live: LivePass) -> None:
        """Enter a pass; the link must have none."""
        if live.key in self._by_link:
            raise RuntimeError("a link has one live pass at most")
        self._by_link[live.key] = live
        self._by_id[live.pass_.id] = live

    def release(self, live: LivePass) -> None:
        """Free the link for another pass: this one asks the partner nothing more."""
        if self._by_link.get(live.key) is live:
            del self._by_link[live.key]

    def remove(self, live: LivePass) -> None:
        """Take a pass off; taking it off twice is harmless."""
        self.release(live)
        self._by_id.pop(live.pass_.id, None)
