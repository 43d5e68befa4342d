"""The connectors of this installation and what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from syncer.domain.errors import ConflictError, NotFoundError
from syncer.ports.plugins import ConnectorState, Installed
from syncer.sdk import Connector


class Registry:
    """All installed connectors by name."""

    def __init__(self, installed: Mapping[str, Installed]) -> None:
        self._installed = dict(sorted(installed.items()))

    def all(self) -> Sequence[Installed]:
        """List in order of name."""
        return list(self._installed.values())

    def get(self, name: str) -> Installed:
        """Give one.

        Raises:
            NotFoundError: none of that name is installed.
        """
        try:
            return self._installed[name]
        except KeyError:
            raise NotFoundError("No connector of that name is installed.") from None

    def usable(self, name: str) -> Connector[Any, Any]:
        """Give the connector to work with; one that is superseded still pulls.

        Raises:
            NotFoundError: none of that name is installed.
            ConflictError: ``connector_disabled``, or ``link_unavailable`` when it is quarantined.
        """
        one = self.get(name)
        if one.connector is not None:
            return one.connector
        if one.state is ConnectorState.DISABLED:
            raise ConflictError(
                "connector_disabled",
                "The connector is not enabled in the configuration of this installation.",
            )
        raise ConflictError(
            "link_unavailable",
            f"The connector was set aside: {one.reason}",
            reason=ConnectorState.QUARANTINED.value,
        )

    def quarantine(self, name: str, reason: str) -> None:
        """Set a connector aside at run time; it stays so until the next start.

        Raises:
            NotFoundError: none of that name is installed.
        """
        self._installed[name] = replace(
            self.get(name),
            state=ConnectorState.QUARANTINED,
            reason=reason,
            superseded_by=None,
            connector=None,
        )
