"""What writes to people, wired: reminders, status mails, their queue, and dwell limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from syncer.services.correspondence import Correspondence
from syncer.services.dwell import DwellWatch
from syncer.services.mail_queue import MailQueue
from syncer.services.mails import MailService
from syncer.services.reminders import Reminders
from syncer.services.status_mails import StatusMails

if TYPE_CHECKING:
    from syncer.bootstrap.wiring import Ports
    from syncer.services.settings import SettingsInForce


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterbox:
    """All of it, wired once."""

    queue: MailQueue
    mails: MailService
    reminders: Reminders
    status_mails: StatusMails
    dwell: DwellWatch


def wire_letterbox(ports: Ports, settings: SettingsInForce) -> Letterbox:
    """Wire it."""
    store, room, clock, ids = ports.store, ports.mail, ports.clock, ports.ids
    correspondence = Correspondence(registry=ports.registry, settings=settings)
    queue = MailQueue(store=store, room=room, registry=ports.registry, clock=clock, ids=ids)
    return Letterbox(
        queue=queue,
        mails=MailService(store=store, clock=clock, nudge=queue.nudge),
        reminders=Reminders(
            store=store,
            room=room,
            correspondence=correspondence,
            clock=clock,
            ids=ids,
            nudge=queue.nudge,
        ),
        status_mails=StatusMails(
            store=store, room=room, correspondence=correspondence, queue=queue, clock=clock, ids=ids
        ),
        dwell=DwellWatch(
            store=store, registry=ports.registry, correspondence=correspondence, clock=clock
        ),
    )
