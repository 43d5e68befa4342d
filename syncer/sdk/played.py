"""What a played partner offers, for the demo, the tests and the conformance kit."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class PlayedPartner(Protocol):
    """A partner played on loopback, as strict as the real one.

    Found by the entry-point group ``syncer.played_partners`` under the connector's name; the entry
    point is a class without arguments. ``syncer.testing.serve_app`` serves an aiohttp application.
    """

    def serve(self) -> AbstractAsyncContextManager[str]:
        """Serve the partner; gives where it is.

        That is its ``base_url`` on a free loopback port, ``smtp://host:port`` for one that is
        written to, or ``file://`` with the ``root`` of one that files are exchanged with.
        """
        ...

    def add_repairer(self, repairer: str) -> Mapping[str, str]:
        """Make an account for a repairer with some work in it; gives its credentials."""
        ...

    def live(self) -> str:
        """Let one thing happen at the partner (a status changes, a photo is added).

        Gives one line that says what happened, for the demo's live view.
        """
        ...
