"""One page of a pass: what in it is news, completed where it is kept, and stored as one write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from syncer.domain.errors import ConnectorFailedError
from syncer.domain.links import LinkKey
from syncer.domain.passes import PassCounts
from syncer.domain.records import Record, RecordKey
from syncer.domain.stored import KnownRecord
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock, Ids
from syncer.ports.store import Store
from syncer.sdk import Archived, ClaimUpdate, Confirmation, Page, Refused
from syncer.services.completing import Draft, claim_file_of, complete_drafts, events_of
from syncer.services.fixed_records import ToldApart, tell_apart
from syncer.services.lifecycles import as_json, check_event
from syncer.services.opening import AnyConnector, AnyLink
from syncer.services.page_write import PageWrite, Policy
from syncer.services.partner_documents import check_pieces, check_rule_sets

KEY_MAX_LENGTH = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class PageStorer:
    """Takes the pages of a link into the store."""

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
        if not _has_items(page):
            return PassCounts()
        policy = Policy.of(link.settings)
        told = await self._told_apart(key, connector, page)
        drafts = await self._news(key, told.records)
        unchanged = len(told.records) - len(drafts)
        kept = [draft for draft in drafts if policy.keeps(draft.record, draft.known)]
        completion = await complete_drafts(connector, link, kept)
        for draft in kept:
            draft.claim_file = claim_file_of(connector, draft.record)
            draft.events = events_of(connector, draft.record)
        failed = {id(draft) for draft, _ in completion.failed}
        write = PageWrite(
            key=key,
            connector=connector,
            policy=policy,
            drafts=[one for one in drafts if id(one) not in failed and not one.is_delayed],
            unreadable=[*page.unreadable, *told.contradicting, *completion.unreadable],
            withdrawn=[*page.withdrawn, *completion.withdrawn],
            unknown=page.unknown,
            claim_updates=page.claim_updates,
            confirmations=told.confirmations,
            quiet=frozenset(page.quiet),
            rule_sets=page.rule_sets,
            ids=self.ids,
            at=self.clock.now(),
        )
        crash_point("page-completed")
        counts = await self.store.write(write.run) if write.has_work else PassCounts()
        said = (page.claim_updates, page.confirmations)
        counts.seen = sum(map(len, (page.records, page.unreadable, page.unknown, *said)))
        counts.unchanged = unchanged
        counts.delayed = completion.delayed
        return counts

    async def _told_apart(self, key: LinkKey, connector: AnyConnector, page: Page) -> ToldApart:
        if not connector.fixed_records:
            return ToldApart(records=page.records, confirmations=page.confirmations)
        async with self.store.read() as uow:
            return await tell_apart(uow, key, connector, page)

    async def _news(self, key: LinkKey, records: Iterable[Record]) -> list[Draft]:
        newest: dict[RecordKey, Record] = {}
        for record in records:
            seen = newest.get(record.key)
            if seen is None or record.status_changed_at >= seen.status_changed_at:
                newest[record.key] = record
        if not newest:
            return []
        async with self.store.read() as uow:
            known = await uow.records.known(key, newest.keys())
        return [
            Draft(record=record, known=known.get(record_key))
            for record_key, record in newest.items()
            if is_news(record, known.get(record_key))
        ]


def _has_items(page: Page) -> bool:
    listed = page.records or page.claim_updates or page.confirmations or page.rule_sets
    return bool(listed or page.unreadable or page.withdrawn or page.unknown)


def is_news(record: Record, known: KnownRecord | None) -> bool:
    """Say whether a listed record is to be imported: new, a later revision, or back again."""
    if known is None or known.withdrawn:
        return True
    return record.revision != known.revision and record.status_changed_at >= known.status_changed_at


def check_page(connector: AnyConnector, page: object) -> None:
    """Refuse what no connector may give.

    Raises:
        ConnectorFailedError: naming what is wrong with the page.
    """
    if not isinstance(page, Page):
        raise ConnectorFailedError(f"pull gave {type(page).__name__} instead of a Page")
    if not isinstance(page.next_cursor, str | None):
        raise ConnectorFailedError("a cursor must be text")
    if page.has_more and not page.next_cursor:
        raise ConnectorFailedError("a page with has_more needs a next_cursor")
    if connector.fixed_records and len(page.originals) != len(page.records):
        raise ConnectorFailedError("a page of fixed records needs the original of each")
    for record in page.records:
        check_record(connector, record)
    for update in page.claim_updates:
        check_claim_update(update)
    if not all(isinstance(file, Archived | Refused) for file in page.files):
        raise ConnectorFailedError("files of a page must be Archived or Refused")
    for said in page.confirmations:
        check_confirmation(said)
    check_rule_sets(page.rule_sets)


def check_confirmation(said: object) -> None:
    """Refuse a confirmation that cannot be taken in.

    Raises:
        ConnectorFailedError: naming the field.
    """
    if not isinstance(said, Confirmation):
        raise ConnectorFailedError(f"a page held {type(said).__name__} instead of a Confirmation")
    texts: list[object] = [said.delivery_id, said.reason or "", said.partner_ref or ""]
    if not all(isinstance(text, str) for text in (*texts, said.revision)):
        raise ConnectorFailedError(
            "delivery_id, reason, partner_ref and revision of a confirmation must be text"
        )
    moment: object = said.at
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ConnectorFailedError("a confirmation's at must be an aware datetime")
    as_json("a confirmation's raw", said.raw)


def check_claim_update(update: object) -> None:
    """Refuse what a partner is said to tell of a claim file and the store could not keep.

    Raises:
        ConnectorFailedError: naming the field.
    """
    if not isinstance(update, ClaimUpdate):
        raise ConnectorFailedError(f"a page held {type(update).__name__} instead of a ClaimUpdate")
    ref: object = update.claim.partner_ref
    if not isinstance(ref, str) or not 0 < len(ref) <= KEY_MAX_LENGTH:
        raise ConnectorFailedError("a claim update's partner_ref must be text that fits a key")
    moment: object = update.at
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ConnectorFailedError("a claim update's at must be an aware datetime")
    as_json("a claim update's data", update.data)
    for event in update.events:
        check_event(event)
    check_pieces(update.pieces or ())


def check_record(connector: AnyConnector, record: object) -> None:
    """Refuse a record that the store could not keep.

    Raises:
        ConnectorFailedError: naming the field.
    """
    if not isinstance(record, Record):
        raise ConnectorFailedError(f"a page held {type(record).__name__} instead of a Record")
    if record.kind not in connector.kinds:
        raise ConnectorFailedError(f"the connector does not declare the kind {record.kind!s}")
    texts: tuple[object, ...] = (record.partner_ref, record.revision, record.status)
    if not all(isinstance(text, str) and text for text in texts):
        raise ConnectorFailedError("partner_ref, revision and status must be text")
    if len(record.partner_ref) > KEY_MAX_LENGTH:
        raise ConnectorFailedError(f"partner_ref is longer than {KEY_MAX_LENGTH} characters")
    moment: object = record.status_changed_at
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ConnectorFailedError("status_changed_at must be an aware datetime")
