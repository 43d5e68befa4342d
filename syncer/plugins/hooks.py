"""The hook by which a connector's module hands its class to the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pluggy

PROJECT = "syncer"
hookspec = pluggy.HookspecMarker(PROJECT)


class ConnectorHooks:
    """Hooks of syncer."""

    @hookspec
    def register_connectors(self, register: Callable[[type[Any]], None]) -> None:
        """Call ``register`` with the connector class, once."""
