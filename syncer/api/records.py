"""Routes of records: list, one, history, decisions, the planning system's mark."""

from __future__ import annotations

from pydantic import Field

from syncer.api.record_shapes import BulkShape, HistoryShape, RecordShape, TakenOver
from syncer.domain.intake import IntakeState
from syncer.domain.records import Kind
from syncer.domain.stored import RecordFilter
from syncer.services.intake import Action, BulkOutcome
from syncer.web import (
    Answer,
    BodyModel,
    Call,
    CommaList,
    PageQuery,
    QueryModel,
    Slug,
    listing,
    paged,
    read_timed_cursor,
    route,
    write_timed_cursor,
)

_TAG = "records"


class RecordFilters(QueryModel):
    """Filters of the records' list; all that are given must hold."""

    kind: CommaList[Kind] | None = None
    repairer: CommaList[Slug] | None = None
    connector: CommaList[Slug] | None = None
    intake: CommaList[IntakeState] | None = Field(
        None, description="Absent: excluded and dismissed ones are left out."
    )
    taken_over: TakenOver | None = Field(
        None, description="`outdated`: taken over in an earlier version than the present one."
    )
    status: CommaList[str] | None = None
    number: str | None = None
    plate: str | None = None
    name: str | None = Field(None, description="Of the insured, the insurer or the surveyor.")
    make: str | None = None
    model: str | None = None
    site: str | None = Field(None, description="Id or name of the site.")
    smart_expertise: bool | None = None
    q: str | None = Field(None, description="Any of number, plate, name, claim number.")
    missing_documents: bool | None = Field(
        None, description="Only those that miss, or do not miss, expected documents."
    )

    def wanted(self) -> RecordFilter:
        """Give the filter as the services take it; empty texts filter nothing."""
        return RecordFilter(
            kinds=_values(self.kind),
            repairers=self.repairer,
            connectors=self.connector,
            intake=_values(self.intake),
            statuses=self.status,
            taken_over=self.taken_over,
            smart_expertise=self.smart_expertise,
            number=self.number or None,
            plate=self.plate or None,
            name=self.name or None,
            make=self.make or None,
            model=self.model or None,
            site=self.site or None,
            q=self.q or None,
            missing_documents=self.missing_documents,
        )


class RecordsQuery(PageQuery, RecordFilters):
    """Parameters of the records' list."""


class BulkBody(BodyModel):
    """A bulk action on all records that the filter finds."""

    action: Action
    filter: RecordFilters = Field(
        description="List parameters; at least one.", json_schema_extra={"minProperties": 1}
    )


@route(
    "GET",
    "/v1/records",
    summary="List records, newest status change first",
    tag=_TAG,
    query=RecordsQuery,
    answers={200: listing(RecordShape)},
)
async def list_records(call: Call[RecordsQuery, None]) -> Answer:
    """List records."""
    found = await call.services.records.find(
        call.query.wanted(), after=read_timed_cursor(call.query.after), limit=call.query.limit
    )
    following = write_timed_cursor(*found.last) if found.last else None
    return Answer(200, paged(found.items, following, found.total))


@route(
    "GET",
    "/v1/records/{id}",
    summary="Read a record",
    tag=_TAG,
    answers={200: RecordShape},
    refusals=(404,),
)
async def get_record(call: Call[None, None]) -> Answer:
    """Read a record."""
    return Answer(200, await call.services.records.one(call.path["id"]))


@route(
    "GET",
    "/v1/records/{id}/history",
    summary="Read the versions of a record, newest first",
    tag=_TAG,
    answers={200: HistoryShape},
    refusals=(404,),
)
async def get_history(call: Call[None, None]) -> Answer:
    """Read a record's versions."""
    return Answer(200, await call.services.records.history(call.path["id"]))


@route(
    "POST",
    "/v1/records/{id}/accept",
    summary="Accept a record",
    tag=_TAG,
    answers={200: RecordShape},
    refusals=(404, 409, 412),
    conditional=True,
)
async def accept_record(call: Call[None, None]) -> Answer:
    """Accept a record."""
    record = await call.services.intake.accept(call.path["id"], unless_stale=call.if_match)
    return Answer(200, record)


@route(
    "POST",
    "/v1/records/{id}/dismiss",
    summary="Dismiss a record",
    tag=_TAG,
    answers={200: RecordShape},
    refusals=(404, 409, 412),
    conditional=True,
)
async def dismiss_record(call: Call[None, None]) -> Answer:
    """Dismiss a record."""
    record = await call.services.intake.dismiss(call.path["id"], unless_stale=call.if_match)
    return Answer(200, record)


@route(
    "POST",
    "/v1/records/{id}/taken-over",
    summary="Mark the present version of an accepted record as taken over",
    tag=_TAG,
    answers={200: RecordShape},
    refusals=(404, 409, 412),
    conditional=True,
)
async def take_over_record(call: Call[None, None]) -> Answer:
    """Mark a record as taken over."""
    record = await call.services.intake.take_over(call.path["id"], unless_stale=call.if_match)
    return Answer(200, record)


@route(
    "POST",
    "/v1/records/bulk",
    summary="Accept, dismiss or mark as taken over all records that a filter finds",
    tag=_TAG,
    body=BulkBody,
    answers={200: BulkShape},
    keyed=True,
)
async def act_in_bulk(call: Call[None, BulkBody]) -> Answer:
    """Do the same with many records."""
    done = await call.services.intake.bulk(call.body.action, call.body.filter.wanted())
    return Answer(200, _bulk_view(done))


def _bulk_view(done: BulkOutcome) -> dict[str, int]:
    return {"matched": done.matched, "changed": done.changed, "skipped": done.skipped}


def _values(members: tuple[Kind, ...] | tuple[IntakeState, ...] | None) -> tuple[str, ...] | None:
    return None if members is None else tuple(member.value for member in members)
