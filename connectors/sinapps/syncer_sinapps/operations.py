"""What can be sent, and what is refused before it leaves: payloads, order, roles, the matrix."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from syncer.sdk import (
    Delivery,
    FieldError,
    FileRule,
    InvalidError,
    Kind,
    LostAnswer,
    Operation,
    Payload,
    TransitionRefusedError,
)
from syncer_sinapps import lifecycle, matrix, wire
from syncer_sinapps.settings import SinappsSettings

_LONGEST_MESSAGE = 4_000
_LARGEST_FILE_BYTES = 50 * 1024 * 1024
_MINUTE = "%Y-%m-%dT%H:%M"

Text = Annotated[str, Field(min_length=1, max_length=_LONGEST_MESSAGE)]
Word = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]
Service = Annotated[
    str | None,
    Field(max_length=200, description="The service's id; needed when there is more than one."),
]
Moment = Annotated[
    str,
    Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$", description="Local time of the site."),
]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class MoneyPayload(BaseModel):
    """An amount in euros, to the cent."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    amount: Annotated[str, Field(pattern=r"^[0-9]{1,10}(\.[0-9]{1,2})?$")]
    currency: Literal["EUR"]

    @property
    def value(self) -> Decimal:
        """The amount, to two places."""
        return Decimal(self.amount).quantize(Decimal("0.01"))


class ServicePayload(Payload):
    """What concerns one service of the mission."""

    service: Service = None


class AppointmentPayload(ServicePayload):
    """An appointment at the insured's; with ``end`` equal to ``start`` at a fixed time."""

    start: Moment
    end: Moment
    kind: Literal["site", "video", "phone"]


class AppointmentChangePayload(ServicePayload):
    """Another time for the last appointment; ``reason`` is the partner's code."""

    start: Moment
    end: Moment
    reason: Word
    reference: Word


class WorksDatePayload(ServicePayload):
    """The day on which the works begin."""

    date: Day


class DocumentPayload(Payload):
    """Files for the mission."""

    type: Word | None = None


class QuotePayload(ServicePayload):
    """A quote, and who is to validate it."""

    net: MoneyPayload
    gross: MoneyPayload
    validation: Literal["none", "insurer", "surveyor", "centre"]


class QuoteDecisionPayload(ServicePayload):
    """What the management centre decides on a quote; a refusal has a reason."""

    decision: Literal["approve", "refuse"]
    reason: Text | None = None


class QuoteReceivedPayload(ServicePayload):
    """A craftsman's quote that reached the management centre outside of the platform."""

    number: Word
    net: MoneyPayload
    gross: MoneyPayload


class QuoteRefusedOutsidePayload(ServicePayload):
    """A craftsman's quote that was sent back to him."""

    number: Word
    reason: Text


class InvoicePayload(ServicePayload):
    """An invoice."""

    number: Word
    net: MoneyPayload
    gross: MoneyPayload


class SolicitationPayload(Payload):
    """A question to another actor."""

    to: Literal["insured", "insurer", "surveyor", "centre"]
    type: Literal["clarification", "comment", "document_request", "correction", "new_intervention"]
    message: Text


class SolicitationReplyPayload(Payload):
    """The answer to a solicitation; ``solicitation`` is its record."""

    solicitation: Word
    message: Text


class CommentPayload(Payload):
    """A comment on the mission."""

    message: Text


class EndOfWorkPayload(ServicePayload):
    """The wish to end a service; ``reason`` is the partner's code."""

    reason: Word
    comment: Text


class DifficultyPayload(Payload):
    """What holds the mission up; ``reason`` and ``stage`` are the partner's codes."""

    reason: Word
    stage: Word
    resume_on: Day
    comment: Text


