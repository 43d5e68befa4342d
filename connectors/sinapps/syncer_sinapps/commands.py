"""Commands of a resource: looked up at the moment of sending, submitted once, or tested."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from syncer.sdk import (
    AnswerLostError,
    DeliveryBlockedError,
    DeliveryRejectedError,
    Href,
    Part,
    PayloadError,
    Receipt,
    Response,
)
from syncer_sinapps import wire
from syncer_sinapps.resources import OurLink, Resource, list_of, read, resource_of

_DONE = frozenset({200, 201})
_REFUSED = frozenset({400, 404, 409, 410, 413, 415, 422})
Body = Mapping[str, Any]
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that is offered now; ``test`` is None where it cannot be tried."""

    name: str
    submit: Href
    method: str = "PUT"
    test: Href | None = None


async def find_command(link: OurLink, owner: Resource, name: str) -> Command | None:
    """Look a command up among those that a resource offers now.

    A list may give a resource without its links; it is read where it stands.
    """
    if owner.link(wire.COMMANDS) is None and owner.href is not None:
        owner = await read(link, owner.href)
    for item in await list_of(link, owner.link(wire.COMMANDS)):
        try:
            offered = item.properties(wire.WireCommand).name
        except PayloadError:
            continue
        if offered == name:
            command = _command(item, name)
            if command is None and item.href is not None:
                command = _command(await read(link, item.href), name)
            return command
    return None


def _command(item: Resource, name: str) -> Command | None:
    """Read a command in either dialect, ``actions`` or ``links``; None where it is only named."""
    listed = (*(item.wire.links or ()), *(item.wire.actions or ()))
    actions = {action.rel: action for action in listed}
    submit, test = actions.get(wire.SUBMIT), actions.get(wire.TEST)
    if submit is None or submit.href is None:
        return None
    return Command(
        name=name,
        submit=Href(submit.href),
        method=submit.method or "PUT",
        test=Href(test.href) if test and test.href else None,
    )


async def submit(
    link: OurLink,
    owner: Resource,
    name: str,
    body: Body | Callable[[], Awaitable[Body]] | None = None,
    *,
    parts: Sequence[Part] | None = None,
    dry_run: bool = False,
) -> Receipt:
    """Send a command, or have it tested; a body that is called for is made at the last moment.

    Raises:
        DeliveryBlockedError: the partner does not offer it (any more), or not its test.
        DeliveryRejectedError: the partner refused it; its words are the text.
        AnswerLostError: it was taken, and the answer cannot be read.
    """
    command = await find_command(link, owner, name)
    if command is None:
        raise DeliveryBlockedError(f"The partner does not offer {name} now.")
    target = command.test if dry_run else command.submit
    if target is None:
        raise DeliveryBlockedError(f"The partner offers no test of {name}.")
    if callable(body):
        body = await body()
    content = _ENCODER.encode(body) if parts is None else None
    answer = await link.http.request(
        command.method,
        target,
        headers={"Content-Type": "application/json"} if parts is None else None,
        body=content,
        parts=parts,
        accept=_DONE | _REFUSED,
    )
    if answer.status in _DONE:
        return receipt_of(answer, is_test=dry_run)
    refusal = rejected(answer)
    if await find_command(link, owner, name) is None:
        raise DeliveryBlockedError(f"The partner withdrew {name}: {refusal}")
    raise refusal


def receipt_of(answer: Response, *, is_test: bool) -> Receipt:
    """Read what an accepted command gave.

    Raises:
        AnswerLostError: it cannot be read.
    """
    try:
        result = resource_of(answer.body)
        given = result.properties(wire.WireResult)
    except PayloadError:
        if is_test:
            return Receipt(raw={"test": True})
        text = "The partner took the command, but its answer cannot be read."
        raise AnswerLostError(text) from None
    raw = {"id": given.id, "name": given.name, "checksum": given.checksum}
    raw = {name: value for name, value in raw.items() if value is not None}
    return Receipt(raw={**raw, "test": True} if is_test else raw)


def rejected(answer: Response) -> DeliveryRejectedError:
    """Give a refusal in the partner's own words."""
    try:
        error = msgspec.json.decode(answer.body, type=wire.WireError)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return DeliveryRejectedError(f"The partner refused it (HTTP {answer.status}).")
    code = error.error_type
    said = (error.user_message, error.forms_error)
    words = " · ".join(word for word in said if word and isinstance(word, str))
    text = words or f"The partner refused it (HTTP {answer.status})."
    if code and code.startswith("RG_") and code not in text:
        text = f"{code}: {text}"
    return DeliveryRejectedError(text, partner_code=code)
