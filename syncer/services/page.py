"""One page of a pass: decide, complete, and store it as one write."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from syncer.domain import intake
from syncer.domain.claim_files import merge
from syncer.domain.errors import ConnectorFailedError, PayloadError, RecordWithdrawnError
from syncer.domain.feed import Change, ChangeType, SubjectType
from syncer.domain.intake import Decision, IntakeState
from syncer.domain.links import LinkKey
from syncer.domain.passes import PassCounts
from syncer.domain.records import Attachment, Record, RecordKey
from syncer.domain.stored import ClaimFileRef, KnownRecord, QuarantinedItem, RecordWrite
from syncer.ports.ambient import Clock, Ids
from syncer.ports.store import Store, UnitOfWork
from syncer.sdk import Connector, Page, Settings, Unreadable
from syncer.services.guard import guarded
from syncer.services.opening import AnyConnector, AnyLink
from syncer.services.record_json import encode_record

KEY_MAX_LENGTH = 255


@dataclass(slots=True, kw_only=True)
class Draft:
    """A record of the page that is new or newer than the stored one."""

    record: Record
    known: KnownRecord | None
    attachments: Sequence[Attachment] = ()
    is_withdrawn: bool = False


@dataclass(slots=True, kw_only=True)
class PageWork:
    """What a page comes to, before it is written."""

    drafts: list[Draft]
    unchanged: int
    unreadable: list[Unreadable]
    withdrawn: list[RecordKey]
    page: Page

    @property
    def changes_something(self) -> bool:
        """Say whether there is anything to write."""
        return bool(self.drafts or self.unreadable or self.withdrawn or self.page.unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageStorer:
    """Takes pages of one link into the store."""

    store: Store
    clock: Clock
    ids: Ids

    async def take(
        self, key: LinkKey, connector: AnyConnector, link: AnyLink, page: Page
    ) -> PassCounts:
        """Decide on a page's items, complete the kept ones and store all of it, or nothing.

        Taking the same page again changes nothing.

        Raises:
            ConnectorFailedError: the page is not what a connector may give.
            RetryableError, CredentialsRejectedError: while completing; nothing was stored.
        """
        check_page(connector, page)
        work = await self._classify(key, page)
        await self._complete(connector, link, work)
        counts = PassCounts(
            seen=len(page.records) + len(page.unreadable) + len(page.unknown),
            unchanged=work.unchanged,
        )
        if work.changes_something:
            writer = _PageWrite(
                key=key,
                connector=connector,
                settings=link.settings,
                work=work,
                ids=self.ids,
                at=self.clock.now(),
            )
            written = await self.store.write(writer.run)
            counts = add_counts(counts, written)
        return counts

    async def _classify(self, key: LinkKey, page: Page) -> PageWork:
        newest: dict[RecordKey, Record] = {}
        for record in page.records:
            seen = newest.get(record.key)
            if seen is None or record.status_changed_at >= seen.status_changed_at:
                newest[record.key] = record
        drafts = []
        if newest:
            async with self.store.read() as uow:
                known = await uow.records.known(key, newest.keys())
            drafts = [
                Draft(record=record, known=known.get(record_key))
                for record_key, record in newest.items()
                if is_news(record, known.get(record_key))
            ]
        return PageWork(
            drafts=drafts,
            unchanged=len(page.records) - len(drafts),
            unreadable=list(page.unreadable),
            withdrawn=list(page.withdrawn),
            page=page,
        )

    async def _complete(self, connector: AnyConnector, link: AnyLink, work: PageWork) -> None:
        if type(connector).complete is Connector.complete:
            return
        wanted = [draft for draft in work.drafts if is_kept(draft, link.settings)]
        waiting = iter(wanted)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(connector.limits.concurrent, len(wanted))):
                group.create_task(self._complete_each(connector, link, waiting, work))
        link.forget()

    async def _complete_each(
        self, connector: AnyConnector, link: AnyLink, waiting: Iterable[Draft], work: PageWork
    ) -> None:
        for draft in waiting:
            try:
                completed = await guarded(connector.complete(link, draft.record))
            except RecordWithdrawnError:
                draft.is_withdrawn = True
            except ConnectorFailedError:
                raise
            except PayloadError as error:
                work.drafts.remove(draft)
                work.unreadable.append(_unreadable(draft.record, error))
            else:
                draft.record = completed.record
                draft.attachments = completed.attachments
                work.withdrawn.extend(completed.withdrawn)


def check_page(connector: AnyConnector, page: object) -> None:
    """Refuse what no connector may give.

    Raises:
        ConnectorFailedError: naming what is wrong with the page.
    """
    if not isinstance(page, Page):
        raise ConnectorFailedError(f"pull gave {type(page).__name__} instead of a Page")
    if page.has_more and not page.next_cursor:
        raise ConnectorFailedError("a page with has_more needs a next_cursor")
    if not isinstance(page.next_cursor, str | None):
        raise ConnectorFailedError("a cursor must be text")
    for record in page.records:
        check_record(connector, record)


def check_record(connector: AnyConnector, record: object) -> None:
    """Refuse a record that the store could not keep.

    Raises:
        ConnectorFailedError: naming the field.
    """
    if not isinstance(record, Record):
        raise ConnectorFailedError(f"a page held {type(record).__name__} instead of a Record")
    if record.kind not in connector.kinds:
        raise ConnectorFailedError(f"the connector does not declare the kind {record.kind!s}")
    ref = record.partner_ref
    if not isinstance(ref, str) or not 0 < len(ref) <= KEY_MAX_LENGTH:
        raise ConnectorFailedError("partner_ref must be text of 1 to 255 characters")
    if not (isinstance(record.revision, str) and isinstance(record.status, str)):
        raise ConnectorFailedError("revision and status must be text")
    moment = record.status_changed_at
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ConnectorFailedError("status_changed_at must be an aware datetime")


def is_news(record: Record, known: KnownRecord | None) -> bool:
    """Say whether a listed record is to be imported: new, a later revision, or back again."""
    if known is None or known.withdrawn:
        return True
    return record.revision != known.revision and record.status_changed_at >= known.status_changed_at


def is_kept(draft: Draft, settings: Settings) -> bool:
    """Say whether the intake lets the record in, so that it is worth completing."""
    return _decide(draft.record, draft.known, settings).state is not IntakeState.EXCLUDED


def add_counts(one: PassCounts, other: PassCounts) -> PassCounts:
    """Add two counts, name by name."""
    names = PassCounts.__dataclass_fields__
    return PassCounts(**{name: getattr(one, name) + getattr(other, name) for name in names})


def _unreadable(record: Record, error: PayloadError) -> Unreadable:
    return Unreadable(
        kind=record.kind,
        partner_ref=record.partner_ref,
        reason=str(error),
        raw=error.raw or encode_record(record),
    )


def _decide(record: Record, known: KnownRecord | None, settings: Settings) -> Decision:
    queueing, rules = settings.queueing_rule(), settings.exclude_rules()
    if known is None:
        return intake.decide_new(record, queueing, rules)
    return intake.decide_version(record, known.standing, queueing, rules)


# -- the write ------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class _PageWrite:
    """The write of one page; may be run again from the start, so it keeps nothing between runs."""

    key: LinkKey
    connector: AnyConnector
    settings: Settings
    work: PageWork
    ids: Ids
    at: datetime
    _changes: list[Change] = field(default_factory=list)

    async def run(self, uow: UnitOfWork) -> PassCounts:
        """Store the page; gives what became of its items."""
        self._changes = []
        known = await self._known_now(uow)
        files = await self._claim_files(uow, known)
        counts = PassCounts()
        rows_new, rows_changed, gone = [], [], []
        for draft in self.work.drafts:
            row = self._row(draft, known.get(draft.record.key), files)
            (rows_changed if draft.known else rows_new).append(row)
            self._note_record(row, is_new=draft.known is None)
            counts.queued += row.decision.state is IntakeState.QUEUED
            counts.excluded += row.decision.state is IntakeState.EXCLUDED
            if draft.is_withdrawn:
                gone.append(row)
        await uow.records.add(rows_new)
        await uow.records.replace(rows_changed)
        await self._offer_attachments(uow, files)
        await self._withdraw(uow, gone)
        counts.quarantined = await self._set_aside(uow)
        await self._note_unknown(uow)
        counts.new, counts.changed = len(rows_new), len(rows_changed)
        uow.feed.append(self._changes, at=self.at)
        return counts

    async def _known_now(self, uow: UnitOfWork) -> dict[RecordKey, KnownRecord]:
        """Read changed records again: a person may have decided since the page was read."""
        changed = [draft.record.key for draft in self.work.drafts if draft.known]
        return await uow.records.known(self.key, changed) if changed else {}

    async def _claim_files(
        self, uow: UnitOfWork, known: dict[RecordKey, KnownRecord]
    ) -> dict[str, str]:
        refs: dict[str, ClaimFileRef] = {}
        for draft in self.work.drafts:
            record = draft.record
            claim = record.claim
            if claim is None or not self._is_kept(record, known):
                continue
            earlier = refs.get(claim.partner_ref)
            ref = ClaimFileRef(
                claim=claim, data=self.connector.claim_data(record), at=record.status_changed_at
            )
            refs[claim.partner_ref] = _joined(earlier, ref) if earlier else ref
        if not refs:
            return {}
        files = await uow.claim_files.ensure(self.key, list(refs.values()), at=self.at)
        for partner_ref, (id_, is_new) in files.items():
            if is_new is not None:
                self._note_claim_file(id_, partner_ref, is_new=is_new)
        return {partner_ref: id_ for partner_ref, (id_, _) in files.items()}

    def _is_kept(self, record: Record, known: dict[RecordKey, KnownRecord]) -> bool:
        decision = _decide(record, known.get(record.key), self.settings)
        return decision.state is not IntakeState.EXCLUDED

    def _row(self, draft: Draft, known: KnownRecord | None, files: dict[str, str]) -> RecordWrite:
        record = draft.record
        decision = _decide(record, known, self.settings)
        is_excluded = decision.state is IntakeState.EXCLUDED
        if is_excluded and record.lines:
            record = replace(record, lines=())
        claim_file = files.get(record.claim.partner_ref) if record.claim else None
        return RecordWrite(
            id=known.id if known else self.ids.new(),
            link=self.key,
            record=record,
            body=encode_record(record),
            version=_version(record, known),
            decision=decision,
            person_state=_person_state(known, decision),
            decided_at=self.at,
            received_at=self.at,
            claim_file_id=claim_file or (known.claim_file_id if known else None),
        )

    def _note_record(self, row: RecordWrite, *, is_new: bool) -> None:
        type_ = ChangeType.RECORD_CREATED if is_new else ChangeType.RECORD_UPDATED
        self._note(type_, SubjectType.RECORD, row.id, record_data(row))

    def _note_claim_file(self, id_: str, partner_ref: str, *, is_new: bool) -> None:
        type_ = ChangeType.CLAIM_FILE_CREATED if is_new else ChangeType.CLAIM_FILE_UPDATED
        self._note(type_, SubjectType.CLAIM_FILE, id_, {"state": None, "partner_ref": partner_ref})

    def _note(
        self, type_: ChangeType, subject_type: SubjectType, id_: str, data: dict[str, Any]
    ) -> None:
        change = Change(
            type=type_,
            repairer=self.key.repairer,
            connector=self.key.connector,
            subject_type=subject_type,
            subject_id=id_,
            data=data,
        )
        self._changes.append(change)

    async def _offer_attachments(self, uow: UnitOfWork, files: dict[str, str]) -> None:
        offers = [
            (self.ids.new(), attachment, _file_of(draft.record, files))
            for draft in self.work.drafts
            for attachment in draft.attachments
        ]
        if offers:
            await uow.attachments.offer(self.key, offers, at=self.at)

    async def _withdraw(self, uow: UnitOfWork, gone: list[RecordWrite]) -> None:
        ids = {row.id: record_data(row) for row in gone}
        if self.work.withdrawn:
            known = await uow.records.known(self.key, self.work.withdrawn)
            for key, record in known.items():
                if not record.withdrawn:
                    ids[record.id] = {"kind": key.kind, "partner_ref": key.partner_ref}
        if ids:
            await uow.records.withdraw(ids.keys())
        for id_, data in ids.items():
            self._note(ChangeType.RECORD_WITHDRAWN, SubjectType.RECORD, id_, data)

    async def _set_aside(self, uow: UnitOfWork) -> int:
        good = [draft.record.key for draft in self.work.drafts]
        if good:
            await uow.quarantine.resolve(self.key, good, self.at)
        if not self.work.unreadable:
            return 0
        added = await uow.quarantine.add([self._item(bad) for bad in self.work.unreadable])
        for item in added:
            data = {"kind": item.kind, "partner_ref": item.partner_ref, "reason": item.reason}
            self._note(ChangeType.QUARANTINE_ADDED, SubjectType.QUARANTINE, item.id, data)
        return len(added)

    def _item(self, bad: Unreadable) -> QuarantinedItem:
        return QuarantinedItem(
            id=self.ids.new(),
            link=self.key,
            kind=bad.kind,
            partner_ref=bad.partner_ref,
            reason=bad.reason,
            raw=bad.raw,
            at=self.at,
            resolved_at=None,
        )

    async def _note_unknown(self, uow: UnitOfWork) -> None:
        items = [(item.type, item.partner_ref, item.raw) for item in self.work.page.unknown]
        if items:
            await uow.quarantine.note_unknown(self.key, items, at=self.at)


def record_data(row: RecordWrite) -> dict[str, Any]:
    """Give what the feed says of a record."""
    return {
        "kind": row.record.kind,
        "status": row.record.status,
        "version": row.version,
        "intake": row.decision.state,
        "partner_ref": row.record.partner_ref,
    }


def _joined(one: ClaimFileRef, other: ClaimFileRef) -> ClaimFileRef:
    """Join what two records of a page say of one claim file; the newer one wins."""
    older, newer = sorted((one, other), key=lambda ref: ref.at)
    claim = replace(
        newer.claim,
        reference=newer.claim.reference or older.claim.reference,
        claim_number=newer.claim.claim_number or older.claim.claim_number,
        claim_type=newer.claim.claim_type or older.claim.claim_type,
    )
    return ClaimFileRef(claim=claim, data=merge(older.data, newer.data), at=newer.at)


def _file_of(record: Record, files: dict[str, str]) -> str | None:
    return files.get(record.claim.partner_ref) if record.claim else None


def _version(record: Record, known: KnownRecord | None) -> int:
    if record.version is not None:
        return record.version
    return known.version + 1 if known else 1


def _person_state(known: KnownRecord | None, decision: Decision) -> IntakeState | None:
    """Keep what a person decided, until a status event puts a dismissed record back in the queue."""
    if known is None or decision.rule == intake.STATUS_EVENT_RULE:
        return None
    return known.standing.person_state
