"""The connectors that are installed, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from syncer.sdk import Connector


class ConnectorState(StrEnum):
    """What a connector can do in this installation."""

    READY = "ready"
    DISABLED = "disabled"
    QUARANTINED = "quarantined"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorTable:
    """What the configuration file says under ``[connectors.<name>]``.

    ``own`` are the connector's settings: every name there that is not one of the others.
    """

    enabled: bool
    base_url: str = ""
    allow_insecure: bool = False
    root: str = ""
    settings_group: str | None = None
    own: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """An installed connector.

    ``connector`` is there when it is ready or superseded; a disabled one was not even imported.
    ``table`` are its settings from the configuration file.
    """

    name: str
    enabled: bool
    state: ConnectorState
    reason: str | None = None
    superseded_by: str | None = None
    connector: Connector[Any, Any] | None = None
    base_url: str = ""
    allow_insecure: bool = False
    root: str = ""
    settings_group: str | None = None
    table: Mapping[str, Any]


class ConnectorRegistry(Protocol):
    """All installed connectors by name."""

    def all(self) -> Sequence[Installed]:
        """List in order of name."""
        ...

    def get(self, name: str) -> Installed:
        """Give one.

        Raises:
            NotFoundError: none of that name is installed.
        """
        ...

    def usable(self, name: str) -> Connector[Any, Any]:
        """Give the connector to work with.

        Raises:
            NotFoundError: none of that name is installed.
            ConflictError: ``connector_disabled``, or ``link_unavailable`` when it is quarantined.
        """
        ...

    def quarantine(self, name: str, reason: str) -> None:
        """Set a connector aside at run time (it hung, blocked the loop, or gave junk)."""
        ...
