"""Finds the partners that connectors bring along to be played on loopback."""

from __future__ import annotations

from importlib.metadata import entry_points

from syncer.sdk import PlayedPartner

GROUP = "syncer.played_partners"


def played_partner(connector: str) -> PlayedPartner | None:
    """Make the played partner of a connector; None when it brings none along."""
    for point in entry_points(group=GROUP, name=connector):
        partner: PlayedPartner = point.load()()
        return partner
    return None