class ActorFields(BaseModel):
    """What changes of an actor, with the partner's names for phones and address."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    email: Annotated[str, Field(max_length=254)] | None = None
    phones: dict[Literal["telPortable", "telPersonnel", "telProfessionnel", "fax"], str] | None = (
        None
    )
    address: (
        dict[
            Literal[
                "adresse1",
                "adresse2",
                "adresse3",
                "adresse4",
                "codePostal",
                "localite",
                "codePays",
                "nomPays",
            ],
            str,
        ]
        | None
    ) = None


class ActorChangePayload(Payload):
    """Other contact details of an actor; ``actor`` is the partner's id of it."""

    actor: Word
    fields: ActorFields


def _operation(name: str, title: str, payload: type[Payload], **more: Any) -> Operation:
    return Operation(name=name, title=title, payload=payload, lost_answer=LostAnswer.LOOKUP, **more)


_ONE_FILE = FileRule(least=1, most=1, most_bytes=_LARGEST_FILE_BYTES)
_FILES = FileRule(least=1, most=20, most_bytes=_LARGEST_FILE_BYTES)
_MAYBE_FILES = FileRule(most=20, most_bytes=_LARGEST_FILE_BYTES)

OPERATIONS: Sequence[Operation] = (
    _operation("appointment", "Take an appointment", AppointmentPayload, dry_run=True),
    _operation(
        "appointment_change",
        "Change the last appointment",
        AppointmentChangePayload,
        dry_run=True,
        depends_on=frozenset({"appointment"}),
    ),
    _operation(
        "works_date",
        "Plan the works",
        WorksDatePayload,
        dry_run=True,
        depends_on=frozenset({"quote", "quote_decision"}),
    ),
    _operation("document", "Add documents", DocumentPayload, files=_FILES),
    _operation(
        "quote",
        "Deposit a quote",
        QuotePayload,
        files=_ONE_FILE,
        depends_on=frozenset({"appointment", "quote_received"}),
    ),
    _operation(
        "quote_decision",
        "Decide on a quote",
        QuoteDecisionPayload,
        dry_run=True,
        depends_on=frozenset({"quote"}),
    ),
    _operation("quote_received", "Note a received quote", QuoteReceivedPayload, is_local=True),
    _operation(
        "quote_refused_outside",
        "Note a quote that was sent back",
        QuoteRefusedOutsidePayload,
        is_local=True,
        depends_on=frozenset({"quote_received"}),
    ),
    _operation(
        "invoice",
        "Deposit an invoice",
        InvoicePayload,
        files=_ONE_FILE,
        depends_on=frozenset({"works_date"}),
    ),
    _operation("solicitation", "Ask another actor", SolicitationPayload, dry_run=True),
    _operation(
        "solicitation_reply",
        "Answer a solicitation",
        SolicitationReplyPayload,
        files=_MAYBE_FILES,
        records={"solicitation": Kind.SOLICITATION},
    ),
    _operation("comment", "Add a comment", CommentPayload, dry_run=True),
    _operation("end_of_work", "Ask for the end of a service", EndOfWorkPayload, dry_run=True),
    _operation("difficulty", "Report a difficulty", DifficultyPayload, dry_run=True),
    _operation("actor_change", "Change an actor", ActorChangePayload, dry_run=True),
)


def validate(delivery: Delivery[Any], settings: SinappsSettings) -> None:
    """Check a delivery before it is accepted.

    Raises:
        InvalidError: a field is missing or bad, or the matrix does not allow the question.
        TransitionRefusedError: the mission, or its service, is not that far.
    """
    faults = [*_service_faults(delivery), *_faults(delivery, settings)]
    if faults:
        raise InvalidError("The delivery cannot leave as it is.", faults)
    file = delivery.claim_file
    if file is None:
        return
    status = (file.partner_data.get("mission") or {}).get("status")
    is_appointment = delivery.operation.name in {"appointment", "appointment_change"}
    if is_appointment and status in wire.NO_APPOINTMENT_STATUSES:
        raise TransitionRefusedError(f"The mission is {status}: no appointment can be made.")
    service = getattr(delivery.payload, "service", None)
    is_centre = settings.emitter == wire.CENTRE
    reason = lifecycle.why_not(delivery.operation.name, file.standing, service, is_centre=is_centre)
    if reason:
        raise TransitionRefusedError(reason)


