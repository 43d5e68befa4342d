"""Multipart bodies as they arrive, and sendings that are repeated only where that was said."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import BodyPartReader, web

from syncer.domain.errors import PartnerUnavailableError, SyncerError
from syncer.partner.session import PartnerSession
from syncer.sdk import OutgoingFile, Part

Serve = Callable[..., Awaitable[str]]
Open = Callable[..., Awaitable[PartnerSession]]
CONTENT = b"%PDF-1.7 " + b"x" * 200_000


def _file(content: bytes, size_bytes: int) -> OutgoingFile:
    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(content), 65_536):
            yield content[at : at + 65_536]

    return OutgoingFile(
        id="a1",
        type="mandato",
        name="mandato è.pdf",
        content_type="application/pdf",
        size_bytes=size_bytes,
        sha256=hashlib.sha256(content).hexdigest(),
        chunks=chunks,
    )


class Receiving:
    def __init__(self) -> None:
        self.parts: list[tuple[str | None, str | None, str | None, bytes]] = []
        self.length: str | None = None

    async def __call__(self, request: web.Request) -> web.Response:
        self.length = request.headers.get("Content-Length")
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            kind = part.headers.get("Content-Type")
            self.parts.append((part.name, part.filename, kind, bytes(await part.read())))
        return web.json_response({}, status=201)


async def test_parts_arrive_whole_in_order_and_with_their_names(
    serve: Serve, open_session: Open
) -> None:
    partner = Receiving()
    session = await open_session(await serve(partner))
    file = _file(CONTENT, len(CONTENT))
    parts = [
        Part(name="pratica", content=b"<pratica/>", content_type="application/xml"),
        Part(name="a1", content=file, content_type=file.content_type, filename=file.name),
    ]

    answer = await session.request("POST", "/denunce", parts=parts, accept={201})

    assert answer.status == 201
    assert partner.length is not None
    assert partner.parts == [
        ("pratica", None, "application/xml", b"<pratica/>"),
        ("a1", "mandato è.pdf", "application/pdf", CONTENT),
    ]


async def test_file_that_changed_its_length_fails_the_request(
    serve: Serve, open_session: Open
) -> None:
    session = await open_session(await serve(Receiving()))
    part = Part(name="a1", content=_file(CONTENT, len(CONTENT) + 1))

    with pytest.raises(SyncerError):
        await session.request("POST", "/denunce", parts=[part], accept={201})


@pytest.mark.parametrize(("repeatable", "requests"), [(False, 1), (True, 3)])
async def test_sending_is_repeated_only_when_the_contract_allows_it(
    repeatable: bool, requests: int, serve: Serve, open_session: Open
) -> None:
    seen = []

    async def unavailable(request: web.Request) -> web.Response:
        seen.append(await request.read())
        return web.Response(status=503)

    session = await open_session(await serve(unavailable))

    with pytest.raises(PartnerUnavailableError):
        await session.request("PUT", "/", body=b"{}", repeatable=repeatable)

    assert seen == [b"{}"] * requests
