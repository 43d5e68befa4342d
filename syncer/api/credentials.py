"""Routes of a link's credentials: registered once, never shown again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, RootModel

from syncer.api.links import LINK_PATH
from syncer.domain.instants import to_text
from syncer.ports.store import UnitOfWork
from syncer.services.register import Described, Registered
from syncer.web import Answer, AnswerModel, Call, QueryModel, route

_TAG = "credentials"
_PATH = f"{LINK_PATH}/credentials"


class CredentialsQuery(QueryModel):
    """Parameters of the registration."""

    verify: Literal["skip"] | None = Field(
        None, description="`skip` stores the credentials without asking the partner."
    )


class CredentialsBody(RootModel[Any]):
    """Exactly the fields that the connector declares; prefilled ones may be left out."""


class CredentialsShape(AnswerModel):
    """What may be known of a link's credentials."""

    configured: bool
    fields: list[str]
    created_at: datetime | None
    generation: int


@route(
    "PUT",
    _PATH,
    summary="Register the credentials, once",
    tag=_TAG,
    query=CredentialsQuery,
    body=CredentialsBody,
    answers={201: CredentialsShape},
    refusals=(409, 429, 503),
    keyed=True,
    secret=True,
)
async def put_credentials(call: Call[CredentialsQuery, CredentialsBody]) -> Answer:
    """Ask the partner whether they are good, then seal them; a second time is refused."""
    claim, fields = call.idempotency, call.body.root

    async def remember(uow: UnitOfWork, registered: Registered) -> None:
        if claim is not None:
            await claim.remember(uow, Answer(201, credentials_view(registered)))

    registered = await call.services.registration.register(
        call.link,
        fields if isinstance(fields, Mapping) else {},
        verify=call.query.verify != "skip",
        correlation_id=call.request_id,
        remember=remember,
    )
    return Answer(201, credentials_view(registered))


@route(
    "GET",
    _PATH,
    summary="Say whether credentials are registered",
    tag=_TAG,
    answers={200: CredentialsShape},
    refusals=(409,),
)
async def get_credentials(call: Call[None, None]) -> Answer:
    """Give the names of the fields; never a value, a mask or a length."""
    return Answer(200, credentials_view(await call.services.registration.describe(call.link)))


def credentials_view(known: Registered | Described) -> dict[str, Any]:
    """Give what the API shows of credentials."""
    return {
        "configured": known.configured,
        "fields": list(known.fields),
        "created_at": to_text(known.created_at) if known.created_at else None,
        "generation": known.generation,
    }
