"""The routes of the played portal, as strict as the contract."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from aiohttp import BodyPartReader, web

from syncer.sdk import parse_instant
from syncer.testing import Problem
from syncer_restart import wire
from syncer_restart.played_account import Account, Claim, Entry, needs_part
from syncer_restart.played_http import refuse_parameters
from syncer_restart.played_pratica import Pratica, read_pratica

_DEFAULT_SIZE = 50
_LIST_PARAMETERS = frozenset({wire.CHANGED_SINCE, wire.PAGE, wire.PAGE_SIZE})
_LARGEST_PRATICA_BYTES = 20 * 1024 * 1024
_SIGNATURES = {
    "application/pdf": b"%PDF-",
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
}

FindAccount = Callable[[web.Request], Account]


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A part that arrived."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Routes:
    """The handlers; ``account`` finds the account of a request or refuses it."""

    account: FindAccount

    def add_to(self, app: web.Application) -> None:
        """Add every route of the contract."""
        app.add_routes(
            [
                web.get(wire.PROFILE, self.profile),
                web.get(wire.CENTRES, self.centres),
                web.get(wire.CLAIMS, self.claims),
                web.post(wire.CLAIMS, self.first_send),
                web.post(wire.FOLLOW_UPS.replace("{}", "{number}"), self.follow_up),
            ]
        )

    async def profile(self, request: web.Request) -> web.Response:
        """Answer who signed in."""
        account = self.account(request)
        refuse_parameters(request)
        return _json({"ragioneSociale": account.name, "piva": account.vat_number})

    async def centres(self, request: web.Request) -> web.Response:
        """Answer the ASP centres."""
        account = self.account(request)
        refuse_parameters(request)
        return _json(account.centres)

    async def claims(self, request: web.Request) -> web.Response:
        """Answer a look-up, or a page of statuses."""
        account = self.account(request)
        if wire.REFERENCE in request.query:
            refuse_parameters(request, frozenset({wire.REFERENCE}))
            claim = account.by_reference(request.query[wire.REFERENCE])
            found = [{"numeroDenuncia": claim.number, "stato": claim.status}] if claim else []
            return _json({"denunce": found})
        refuse_parameters(request, _LIST_PARAMETERS)
        size = _number(request, wire.PAGE_SIZE, _DEFAULT_SIZE, wire.LONGEST_PAGE)
        start = (_number(request, wire.PAGE, 1, None) - 1) * size
        rows = [msgspec.json.encode(one.row()) for one in account.listing(_since(request))]
        rows += account.raw
        page = b",".join(rows[start : start + size])
        more = b"true" if len(rows) > start + size else b"false"
        body = b'{"denunce":[' + page + b'],"altre":' + more + b"}"
        return web.Response(body=body, content_type="application/json")

    async def first_send(self, request: web.Request) -> web.Response:
        """Make a claim of a first sending."""
        account = self.account(request)
        refuse_parameters(request)
        pratica, sent = await _read_sending(request, event=wire.EVENT_FIRST)
        known = account.by_reference(pratica.reference)
        if known is not None:
            raise Problem(409, wire.ALREADY_SENT, numeroDenuncia=known.number)
        _check_parts(pratica.entries, sent, {})
        claim = account.store_first(pratica.reference, pratica.centre, pratica.entries)
        if claim.missing():
            return _incomplete(claim)
        return _json({"numeroDenuncia": claim.number}, status=201)

    async def follow_up(self, request: web.Request) -> web.Response:
        """Bring a claim's attachments in line with a manifest."""
        account = self.account(request)
        refuse_parameters(request)
        pratica, sent = await _read_sending(request, event=wire.EVENT_FOLLOW_UP)
        claim = account.claims.get(request.match_info["number"])
        if claim is None:
            raise Problem(404, "DENUNCIA_SCONOSCIUTA")
        if claim.status in wire.FINAL:
            raise Problem(409, wire.CLAIM_CLOSED, numeroDenuncia=claim.number)
        if claim.reference is not None and pratica.reference != claim.reference:
            raise Problem(422, "PRATICA_NON_VALIDA", detail="riferimento")
        _check_parts(pratica.entries, sent, claim.attachments)
        changed = account.store_follow_up(claim, pratica.centre, pratica.entries)
        if claim.missing():
            return _incomplete(claim)
        return _json(
            {
                "numeroDenuncia": claim.number,
                "ricevuti": changed.received,
                "invariati": changed.unchanged,
                "rimossi": changed.removed,
            }
        )


