"""Dwell limits: how long claim files may stay in a state before a person looks at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncer.domain.links import LinkKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Dwelling:
    """A claim file in its state: since when, and by which of the partner's words it came there.

    ``word`` is None where no event brought it there.
    """

    claim_file: str
    link: LinkKey
    reference: str | None
    state: str
    word: str | None
    since: datetime

    def limit(
        self, limits: Mapping[str, timedelta], words: Sequence[str] = ()
    ) -> tuple[str, timedelta] | None:
        """Give the limit that applies, with its name: the partner's word before our state.

        ``words`` are what else the partner calls the state.
        """
        for name in (self.word, self.state, *words):
            if name is not None and (limit := limits.get(name.casefold())) is not None:
                return name, limit
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dwell:
    """A claim file that was past a limit once; ``is_past`` says whether it is now.

    It was told about at ``told_at`` and is not told about again for the same stay.
    """

    claim_file: str
    state: str
    since: datetime
    limit_text: str
    told_at: datetime
    is_past: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """A claim file past its limit, as it is shown."""

    dwelling: Dwelling
    limit_text: str
