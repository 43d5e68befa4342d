"""Multipart bodies taken apart: the same parts however the bytes come, and none for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.errors import RequestRefusedError
from syncer.web import multipart
from syncer.web.multipart import parts_of
from tests.api.conftest import TOKEN
from tests.api.test_documents import FILE, Desk, desk

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["desk"]


class Arriving:
    """A body that comes in these pieces; what is not there yet is waited for."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = list(pieces)

    async def readany(self) -> bytes:
        await asyncio.sleep(0)
        return self._pieces.pop(0) if self._pieces else b""


def request_of(pieces: Sequence[bytes]) -> web.Request:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    payload: Any = Arriving(pieces)
    return make_mocked_request("POST", "/", headers=headers, payload=payload)


async def read(pieces: Sequence[bytes]) -> list[tuple[str, str | None, bytes]]:
    return [
        (part.name, part.filename, b"".join([chunk async for chunk in part.chunks]))
        async for part in parts_of(request_of(pieces))
    ]


def written(parts: Sequence[tuple[str, bytes]]) -> bytes:
    heads = (f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n' for name, _ in parts)
    bodies = (
        head.encode() + content + b"\r\n" for head, (_, content) in zip(heads, parts, strict=True)
    )
    return b"".join(bodies) + b"--b--\r\n"


NEARLY = st.lists(
    st.sampled_from([b"\r", b"\n", b"-", b"\r\n", b"\r\n-", b"\r\n--", b"--b", b"x", b"\0"])
).map(b"".join)
"""Contents that look like boundaries at every turn, but are none."""
CONTENTS = (NEARLY | st.binary()).filter(lambda content: b"\r\n--b" not in b"\r\n" + content)
PARTS = st.lists(st.tuples(st.sampled_from(["file", "type", "more"]), CONTENTS), max_size=3)


@given(PARTS, st.lists(st.integers(0, 400), max_size=12))
def test_the_parts_are_the_same_however_the_bytes_come(
    parts: list[tuple[str, bytes]], cuts: list[int]
) -> None:
    body = written(parts)
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    pieces = [body[start:end] for start, end in pairwise(places)]

    found = asyncio.run(read(pieces))

    assert [(name, content) for name, _, content in found] == parts


@given(st.binary() | NEARLY, st.integers(0, 200))
def test_any_bytes_are_parts_or_are_refused(noise: bytes, place: int) -> None:
    body = written([("file", b"content"), ("type", b"mandate")])
    place %= len(body)

    for damaged in (body[:place] + noise + body[place:], body[:place] + noise, noise):
        try:
            asyncio.run(read([damaged]))
        except RequestRefusedError as error:
            assert (error.status, error.code) == (400, "multipart_invalid")  # noqa: PT017 - or parts


async def test_a_body_that_stands_still_is_given_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "_PAUSE_SECONDS", 0.2)
    host, port = desk.house.base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST {desk.path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n"
    )

    writer.write(head.encode() + FILE)
    async with asyncio.timeout(30):
        answer = await reader.readuntil(b"\r\n")
        while desk.files():  # noqa: ASYNC110 - a file goes, which is no event
            await asyncio.sleep(0.01)
    writer.close()

    assert answer.split()[1] == b"408"


async def test_a_body_that_only_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "_WHOLE_SECONDS", 0)

    with pytest.raises(RequestRefusedError) as refused:
        await read([b"--b", b"\r\n"])

    assert refused.value.status == 408