def _json(body: object, *, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(body), content_type="application/json"
    )


def _incomplete(claim: Claim) -> web.Response:
    return _json({"numeroDenuncia": claim.number, "mancanti": claim.missing()}, status=206)


def _number(request: web.Request, name: str, default: int, most: int | None) -> int:
    text = request.query.get(name, str(default))
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    if not is_number or int(text) < 1 or (most is not None and int(text) > most):
        raise Problem(400, "PARAMETRO_NON_VALIDO", detail=name)
    return int(text)


def _since(request: web.Request) -> str | None:
    since = request.query.get(wire.CHANGED_SINCE)
    if since is None:
        return None
    try:
        parse_instant(since)
    except (ValueError, OverflowError):
        raise Problem(400, "PARAMETRO_NON_VALIDO", detail=wire.CHANGED_SINCE) from None
    return since


# -- what is sent ---------------------------------------------------------------------------------


async def _read_sending(
    request: web.Request, *, event: str
) -> tuple[Pratica, Mapping[str, SentFile]]:
    if request.content_type != "multipart/form-data":
        raise Problem(415, "TIPO_NON_AMMESSO")
    parts = _parts(request)
    first = await anext(parts, None)
    if first is None or first.name != wire.PRATICA:
        raise Problem(422, "PRATICA_MANCANTE")
    if first.headers.get("Content-Type", "").partition(";")[0] != wire.PRATICA_TYPE:
        raise Problem(415, "TIPO_NON_AMMESSO", detail=wire.PRATICA)
    pratica = read_pratica(await _read_document(first), event=event)
    sent: dict[str, SentFile] = {}
    async for part in parts:
        if not part.name or part.name in sent:
            raise Problem(422, "ALLEGATO_NON_VALIDO", detail=part.name or "")
        sent[part.name] = await _read_file(part)
    return pratica, sent


async def _parts(request: web.Request) -> AsyncIterator[BodyPartReader]:
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise Problem(400, "CORPO_NON_VALIDO")
        yield part


async def _read_document(part: BodyPartReader) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > _LARGEST_PRATICA_BYTES:
            raise Problem(413, "TROPPO_GRANDE", detail=wire.PRATICA)
    return bytes(content)


async def _read_file(part: BodyPartReader) -> SentFile:
    digest, size, head = hashlib.sha256(), 0, b""
    while chunk := await part.read_chunk():
        head = head or chunk[:16]
        digest.update(chunk)
        size += len(chunk)
        if size > wire.LARGEST_FILE_BYTES:
            raise Problem(413, "TROPPO_GRANDE", detail=part.name or "")
    signature = _SIGNATURES.get(part.headers.get("Content-Type", ""), b"")
    if not head.startswith(signature):
        raise Problem(415, "TIPO_NON_AMMESSO", detail=part.name or "")
    return SentFile(sha256=digest.hexdigest(), size_bytes=size)


def _check_parts(
    manifest: Sequence[Entry], sent: Mapping[str, SentFile], there: dict[str, Entry]
) -> None:
    """Refuse a manifest whose entries and parts do not go together.

    Raises:
        Problem: 422 naming the entry's id.
    """
    for entry in manifest:
        if needs_part(there, sent, entry):
            raise Problem(422, "ALLEGATO_MANCANTE", detail=entry.id)
        file = sent.get(entry.id)
        if file is not None and file != SentFile(sha256=entry.sha256, size_bytes=entry.size_bytes):
            raise Problem(422, "ALLEGATO_DIVERSO", detail=entry.id)
    further = sent.keys() - {entry.id for entry in manifest}
    if further:
        raise Problem(422, "ALLEGATO_NON_ELENCATO", detail=min(further))
