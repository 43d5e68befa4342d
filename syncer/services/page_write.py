"""The write of one page: records, history, intake, claim files and their lives, and the feed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncer.domain import intake
from syncer.domain.claim_files import merge
from syncer.domain.feed import Change, ChangeType
from syncer.domain.intake import Decision, ExcludeRule, IntakeState, Queueing
from syncer.domain.links import LinkKey
from syncer.domain.passes import PassCounts
from syncer.domain.records import Record, RecordKey
from syncer.domain.stored import ClaimFileRef, KnownRecord, RecordWrite
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Ids
from syncer.ports.store import UnitOfWork
from syncer.sdk import ClaimUpdate, Confirmation, Settings, UnknownItem, Unreadable
from syncer.services.completeness import recount_some
from syncer.services.completing import Draft
from syncer.services.confirming import confirm
from syncer.services.lifecycles import Happening, JoinedFile, Lived, live_on
from syncer.services.opening import AnyConnector
from syncer.services.partner_documents import RuleSets, take_documents
from syncer.services.record_json import claim_file_change, encode_record, record_change
from syncer.services.setting_aside import note_unknown, set_aside, withdraw


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A link's queueing and exclude settings, read once for a page."""

    queueing: Queueing
    rules: Sequence[ExcludeRule]

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """Read the settings."""
        return cls(queueing=settings.queueing_rule(), rules=settings.exclude_rules())

    def decide(self, record: Record, known: KnownRecord | None) -> Decision:
        """Decide on a new record, or on a new version of a stored one."""
        if known is None:
            return intake.decide_new(record, self.queueing, self.rules)
        return intake.decide_version(record, known.standing, self.queueing, self.rules)

    def keeps(self, record: Record, known: KnownRecord | None) -> bool:
        """Say whether the intake lets the record in, so that it is worth completing."""
        return self.decide(record, known).state is not IntakeState.EXCLUDED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    draft: Draft
    known: KnownRecord | None
    decision: Decision

    @property
    def is_excluded(self) -> bool:
        return self.decision.state is IntakeState.EXCLUDED

    @property
    def is_kept(self) -> bool:
        return not (self.is_excluded or self.draft.is_withdrawn)


@dataclass(frozen=True, slots=True, kw_only=True)
class _NamedFile:
    """A claim file that the page names; ``joined`` None: the page changed nothing in it."""

    id: str
    joined: JoinedFile | None


