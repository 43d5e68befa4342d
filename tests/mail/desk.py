"""Everything that writes to people, over a real store and a real mail server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from syncer.dispatch.ambient import UuidIds
from syncer.domain.claim_files import ClaimFile, Origin
from syncer.domain.completeness import ExpectedDocument, RuleSet
from syncer.domain.feed import ChangeType, FeedEntry
from syncer.domain.lifecycles import Event
from syncer.domain.mails import MailFilter, StoredMail
from syncer.domain.stored import Repairer
from syncer.ports.plugins import Installed
from syncer.ports.store import Store, UnitOfWork
from syncer.services.attention import Attention
from syncer.services.attention_of_files import OverdueFiles, ParkedMails
from syncer.services.correspondence import Correspondence
from syncer.services.dwell import DwellWatch
from syncer.services.lifecycles import Happening, live_on
from syncer.services.mail_queue import MailQueue
from syncer.services.mails import MailService
from syncer.services.record_json import Json
from syncer.services.reminders import Reminders
from syncer.services.settings import SettingsInForce
from syncer.services.status_mails import StatusMails
from syncer.testing import FakeClock
from tests.mail.post import Post, room
from tests.services.lives import LINK, ShelfConnector, installed

CLIENT: Mapping[str, Any] = {"name": "Anna", "email": "anna@client.example", "language": "fr-BE"}
EXPECTED = (
    ExpectedDocument(id="mandat", label="Mandat"),
    ExpectedDocument(id="devis", label="Devis", optional_for=("company",)),
)


class Shelves:
    """One connector, whose claim files have states."""

    def __init__(self) -> None:
        self.one = installed(ShelfConnector())

    def all(self) -> list[Installed]:
        return [self.one]

    def get(self, name: str) -> Installed:
        return self.one

    def usable(self, name: str) -> Any:
        return self.one.connector

    def quarantine(self, name: str, reason: str) -> None:
        raise AssertionError(reason)


@dataclass
class Desk:
    """The services under test, and ways to make things happen."""

    store: Store
    clock: FakeClock
    post: Post
    ids: UuidIds = field(default_factory=UuidIds)
    registry: Shelves = field(default_factory=Shelves)
    happened: int = 0

    def __post_init__(self) -> None:
        settings = SettingsInForce(groups={}, from_env={}, default_interval=timedelta(minutes=15))
        self.room = room(self.post, None, security="none", user="")
        self.letters = Correspondence(registry=self.registry, settings=settings)
        self.open_again()

    def open_again(self) -> None:
        """Begin as after a restart: nothing is left but the store."""
        self.queue = MailQueue(
            store=self.store,
            room=self.room,
            registry=self.registry,
            clock=self.clock,
            ids=self.ids,
        )
        self.mails = MailService(store=self.store, clock=self.clock, nudge=self.queue.nudge)
        self.reminders = Reminders(
            store=self.store,
            room=self.room,
            correspondence=self.letters,
            clock=self.clock,
            ids=self.ids,
            nudge=self.queue.nudge,
        )
        self.status_mails = StatusMails(
            store=self.store,
            room=self.room,
            correspondence=self.letters,
            queue=self.queue,
            clock=self.clock,
            ids=self.ids,
        )
        self.dwell = DwellWatch(
            store=self.store,
            registry=self.registry,
            correspondence=self.letters,
            clock=self.clock,
        )

    async def furnish(self) -> None:
        """Make the repairer, its link, and what documents are expected."""

        async def work(uow: UnitOfWork) -> None:
            await uow.repairers.put(Repairer(id=LINK.repairer, name="Garage Leroy"))
            await uow.links.ensure([LINK.connector])
            await uow.document_rules.put(RuleSet(connector=LINK.connector, documents=EXPECTED))

        await self.store.write(work)

    async def settings(self, **own: Any) -> None:
        """Give the link settings of its own."""
        await self.store.write(lambda uow: uow.links.set_settings(LINK, own, start_date=None))

    async def file(self, reference: str = "2026/1", **client: Any) -> str:
        """Make a claim file of a client; gives its id."""
        now = self.clock.now()
        made = ClaimFile(
            id=self.ids.new(),
            link=LINK,
            origin=Origin.PLANNING,
            reference=reference,
            partner_ref=None,
            claim_number=None,
            claim_type=None,
            partner_data={},
            person_data={"client": {**CLIENT, **client}, "vehicle": {"plate": "1-ABC-234"}},
            person_set_at={},
            created_at=now,
            updated_at=now,
        )
        await self.store.write(lambda uow: uow.claim_files.make(made))
        return made.id

    async def happen(self, file: str, *names: str, ago: timedelta = timedelta()) -> None:
        """Let events happen to a claim file."""
        now = self.clock.now()
        connector = self.registry.usable(LINK.connector)
        events = []
        for name in names:
            self.happened += 1
            event = Event(name=name, key=f"{name} {self.happened}", at=now - ago)
            events.append(Happening(claim_file=file, event=replace(event, order=self.happened)))

        async def work(uow: UnitOfWork) -> None:
            lived = await live_on(uow, connector, events, at=now)
            uow.feed.append(lived.changes, at=now)

        await self.store.write(work)

    async def told(self, *types: ChangeType) -> list[FeedEntry]:
        """Read the feed from its beginning, of some types."""
        async with self.store.read() as uow:
            entries = await uow.feed.read(await uow.feed.tail(), limit=1000)
        return [entry for entry in entries if entry.change.type in types]

    async def log(self) -> Sequence[StoredMail]:
        """Read all mails, newest first."""
        async with self.store.read() as uow:
            return await uow.mails.find(MailFilter(), after=None, limit=100)

    async def attention(self) -> list[Json]:
        """List what needs a person."""
        sections = (ParkedMails(), OverdueFiles())
        found = await Attention(store=self.store, sections=sections).find()
        assert found.total == len(found.items)
        return found.items
