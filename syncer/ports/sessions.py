"""Sessions to partners, made by the host for one link at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from syncer.domain.links import LinkKey
from syncer.sdk import HttpSession


class Sessions(Protocol):
    """Gives HTTP sessions; limits, breaker and connection pool are shared behind them."""

    def http(
        self, link: LinkKey, *, auth_headers: Mapping[str, str], correlation_id: str
    ) -> HttpSession:
        """Make the session of one pass, check or download; cheap, needs no closing."""
        ...