def _service_faults(delivery: Delivery[Any]) -> list[FieldError]:
    if not isinstance(delivery.payload, ServicePayload) or delivery.claim_file is None:
        return []
    known = service_ids(delivery)
    given = delivery.payload.service
    if given is None and len(known) > 1:
        text = f"is needed: the mission has the services {', '.join(known)}"
    elif given is not None and known and given not in known:
        text = f"is no service of the mission; it has {', '.join(known)}"
    else:
        return []
    return [FieldError(pointer="/payload/service", message=text)]


def service_ids(delivery: Delivery[Any]) -> list[str]:
    """Give the ids of the mission's services, as the claim file knows them."""
    file = delivery.claim_file
    listed = (file.partner_data.get("services") or ()) if file else ()
    return [service["id"] for service in listed if service.get("id")]


def service_of(delivery: Delivery[Any]) -> str | None:
    """Give the service that a delivery is for; the only one when none is named."""
    named = getattr(delivery.payload, "service", None)
    known = service_ids(delivery)
    return named or (known[0] if len(known) == 1 else None)


def _faults(delivery: Delivery[Any], settings: SinappsSettings) -> list[FieldError]:
    payload = delivery.payload
    match payload:
        case AppointmentPayload() | AppointmentChangePayload():
            return _window_faults(payload.start, payload.end, _loss_day(delivery))
        case WorksDatePayload():
            return _day_faults(payload.date, "/payload/date")
        case DifficultyPayload():
            return _day_faults(payload.resume_on, "/payload/resume_on")
        case QuotePayload() | QuoteReceivedPayload() | InvoicePayload():
            is_bad, at = payload.gross.value < payload.net.value, "/payload/gross"
            return [FieldError(pointer=at, message="is less than net")] if is_bad else []
        case QuoteDecisionPayload():
            is_bad, at = payload.decision == "refuse" and not payload.reason, "/payload/reason"
            return [FieldError(pointer=at, message="is needed to refuse")] if is_bad else []
        case SolicitationPayload():
            refused = matrix.why_not(settings.emitter, payload.to, payload.type)
            return [FieldError(pointer=refused[0], message=refused[1])] if refused else []
        case ActorChangePayload():
            return _actor_faults(payload.fields)
    return []


def _actor_faults(fields: ActorFields) -> list[FieldError]:
    if fields.email is None and not fields.phones and not fields.address:
        return [FieldError(pointer="/payload/fields", message="name at least one field")]
    return []


def _loss_day(delivery: Delivery[Any]) -> str | None:
    loss = delivery.claim_file.partner_data.get("loss") if delivery.claim_file else None
    return loss.get("date") if loss else None


def _window_faults(start: str, end: str, loss_day: str | None) -> list[FieldError]:
    moments = []
    for pointer, text in (("/payload/start", start), ("/payload/end", end)):
        try:
            moments.append(datetime.strptime(text, _MINUTE))  # noqa: DTZ007  local, by contract
        except ValueError:
            return [FieldError(pointer=pointer, message="is no date and time")]
    begins, ends = moments
    if begins.date() != ends.date():
        return [FieldError(pointer="/payload/end", message="must be on the same day as start")]
    if not begins <= ends <= begins + wire.LONGEST_WINDOW:
        text = "must be at most two hours after start, and not before it"
        return [FieldError(pointer="/payload/end", message=text)]
    if loss_day and begins.date() < date.fromisoformat(loss_day):
        return [FieldError(pointer="/payload/start", message=f"is before the loss ({loss_day})")]
    return []


def _day_faults(text: str, pointer: str) -> list[FieldError]:
    try:
        date.fromisoformat(text)
    except (ValueError, InvalidOperation):
        return [FieldError(pointer=pointer, message="is no date")]
    return []