_Files = dict[str, _NamedFile]
"""By the partner's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWrite:
    """One page as one write; it may be run again from the start."""

    key: LinkKey
    connector: AnyConnector
    policy: Policy
    drafts: Sequence[Draft]
    unreadable: Sequence[Unreadable]
    withdrawn: Sequence[RecordKey]
    unknown: Sequence[UnknownItem]
    claim_updates: Sequence[ClaimUpdate] = ()
    confirmations: Sequence[Confirmation] = ()
    quiet: Collection[RecordKey] = ()
    rule_sets: RuleSets = field(default_factory=dict)
    ids: Ids
    at: datetime

    @property
    def has_work(self) -> bool:
        """Say whether there is anything to write."""
        aside = self.unreadable or self.withdrawn or self.unknown
        said = self.claim_updates or self.confirmations or self.rule_sets
        return bool(self.drafts or aside or said)

    async def run(self, uow: UnitOfWork) -> PassCounts:
        """Store the page; gives what became of its items."""
        decided = await self._decide(uow)
        files = await self._claim_files(uow, decided)
        rows = [self._row(entry, files) for entry in decided]
        new = [row for row, entry in zip(rows, decided, strict=True) if not entry.known]
        changed = [row for row, entry in zip(rows, decided, strict=True) if entry.known]
        await uow.records.add(new)
        await uow.records.replace(changed)
        crash_point("page-half-written")
        lived = await self._live_on(uow, decided, rows, files)
        changes = [one.joined.change(one.id, lived) for one in files.values() if one.joined]
        quiet, loud = self._told_apart(new, changed)
        changes.extend(_change_of(type_, row) for type_, row in loud)
        changes.extend(self._batches(quiet))
        changes.extend(lived.changes)
        updates = [
            (files[one.claim.partner_ref].id, one)
            for one in self.claim_updates
            if one.claim.partner_ref in files
        ]
        told = await take_documents(uow, self.connector, self.rule_sets, updates, at=self.at)
        changes += told.changes
        touched = list({*told.touched, *(one.id for one in files.values() if one.joined)})
        is_told = any(one.pieces is not None for one in self.claim_updates)
        changes += await recount_some(uow, self.key.connector, touched, at=self.at, is_told=is_told)
        await self._offer_attachments(uow, files)
        gone = await withdraw(uow, self.key, self._gone())
        aside = await self._set_aside(uow)
        await note_unknown(uow, self.key, self.unknown, at=self.at)
        uow.feed.append([*changes, *gone, *aside], at=self.at)
        return PassCounts(
            new=len(new),
            changed=len(changed) + len(gone) + len(_moved_alone(rows, touched, lived)),
            queued=sum(row.decision.state is IntakeState.QUEUED for row in rows),
            excluded=sum(row.decision.state is IntakeState.EXCLUDED for row in rows),
            quarantined=len(aside),
        )

    def _told_apart(
        self, new: Sequence[RecordWrite], changed: Sequence[RecordWrite]
    ) -> tuple[list[RecordWrite], list[tuple[ChangeType, RecordWrite]]]:
        """Tell the rows that come as a batch from those that get an entry of their own."""
        typed = [(ChangeType.RECORD_CREATED, row) for row in new]
        typed += [(ChangeType.RECORD_UPDATED, row) for row in changed]
        quiet = [
            row
            for _, row in typed
            if row.record.key in self.quiet and row.claim_file_id is not None
        ]
        return quiet, [(type_, row) for type_, row in typed if row not in quiet]

    def _batches(self, quiet: Sequence[RecordWrite]) -> list[Change]:
        """Tell once for each claim file how many records came quietly."""
        counts = Counter(row.claim_file_id for row in quiet)
        return [
            claim_file_change(ChangeType.DOCUMENTS_UPDATED, self.key, id_, {"count": count})
            for id_, count in counts.items()
            if id_ is not None
        ]

    async def _decide(self, uow: UnitOfWork) -> list[_Decided]:
        """Decide on each draft, on what is known now: a person may have decided meanwhile."""
        stored = [draft.record.key for draft in self.drafts if draft.known]
        known = await uow.records.known(self.key, stored) if stored else {}
        entries = []
        for draft in self.drafts:
            before = known.get(draft.record.key)
            decision = self.policy.decide(draft.record, before)
            entries.append(_Decided(draft=draft, known=before, decision=decision))
        return entries

    async def _claim_files(self, uow: UnitOfWork, decided: Sequence[_Decided]) -> _Files:
        """Make or complete the claim files of kept records and of updates, by partner_ref."""
        refs: dict[str, ClaimFileRef] = {}
        kept = [one.draft.claim_file for one in decided if not one.is_excluded]
        names = {ref.claim.partner_ref for ref in kept if ref is not None}
        updates = [one for one in self.claim_updates if await self._is_meant(uow, one, names)]
        for ref in (*kept, *map(_contribution, updates)):
            if ref is not None:
                earlier = refs.get(ref.claim.partner_ref)
                refs[ref.claim.partner_ref] = _joined(earlier, ref) if earlier else ref
        if not refs:
            return {}
        files = await uow.claim_files.ensure(self.key, list(refs.values()), at=self.at)
        return {
            ref: _NamedFile(
                id=id_,
                joined=None
                if is_new is None
                else JoinedFile(link=self.key, partner_ref=ref, is_new=is_new),
            )
            for ref, (id_, is_new) in files.items()
        }

    async def _is_meant(self, uow: UnitOfWork, update: ClaimUpdate, kept: set[str]) -> bool:
        """Say whether there is a file for an update, or one is to be made."""
        if not update.only_known or update.claim.partner_ref in kept:
            return True
        return await uow.claim_files.named(self.key, update.claim) is not None

    async def _live_on(
        self,
        uow: UnitOfWork,
        decided: Sequence[_Decided],
        rows: Sequence[RecordWrite],
        files: _Files,
    ) -> Lived:
        """Let happen to claim files what kept records, updates and confirmations say."""
        happenings = [
            Happening(claim_file=row.claim_file_id, event=event, record=row.id)
            for entry, row in zip(decided, rows, strict=True)
            if entry.is_kept and row.claim_file_id is not None
            for event in entry.draft.events
        ]
        happenings += [
            Happening(claim_file=files[update.claim.partner_ref].id, event=event)
            for update in self.claim_updates
            for event in update.events
            if update.claim.partner_ref in files
        ]
        happenings += await confirm(uow, self.connector, self.key, self.confirmations, at=self.at)
        named = {file.id for file in files.values()}
        return await live_on(uow, self.connector, happenings, begin=named, at=self.at)

    def _row(self, entry: _Decided, files: _Files) -> RecordWrite:
        record, known = entry.draft.record, entry.known
        if entry.is_excluded and record.lines:
            record = replace(record, lines=())
        keeps_decision = known is not None and entry.decision == known.standing.decision
        return RecordWrite(
            id=known.id if known else self.ids.new(),
            link=self.key,
            record=record,
            body=encode_record(record),
            version=_version(record, known),
            decision=entry.decision,
            person_state=_person_state(known, entry.decision),
            decided_at=known.decided_at if known and keeps_decision else self.at,
            received_at=self.at,
            claim_file_id=_file_of(record, files) or (known.claim_file_id if known else None),
        )

    async def _offer_attachments(self, uow: UnitOfWork, files: _Files) -> None:
        offers = [
            (self.ids.new(), attachment, _file_of(draft.record, files))
            for draft in self.drafts
            for attachment in draft.attachments
        ]
        if offers:
            await uow.attachments.offer(self.key, offers, at=self.at)

    def _gone(self) -> list[RecordKey]:
        return [*self.withdrawn, *(one.record.key for one in self.drafts if one.is_withdrawn)]

    async def _set_aside(self, uow: UnitOfWork) -> list[Change]:
        good = [draft.record.key for draft in self.drafts]
        if good:
            await uow.quarantine.resolve(self.key, good, self.at)
        claims = {update.claim.partner_ref for update in self.claim_updates}
        claims |= self.rule_sets.keys()
        if claims:
            await uow.quarantine.resolve_claims(self.key, claims, self.at)
        return await set_aside(uow, self.key, self.unreadable, ids=self.ids, at=self.at)


def _moved_alone(rows: Sequence[RecordWrite], touched: Collection[str], lived: Lived) -> set[str]:
    """Name the claim files that changed without a record of theirs."""
    changed = {*touched, *(change.subject_id for change in lived.changes)}
    return changed - {row.claim_file_id for row in rows}


def _change_of(type_: ChangeType, row: RecordWrite) -> Change:
    return record_change(
        type_,
        row.link,
        row.id,
        row.record.key,
        status=row.record.status,
        version=row.version,
        intake=row.decision.state,
    )


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


def _contribution(update: ClaimUpdate) -> ClaimFileRef:
    return ClaimFileRef(claim=update.claim, data=update.data, at=update.at)


def _file_of(record: Record, files: _Files) -> str | None:
    file = files.get(record.claim.partner_ref) if record.claim else None
    return file.id if file else None


def _version(record: Record, known: KnownRecord | None) -> int:
    if record.version is not None:
        return record.version
    return known.version + 1 if known else 1


def _person_state(known: KnownRecord | None, decision: Decision) -> IntakeState | None:
    """Keep what a person decided; a dismissal ends when a status event queues the record again."""
    if known is None or decision.rule == intake.STATUS_EVENT_RULE:
        return None
    return known.standing.person_state
