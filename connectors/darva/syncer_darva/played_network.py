"""A network with its mailboxes, however their messages travel: the part that both share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from syncer_darva.played_messages import (
    Draft,
    Sent,
    UnreadableMessageError,
    invoice_line,
    read_sent,
)


def real_time() -> datetime:
    """Give the present instant."""
    return datetime.now(UTC)  # noqa: TID251 - the partner's own clock


def _nothing(_: Waiting) -> None:
    """Whoever asks the mailbox finds it."""


@dataclass(slots=True, kw_only=True)
class Waiting:
    """A message in a mailbox; ``raw`` are its bytes as they stand there now."""

    id: str
    seq: int
    raw: bytes
    is_acknowledged: bool = False


@dataclass(slots=True, kw_only=True)
class Mailbox:
    """A repairer's mailbox: what waits in it, what it took from us, and what happens there.

    ``on_arrival`` is called with each message that is put in. ``refusals`` holds reasons by type of
    message of ours: it is then answered with a rejecting receipt. While ``holds_receipts`` none is
    written; ``release_receipts`` writes them.
    """

    subscriber: str
    station: str
    now: Callable[[], datetime] = real_time
    on_arrival: Callable[[Waiting], None] = _nothing
    waiting: dict[str, Waiting] = field(default_factory=dict)
    sent: dict[str, bytes] = field(default_factory=dict)
    taken: list[Sent] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    holds_receipts: bool = False
    claims: list[str] = field(default_factory=list)
    _owed: list[Sent] = field(default_factory=list)
    _seq: int = 0

    @property
    def name(self) -> str:
        """Subscriber and station: the user of the mailbox, or its folder."""
        return f"{self.subscriber}-{self.station}"

    def new_claim(self) -> str:
        """Give the number of a claim that nobody knows yet."""
        claim = f"{self.now():%Y}SIN{self._next_seq() % 10**8:08d}"
        self.claims.append(claim)
        return claim

    # -- what arrives -----------------------------------------------------------------------------

    def put(self, type_: str, claim: str, **more: Any) -> Waiting:
        """Put a message in, behind all others; gives it with its id and ``seq``."""
        seq = self._next_seq()
        draft = Draft(type=type_, claim=claim, **{"id": f"{self.now():%Y%m%d}-{seq}", **more})
        raw = draft.written(
            seq=seq, sent_at=self.now(), subscriber=self.subscriber, station=self.station
        )
        return self._arrive(Waiting(id=draft.id, seq=seq, raw=raw))

    def notice(self, claim: str, notice: str, **more: Any) -> Waiting:
        """Put a claim notice in."""
        return self.put("AS", claim, notice=notice, label="Avis de sinistre", **more)

    def follow_up(self, claim: str, code: str, label: str = "Suivi", **more: Any) -> Waiting:
        """Put a follow-up in."""
        return self.put("SD", claim, code=code, label=label, **more)

    def put_raw(self, id_: str, raw: bytes) -> Waiting:
        """Put any bytes in, under an id."""
        return self._arrive(Waiting(id=id_, seq=self._next_seq(), raw=raw))

    def _arrive(self, waiting: Waiting) -> Waiting:
        self.waiting[waiting.id] = waiting
        self.on_arrival(waiting)
        return waiting

    def _next_seq(self) -> int:
        """Count on; from the time of day, so that a restart does not count anew."""
        self._seq = max(self._seq + 1, int(self.now().timestamp() * 1000))
        return self._seq

    def come_back(self) -> list[Waiting]:
        """Let 30 days pass: what was not acknowledged comes back under a new ``seq``."""
        back = [one for one in self.waiting.values() if not one.is_acknowledged]
        for one in back:
            before, one.seq = one.seq, self._next_seq()
            one.raw = one.raw.replace(b'seq="%d"' % before, b'seq="%d"' % one.seq)
        return back

    # -- what is taken ----------------------------------------------------------------------------

    def take(self, id_: str, raw: bytes) -> bool:
        """Take a message of ours; False when its id is known, and then nothing happens.

        Raises:
            UnreadableMessageError: it is not what the contract says.
        """
        if id_ in self.sent:
            return False
        message = read_sent(raw)
        if message.id != id_:
            return False
        if (message.subscriber, message.station) != (self.subscriber, self.station):
            raise UnreadableMessageError("The message comes from another mailbox.")
        self.sent[id_] = raw
        self.taken.append(message)
        self._owed.append(message)
        if not self.holds_receipts:
            self.release_receipts()
        return True

    def release_receipts(self) -> None:
        """Write the receipts that are owed."""
        owed, self._owed = self._owed, []
        for message in owed:
            reason = self.refusals.get(message.type)
            result = "rejected" if reason else "accepted"
            self.put(
                "AR",
                message.claim_number,
                insurer=message.insurer,
                receipt=(message.id, result, reason),
                label="Accusé de réception",
                plate=None,
                repairer=None,
                expert=None,
            )


@dataclass(slots=True)
class Network:
    """Mailboxes by their name, and what goes on at the insurers that write to them."""

    now: Callable[[], datetime] = real_time
    boxes: dict[str, Mailbox] = field(default_factory=dict)
    repairers: dict[str, Mailbox] = field(default_factory=dict)
    _turn: int = 0

    def mailbox(self, subscriber: str, station: str) -> Mailbox:
        """Open a mailbox without any message."""
        box = Mailbox(subscriber=subscriber, station=station, now=self.now)
        self.boxes[box.name] = box
        return box

    def mailbox_of(self, repairer: str) -> Mailbox:
        """Open the mailbox of a repairer; its numbers are the same at every start."""
        number = int.from_bytes(hashlib.sha256(repairer.encode()).digest()[:4], "big")
        box = self.repairers[repairer] = self.mailbox(f"{number % 1_000_000:06d}", "01")
        return box

    def live(self) -> str:
        """Let one thing happen at one repairer's insurer; gives one line that says what."""
        repairers = list(self.repairers)
        repairer = repairers[self._turn % len(repairers)]
        happening = _HAPPENINGS[self._turn // len(repairers) % len(_HAPPENINGS)]
        self._turn += 1
        return f"{repairer}: {happening(self.repairers[repairer])}"


# -- a day at the insurer's -----------------------------------------------------------------------


def begin_work(box: Mailbox) -> None:
    """Put in what a repairer finds in the morning: three claims at different places."""
    first, second, third = box.new_claim(), box.new_claim(), box.new_claim()
    box.notice(first, f"AS-{first[-5:]}")
    box.follow_up(first, "12", _LABELS["12"])
    box.follow_up(second, "54", _LABELS["54"])
    box.notice(third, f"AS-{third[-5:]}", expert=None, encoding="ISO-8859-1")


def _new_notice(box: Mailbox) -> str:
    claim = box.new_claim()
    box.notice(claim, f"AS-{claim[-5:]}")
    return f"AS, claim {claim} is given to the repairer"


def _unassigned_notice(box: Mailbox) -> str:
    claim = box.new_claim()
    box.notice(claim, f"AS-{claim[-5:]}", expert=None)
    return f"AS, claim {claim} comes without an expert"


def _follow_up_of(code: str) -> Callable[[Mailbox], str]:
    def follow_up(box: Mailbox) -> str:
        box.follow_up(box.claims[-1], code, _LABELS[code])
        return f"SD {code} {_LABELS[code]}, claim {box.claims[-1]}"

    return follow_up


def _payment(box: Mailbox) -> str:
    claim = box.claims.pop(0) if len(box.claims) > 1 else box.claims[0]
    box.put("AP", claim, label="Avis de paiement", invoice=invoice_line("F2026-118"))
    return f"AP, claim {claim} is paid"


_LABELS = {
    "12": "Complément d'expertise",
    "36": "Validation de facture",
    "54": "Accord de facturation",
}
_HAPPENINGS: tuple[Callable[[Mailbox], str], ...] = (
    _new_notice,
    _follow_up_of("12"),
    _follow_up_of("36"),
    _unassigned_notice,
    _follow_up_of("54"),
    _payment,
)
