"""Slots that are kept and shared, so that no partner's work can hold up another's."""

from __future__ import annotations

from collections import Counter


class Slots:
    """A number of slots, half of them divided among the partners and kept for them.

    Every partner keeps at least one, even when there are more partners than slots. The rest is
    shared: whoever comes first takes it.
    """

    def __init__(self, total: int, partners: int) -> None:
        partners = max(1, partners)
        self.kept = max(1, total // 2 // partners)
        self.shared = max(0, total - self.kept * partners)
        self._shared_in_use = 0
        self._in_use: Counter[str] = Counter()

    def try_take(self, partner: str) -> bool:
        """Take a slot for a partner if there is one."""
        if self._in_use[partner] >= self.kept:
            if self._shared_in_use >= self.shared:
                return False
            self._shared_in_use += 1
        self._in_use[partner] += 1
        return True

    def give_back(self, partner: str) -> None:
        """Give back one slot of a partner, a shared one as long as it has any."""
        self._in_use[partner] -= 1
        if self._in_use[partner] >= self.kept:
            self._shared_in_use -= 1

    def in_use(self, partner: str) -> int:
        """How many slots a partner has now."""
        return self._in_use[partner]

    @property
    def most(self) -> int:
        """How many slots one partner can have at most."""
        return self.kept + self.shared
