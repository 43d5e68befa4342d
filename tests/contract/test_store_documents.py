"""Documents, rule sets and counts on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from syncer.domain.completeness import (
    By,
    Counts,
    ExpectedDocument,
    Mark,
    MarkState,
    RuleSet,
    RulesOrigin,
)
from syncer.domain.documents import Document
from syncer.domain.records import ClaimRef
from syncer.domain.stored import AttachmentState, ClaimFileFilter, ClaimFileRef, RecordFilter
from syncer.store import SqlStore
from tests.contract.samples import (
    IDS,
    LINK,
    NOW,
    add_records,
    ask,
    attachment,
    record,
    record_write,
)

SHA = "ab" * 32
OTHER_SHA = "cd" * 32
LATER = NOW + timedelta(hours=1)


async def make_file(store: SqlStore, ref: str = "C-1") -> str:
    named = ClaimFileRef(claim=ClaimRef(partner_ref=ref), at=NOW)
    made = await store.write(lambda unit: unit.claim_files.ensure(LINK, [named], at=NOW))
    return made[ref][0]


def document(claim_file_id: str, **fields: Any) -> Document:
    given: dict[str, Any] = {"id": IDS.new(), "type": "mandate", "sha256": SHA, **fields}
    return Document(
        claim_file_id=claim_file_id,
        name="a.pdf",
        content_type="application/pdf",
        bytes=7,
        at=NOW,
        **given,
    )


async def add(store: SqlStore, one: Document) -> None:
    await store.write(lambda unit: unit.documents.add(one))


async def say(store: SqlStore, file_id: str, mark: Mark) -> None:
    await store.write(lambda unit: unit.completeness.mark(file_id, mark))


async def listed(store: SqlStore, *, missing: bool) -> tuple[set[str], set[str]]:
    """Give the claim files and records that a filter finds; checks that the totals are exact."""
    files = ClaimFileFilter(missing_documents=missing)
    records = RecordFilter(missing_documents=missing)
    async with store.read() as unit:
        found = {one.id for one in await unit.claim_files.find(files, after=None, limit=9)}
        assert await unit.claim_files.count(files) == len(found)
        rows = {one.id for one in await unit.records.find(records, after=None, limit=9)}
        assert await unit.records.count(records) == len(rows)
    return found, rows


async def test_documents_are_kept_changed_and_removed(store: SqlStore) -> None:
    file_id, other_id = await make_file(store), await make_file(store, "C-2")
    first = document(file_id)
    second = document(file_id, type="other", sha256=OTHER_SHA)
    await add(store, first)
    await add(store, second)
    changed = replace(second, type="quote", name="b.pdf", bytes=9)

    await store.write(lambda unit: unit.documents.save(changed))
    await store.write(lambda unit: unit.documents.remove(first.id))

    found = await ask(store, lambda unit: unit.documents.of_claim_files([file_id, other_id]))
    assert found == {file_id: [changed], other_id: []}
    assert await ask(store, lambda unit: unit.documents.get(first.id)) is None
    assert await ask(store, lambda unit: unit.documents.alike(file_id, OTHER_SHA)) == [changed]
    used = await ask(store, lambda unit: unit.documents.referenced([SHA, OTHER_SHA]))
    assert used == {OTHER_SHA}


async def test_a_content_is_there_once_for_each_type(store: SqlStore) -> None:
    file_id = await make_file(store)
    await store.write(lambda unit: unit.documents.add(document(file_id)))

    with pytest.raises(IntegrityError):
        await store.write(lambda unit: unit.documents.add(document(file_id)))

    await store.write(lambda unit: unit.documents.add(document(file_id, type="quote")))


async def stored_attachment(store: SqlStore, file_id: str, sha256: str = SHA) -> str:
    owner = record(claim=ClaimRef(partner_ref="C-1"))
    await add_records(store, record_write(owner, claim_file_id=file_id))
    photo = attachment("P-1", name="../front.jpg")
    id_ = IDS.new()
    offered = [(id_, photo, file_id)]
    await store.write(lambda unit: unit.attachments.offer(LINK, offered, at=NOW))
    await fetch(store, id_, sha256)
    return id_


async def fetch(store: SqlStore, id_: str, sha256: str) -> None:
    await store.write(
        lambda unit: unit.attachments.stored(
            id_, sha256=sha256, bytes_=7, content_type="image/jpeg", at=NOW
        )
    )


async def test_a_stored_attachment_can_become_a_document_of_its_claim_file(
    store: SqlStore,
) -> None:
    file_id, other_id = await make_file(store), await make_file(store, "C-2")
    id_ = await stored_attachment(store, file_id)

    found = await ask(store, lambda unit: unit.documents.attachment(file_id, id_))
    elsewhere = await ask(store, lambda unit: unit.documents.attachment(other_id, id_))

    assert found is not None
    assert (found.id, found.type, found.name, found.sha256) == (id_, "photo", "front.jpg", SHA)
    assert elsewhere is None


async def test_a_classified_attachment_shows_its_type_and_follows_its_content(
    store: SqlStore,
) -> None:
    file_id = await make_file(store)
    id_ = await stored_attachment(store, file_id)
    found = await ask(store, lambda unit: unit.documents.attachment(file_id, id_))
    assert found is not None
    await store.write(lambda unit: unit.documents.add(replace(found, type="foto")))

    await fetch(store, id_, OTHER_SHA)

    shown = await ask(store, lambda unit: unit.attachments.get(id_))
    assert shown is not None
    assert (shown.state, shown.document_type) == (AttachmentState.STORED, "foto")
    now = await ask(store, lambda unit: unit.documents.get(id_))
    assert now is not None
    assert now.sha256 == OTHER_SHA
    sendable = await ask(store, lambda unit: unit.documents.sendable(file_id, [id_, "no"]))
    assert sendable == {id_: now}


async def test_an_attachment_whose_new_content_is_there_already_is_no_document_any_more(
    store: SqlStore,
) -> None:
    file_id = await make_file(store)
    id_ = await stored_attachment(store, file_id)
    found = await ask(store, lambda unit: unit.documents.attachment(file_id, id_))
    assert found is not None
    await store.write(lambda unit: unit.documents.add(found))
    twin = document(file_id, type="photo", sha256=OTHER_SHA)
    await add(store, twin)

    await fetch(store, id_, OTHER_SHA)

    left = await ask(store, lambda unit: unit.documents.of_claim_files([file_id]))
    assert left == {file_id: [twin]}


async def test_rule_sets_are_put_found_and_removed(store: SqlStore) -> None:
    expected = ExpectedDocument(
        id="kbis", label="Registre « K-bis »", required=False, optional_for=("private",)
    )
    rules = RuleSet(connector="claims360", documents=(expected,), origin=RulesOrigin.FILE)
    any_ = RuleSet(connector="*", claim_type="motor", documents=())

    assert await store.write(lambda unit: unit.document_rules.put(rules)) is True
    assert await store.write(lambda unit: unit.document_rules.put(rules)) is False
    await store.write(lambda unit: unit.document_rules.put(any_))

    assert await ask(store, lambda unit: unit.document_rules.all()) == [any_, rules]
    found = await ask(store, lambda unit: unit.document_rules.of_connectors(["claims360"]))
    assert found == {("claims360", "*"): rules, ("*", "motor"): any_}
    await store.write(lambda unit: unit.document_rules.remove("claims360", "*"))
    assert await ask(store, lambda unit: unit.document_rules.get("claims360", "*")) is None


async def test_what_is_said_of_a_document_is_kept_by_who_says_it(store: SqlStore) -> None:
    file_id = await make_file(store)
    person = Mark(type="a", by=By.PERSON, state=MarkState.WAIVED, reason="not needed", at=NOW)
    partner = Mark(type="a", by=By.PARTNER, state=MarkState.REJECTED, reason=None, at=NOW)
    for mark in (person, partner, replace(person, reason="lost", at=LATER)):
        await say(store, file_id, mark)

    found = await ask(store, lambda unit: unit.completeness.marks([file_id]))

    assert found == {file_id: [partner, replace(person, reason="lost", at=LATER)]}
    assert await store.write(lambda unit: unit.completeness.unmark(file_id, "a", By.PERSON))
    assert not await store.write(lambda unit: unit.completeness.unmark(file_id, "a", By.PERSON))
    assert await ask(store, lambda unit: unit.completeness.marks([file_id])) == {file_id: [partner]}


async def test_counts_decide_what_the_filters_find(store: SqlStore) -> None:
    missing, complete, plain = [await make_file(store, ref) for ref in ("C-1", "C-2", "C-3")]
    counts = {missing: Counts(1, 2, 3), complete: Counts(3, 0, 0)}
    await store.write(lambda unit: unit.completeness.save_counts(counts, at=NOW))
    rows = [
        record_write(record(f"Q-{id_}"), claim_file_id=id_)
        for id_ in (missing, complete, plain, None)
    ]
    await add_records(store, *rows)

    assert await ask(store, lambda unit: unit.completeness.counts([missing, plain])) == {
        missing: Counts(1, 2, 3)
    }
    others = {row.id for row in rows[1:]}
    assert await listed(store, missing=True) == ({missing}, {rows[0].id})
    assert await listed(store, missing=False) == ({complete, plain}, others)


async def test_documents_and_what_is_said_of_them_go_along_when_files_are_joined(
    store: SqlStore,
) -> None:
    ours, theirs = await make_file(store), await make_file(store, "C-2")
    for one in (document(ours), document(theirs), document(theirs, type="quote")):
        await add(store, one)
    waived = Mark(type="a", by=By.PERSON, state=MarkState.WAIVED, reason="ours", at=NOW)
    for file_id, mark in (
        (ours, waived),
        (theirs, replace(waived, reason="theirs")),
        (theirs, replace(waived, by=By.PARTNER)),
    ):
        await say(store, file_id, mark)
    counts = {theirs: Counts(0, 1, 0)}
    await store.write(lambda unit: unit.completeness.save_counts(counts, at=NOW))

    joined = await store.write(lambda unit: unit.claim_files.name(ours, "C-2", at=NOW))

    assert joined == theirs
    found = (await ask(store, lambda unit: unit.documents.of_claim_files([ours])))[ours]
    assert sorted(one.type for one in found) == ["mandate", "quote"]
    marks = (await ask(store, lambda unit: unit.completeness.marks([ours])))[ours]
    assert {(one.by, one.reason) for one in marks} == {
        (By.PERSON, "ours"),
        (By.PARTNER, "ours"),
    }
    assert await ask(store, lambda unit: unit.completeness.counts([ours, theirs])) == {}
