"""ASSUR3D: what is expected and how it stands comes in; documents and waivers go out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Annotated, Any

import msgspec
from pydantic import Field

from syncer.sdk import (
    Connector,
    Credentials,
    CredentialsRejectedError,
    Delivery,
    ExpectedDocument,
    FieldError,
    FileRule,
    InvalidError,
    Link,
    LostAnswer,
    MarkState,
    Operation,
    Page,
    Part,
    PartnerLimits,
    Payload,
    PayloadError,
    Piece,
    Receipt,
    Secret,
    Settings,
    Unreadable,
    hookimpl,
    path_of,
)
from syncer_assur3d import wire
from syncer_assur3d.cursor import Cursor, partner_time
from syncer_assur3d.mapping import contract_type, read_follow_ups, rule_set, set_aside

__all__ = ["Assur3d", "Assur3dCredentials", "Deposit", "Waiver"]

OK, NOT_MODIFIED, NOT_FOUND = 200, 304, 404
_SENDABLE = re.compile(r"[\x21-\x7e]{1,512}")


class Assur3dCredentials(Credentials):
    """What the platform gives an office."""

    office_id: str = Field(
        min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$", title="Office id"
    )
    api_token: Annotated[Secret, Field(min_length=1, max_length=1024)] = Field(title="API token")


class Deposit(Payload):
    """Which expected document the file is."""

    document_type: str = Field(min_length=1, max_length=100)


class Waiver(Payload):
    """Which expected document is not asked for any more, and why."""

    document_type: str = Field(min_length=1, max_length=100)
    reason: str = Field(min_length=1, max_length=1000)


DEPOSIT = Operation(
    name="deposit",
    title="Deposit a document",
    payload=Deposit,
    lost_answer=LostAnswer.KEY,
    files=FileRule(least=1, most=1),
)
WAIVER = Operation(
    name="waiver", title="Waive a document", payload=Waiver, lost_answer=LostAnswer.KEY
)

OurLink = Link[Assur3dCredentials, Settings]


@dataclass(slots=True, kw_only=True)
class _Expected:
    """What is expected by type of contract, as far as it is new."""

    etags: dict[str, str] = field(default_factory=dict)
    rule_sets: dict[str, Sequence[ExpectedDocument]] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)


class Assur3d(Connector[Assur3dCredentials, Settings]):
    """Pulls rule sets and follow-ups; deposits documents and waives them."""

    name = "assur3d"
    title = "ASSUR3D"
    version = "0.1.0"
    wire_format = "profile"
    kinds = frozenset()
    credentials = Assur3dCredentials
    limits = PartnerLimits(source="ASSUR3D profile 1 names none; docs/partners/assur3d.md")
    operations = (DEPOSIT, WAIVER)

    def auth_headers(self, credentials: Assur3dCredentials) -> Mapping[str, str]:
        """Send the token as a bearer token."""
        return {"Authorization": f"Bearer {credentials.api_token.get_secret_value()}"}

    async def check(self, link: OurLink) -> None:
        """Ask for the office; it must be the one that was named."""
        office = link.credentials.office_id
        path = path_of(wire.OFFICE, office)
        answer = await link.http.request("GET", path, accept={OK, NOT_FOUND})
        if answer.status == NOT_FOUND:
            raise CredentialsRejectedError("The platform knows no office of this id.")
        if answer.decode(wire.WireOffice).id != office:
            raise CredentialsRejectedError("The token belongs to another office.")

    async def first_cursor(self, link: OurLink) -> str | None:
        """Start at the start date, else from the beginning: open follow-ups may be old."""
        if link.start_date is None:
            return None
        return Cursor(since=datetime.combine(link.start_date, time(), UTC)).text()

    async def pull(self, link: OurLink, cursor: str | None) -> Page:
        """Read one page of follow-ups; with the first one what is expected, as far as it is new."""
        at = Cursor.parse(cursor)
        expected = _Expected(etags=dict(at.etags))
        if at.is_start:
            expected = await self._expected(link, at.etags)
        path = path_of(wire.FOLLOW_UPS, link.credentials.office_id)
        accept = {200, wire.POSITION_GONE} if at.position is not None else {200}
        answer = await link.http.request("GET", path, query=at.query(), accept=accept)
        if answer.status == wire.POSITION_GONE:
            return Page(next_cursor=at.restarted().text(), has_more=True)
        page = answer.decode(wire.WireFollowUps)
        if len(page.items) > wire.LONGEST_PAGE:
            raise PayloadError(f"holds more than {wire.LONGEST_PAGE}", path="items")
        found = read_follow_ups(page.items)
        now = partner_time(answer.headers.get("date"))
        following = at.after(found.changed, page.next_cursor, now=now, etags=expected.etags)
        return Page(
            claim_updates=found.updates,
            unreadable=[*expected.unreadable, *found.unreadable],
            unknown=found.unknown,
            rule_sets=expected.rule_sets,
            next_cursor=following.text(),
            has_more=page.next_cursor is not None,
        )

    async def _expected(self, link: OurLink, known: Mapping[str, str]) -> _Expected:
        """Ask for the types of contract, and what is expected for each unless it is known."""
        path = path_of(wire.CONTRACT_TYPES, link.credentials.office_id)
        types = (await link.http.request("GET", path)).decode(list[msgspec.Raw])
        if len(types) > wire.MOST_TYPES:
            raise PayloadError(f"holds more than {wire.MOST_TYPES} types", path="contract-types")
        expected, codes = _Expected(), []
        for raw in map(bytes, types):
            try:
                codes.append(contract_type(raw))
            except PayloadError as error:
                expected.unreadable.append(set_aside(raw, error))
        for code in dict.fromkeys(codes):
            await self._expected_for(link, code, known.get(code), expected)
        return expected

    async def _expected_for(
        self, link: OurLink, code: str, etag: str | None, expected: _Expected
    ) -> None:
        """Ask what is expected for one type; it may be gone since the types were listed."""
        answer = await link.http.request(
            "GET",
            path_of(wire.EXPECTED_DOCUMENTS, link.credentials.office_id, code),
            headers={"If-None-Match": etag} if etag else None,
            accept={OK, NOT_FOUND, NOT_MODIFIED} if etag else {OK, NOT_FOUND},
        )
        if answer.status == NOT_MODIFIED and etag is not None:
            expected.etags[code] = etag
        if answer.status != OK:
            return
        try:
            expected.rule_sets[code] = rule_set(answer.body)
        except PayloadError as error:
            expected.unreadable.append(set_aside(answer.body, error, ref=code))
            return
        if _SENDABLE.fullmatch(new := answer.headers.get("etag", "")):
            expected.etags[code] = new

    def validate(self, delivery: Delivery[Any], settings: Settings) -> None:  # noqa: ARG002
        """Refuse what belongs to no follow-up."""
        if delivery.claim_file is None or delivery.claim_file.partner_ref is None:
            message = "is missing: the claim file is no follow-up of the platform yet"
            fault = FieldError(pointer="/claim_file/partner_ref", message=message)
            raise InvalidError("Only follow-ups take documents.", [fault])

    async def deliver(self, link: OurLink, delivery: Delivery[Any]) -> Receipt:
        """Deposit or waive; both may be repeated by the contract."""
        assert delivery.claim_file is not None  # validate saw to it
        follow_up = delivery.claim_file.partner_ref or ""
        office, type_ = link.credentials.office_id, delivery.payload.document_type
        if delivery.operation.name == WAIVER.name:
            path = path_of(wire.WAIVER, office, follow_up, type_)
            body = msgspec.json.encode({"reason": delivery.payload.reason})
            await link.http.request(
                "POST",
                path,
                body=body,
                headers={"Content-Type": "application/json"},
                accept={204},
                repeatable=True,
            )
            waived = Piece(type=type_, state=MarkState.WAIVED, reason=delivery.payload.reason)
            return Receipt(partner_ref=follow_up, pieces=[waived])
        [file] = delivery.files
        answer = await link.http.request(
            "POST",
            path_of(wire.DOCUMENTS, office, follow_up),
            parts=[
                Part(name=wire.PART_TYPE, content=type_.encode()),
                Part(
                    name=wire.PART_FILE,
                    content=file,
                    content_type=file.content_type,
                    filename=file.name,
                ),
            ],
            accept={200, 201},
            repeatable=True,
        )
        if answer.status == OK and not answer.body:  # known there; nothing says that it tells more
            return Receipt(partner_ref=follow_up)
        receipt = answer.decode(wire.WireReceipt)
        if receipt.sha256 != file.sha256:
            raise PayloadError("is not that of the document that was sent", path="sha256")
        raw = {"documentId": receipt.document_id, "sha256": receipt.sha256}
        return Receipt(partner_ref=follow_up, raw=raw)


@hookimpl
def register_connectors(register: Callable[[type[Assur3d]], None]) -> None:
    """Hand the connector to the host."""
    register(Assur3d)
