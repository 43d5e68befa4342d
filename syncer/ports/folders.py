"""Folder exchanges, made by the host for one link at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from syncer.domain.links import LinkKey
from syncer.sdk import Archived, FolderSession, Refused


class FolderExchange(FolderSession, Protocol):
    """What a link's connector sees of its folder, and what only the host does with it."""

    async def put_away(self, files: Sequence[Archived | Refused]) -> None:
        """Move files whose content is stored; one that is gone or was replaced is left alone.

        Raises:
            PartnerUnavailableError: some could not be moved; the others were.
            ConnectorFailedError: a file or folder is named that could lie elsewhere.
        """
        ...


class Folders(Protocol):
    """Gives folder exchanges; what was seen of files is shared behind them."""

    def exchange(self, link: LinkKey, name: str) -> FolderExchange:
        """Make the exchange of one pass, check or delivery; ``name`` is the link's folder.

        Raises:
            ConnectorFailedError: the name is none of a folder below the root.
        """
        ...
