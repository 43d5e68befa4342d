"""The life of claim files at a partner that has states: one pure function."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from syncer.domain.lifecycles import Event, Standing


class Lifecycle(ABC):
    """Says what each event makes of a claim file. Pure: no clock, no I/O, no state of its own.

    The host keeps the log of events and the standing that the last one left; folding the log from
    ``begin`` always gives that standing again.
    """

    states: ClassVar[tuple[str, ...]]
    """Every state that a file can be in, in the order of a usual life."""
    words: ClassVar[Mapping[str, str]] = {}
    """The state that each of the partner's own words means; settings may name states by them."""

    @abstractmethod
    def begin(self) -> Standing:
        """Give the standing of a file to which nothing has happened yet."""

    @abstractmethod
    def apply(self, standing: Standing, event: Event) -> Standing | None:
        """Say where the file stands after the event.

        An equal standing: the event is filed and nothing changes. None: the event cannot be judged
        yet; it is kept and tried again, in order of ``Event.order``, after the next event that
        changes the file. What the planning system reports comes as events that are named as
        ``LocalEvent`` names them; those have no order and cannot wait.

        Raises:
            TransitionRefusedError: the event cannot happen to a file that stands like this, with
                the reason for a person. Nothing is kept of one that the planning system reports;
                one of the partner stands in the timeline with the reason and changes nothing.
        """

    def why_not_selectable(self, standing: Standing) -> str | None:
        """Say why the file may not be put into a sales document; None: it may."""
        return f"The claim file is {standing.state}." if standing.state else None
