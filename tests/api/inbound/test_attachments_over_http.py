"""Downloading attachments: the right bytes, in ranges, and nothing that a browser would run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.api.attachments import disposition
from syncer.domain.filenames import LONGEST_NAME, safe_name
from syncer.services.attachments import Content

if TYPE_CHECKING:
    from tests.api.conftest import House
    from tests.api.inbound.conftest import Garage


async def photo_of(garage: Garage) -> dict[str, Any]:
    [photo] = (await garage.one("M-1"))["attachments"]
    return dict(photo)


async def test_content_is_the_partner_s_bytes(garage: Garage) -> None:
    photo = await photo_of(garage)

    reply = await garage.house.get(f"/v1/attachments/{photo['id']}/content")

    assert reply.status == 200
    assert hashlib.sha256(reply.body).hexdigest() == photo["sha256"]
    assert len(reply.body) == photo["bytes"]


async def test_content_is_a_download_that_no_browser_runs(garage: Garage) -> None:
    photo = await photo_of(garage)

    headers = (await garage.house.get(f"/v1/attachments/{photo['id']}/content")).headers

    assert headers["Content-Type"] == "image/jpeg"
    assert headers["Content-Disposition"].startswith('attachment; filename="photo-1.jpg"')
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]


async def test_range_request_gives_the_part(garage: Garage) -> None:
    path = f"/v1/attachments/{(await photo_of(garage))['id']}/content"
    whole = (await garage.house.get(path)).body

    reply = await garage.house.get(path, headers={"Range": "bytes=2-5"})

    assert (reply.status, reply.body) == (206, whole[2:6])
    assert reply.headers["Content-Range"] == f"bytes 2-5/{len(whole)}"


async def test_range_beyond_the_end_is_refused(garage: Garage) -> None:
    path = f"/v1/attachments/{(await photo_of(garage))['id']}/content"

    reply = await garage.house.get(path, headers={"Range": "bytes=99999999-"})

    assert reply.status == 416


async def test_unknown_attachment_is_not_found(house: House) -> None:
    reply = await house.get("/v1/attachments/none/content")

    assert (reply.status, reply.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        pytest.param("front.jpg", "front.jpg", id="plain"),
        pytest.param("../../etc/passwd", "passwd", id="path"),
        pytest.param("C:\\Users\\x\\front.jpg", "front.jpg", id="windows-path"),
        pytest.param('a";b.jpg', "ab.jpg", id="quote"),
        pytest.param("a\r\nSet-Cookie: x", "aSet-Cookie x", id="header-injection"),
        pytest.param("gpj.\u202eexe", "gpj.exe", id="right-to-left-override"),
        pytest.param("...", "", id="dots-only"),
        pytest.param("avant côté.jpg", "avant côté.jpg", id="accents-stay"),
    ],
)
def test_name_is_made_harmless(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_long_name_keeps_its_ending() -> None:
    name = safe_name("a" * 5000 + ".jpg")

    assert len(name) == LONGEST_NAME
    assert name.endswith(".jpg")


@given(st.text())
def test_any_name_makes_a_header_of_visible_ascii_with_one_file_name(name: str) -> None:
    content = Content(id="0193", name=name, content_type=None, path=Path())

    header = disposition(content)

    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
