"""Documents over HTTP: handed in, classified, replaced, removed, and hostile forms refused."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import FormData

from tests.api.conftest import TOKEN, Reply

if TYPE_CHECKING:
    from tests.api.conftest import House

PDF = b"%PDF-1.7\none page\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0 a photo"
AUTH = {"Authorization": f"Bearer {TOKEN}"}
LIMIT = 50 * 1_048_576


def pdf(text: str) -> bytes:
    return PDF + text.encode()


def form_of(content: bytes) -> FormData:
    form = FormData()
    form.add_field("file", content, filename="a.pdf")
    return form


@dataclass
class Desk:
    """A claim file of the planning system, and ways to hand documents in."""

    house: House
    id: str

    @property
    def path(self) -> str:
        return f"/v1/claim-files/{self.id}/documents"

    async def hand_in(
        self,
        content: bytes = PDF,
        type_: str | None = "mandato",
        *,
        name: str = "mandato.pdf",
        content_type: str = "application/pdf",
        key: str | None = None,
    ) -> Reply:
        form = FormData(quote_fields=False)
        form.add_field("file", content, filename=name, content_type=content_type)
        if type_ is not None:
            form.add_field("type", type_)
        return await self.send("POST", self.path, form, {"Idempotency-Key": key} if key else {})

    async def send(
        self, method: str, path: str, form: Any, headers: dict[str, str] | None = None
    ) -> Reply:
        url, given = self.house.base_url + path, AUTH | (headers or {})
        async with self.house.http.request(method, url, data=form, headers=given) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def raw(
        self, body: bytes, content_type: str = "multipart/form-data; boundary=b"
    ) -> Reply:
        return await self.send("POST", self.path, body, {"Content-Type": content_type})

    async def rows(self) -> dict[str, Any]:
        reply = await self.house.get(self.path)
        assert reply.status == 200, reply.body
        return {row["type"]: row for row in reply.json["items"]}

    async def told(self) -> list[Any]:
        items = (await self.house.get("/v1/changes")).json["items"]
        return [one for one in items if one["type"] == "documents.updated"]

    def _files(self) -> list[Path]:
        blobs: Any = self.house.services.blobs
        return [path for path in Path(blobs._folder).rglob("*") if path.is_file()]

    def files(self) -> list[str]:
        """Name what lies in the folder of contents, whole or half received."""
        return sorted(path.name for path in self._files())

    def age_files(self) -> None:
        """Let all contents be days old."""
        for path in self._files():
            long_ago = path.stat().st_mtime - 200_000
            os.utime(path, (long_ago, long_ago))


@pytest.fixture
async def desk(house: Any) -> Desk:
    await house.add_repairer()
    new = {"repairer": "garage-7", "connector": "claims360", "reference": "R-1"}
    reply = await house.post("/v1/claim-files", new)
    assert reply.status == 201, reply.body
    return Desk(house, reply.json["id"])


async def test_a_document_handed_in_is_listed_and_its_bytes_come_back(desk: Desk) -> None:
    reply = await desk.hand_in()

    assert reply.status == 201, reply.body
    document = reply.json
    assert document["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert (document["type"], document["name"]) == ("mandato", "mandato.pdf")
    assert (document["content_type"], document["bytes"]) == ("application/pdf", len(PDF))
    row = (await desk.rows())["mandato"]
    assert (row["state"], [one["id"] for one in row["documents"]]) == ("received", [document["id"]])
    content = await desk.house.get(reply.headers["Location"])
    assert content.body == PDF
    assert content.headers["Content-Type"] == "application/pdf"
    assert content.headers["Content-Disposition"].startswith('attachment; filename="mandato.pdf"')
    assert content.headers["X-Content-Type-Options"] == "nosniff"
    part = await desk.house.get(reply.headers["Location"], headers={"Range": "bytes=1-3"})
    assert (part.status, part.body) == (206, b"PDF")
    assert [one["subject"]["id"] for one in await desk.told()] == [desk.id]


async def test_the_same_content_and_type_is_the_same_document(desk: Desk) -> None:
    first = await desk.hand_in()

    again = await desk.hand_in(name="other name.pdf")
    untyped = await desk.hand_in(type_=None)

    assert (again.status, untyped.status) == (200, 200)
    assert again.json == untyped.json == first.json
    assert len(await desk.told()) == 1


async def test_the_same_content_as_another_type_is_another_document(desk: Desk) -> None:
    first = await desk.hand_in(type_="mandato")

    other = await desk.hand_in(type_="cessione_credito")

    assert other.status == 201
    assert other.json["id"] != first.json["id"]
    assert set(await desk.rows()) == {"cessione_credito", "mandato"}


async def test_an_unclassified_content_that_comes_with_a_type_is_classified(desk: Desk) -> None:
    first = await desk.hand_in(type_=None)
    assert list(await desk.rows()) == ["other"]

    typed = await desk.hand_in(type_="mandato")

    assert (typed.status, typed.json["id"]) == (200, first.json["id"])
    assert list(await desk.rows()) == ["mandato"]


async def test_many_at_once_make_one_document(desk: Desk) -> None:
    replies = await asyncio.gather(*(desk.hand_in() for _ in range(8)))

    assert sorted(reply.status for reply in replies) == [200] * 7 + [201]
    assert len({reply.json["id"] for reply in replies}) == 1
    assert desk.files() == [hashlib.sha256(PDF).hexdigest()]


async def test_a_key_gives_the_first_answer_again_and_refuses_another_form(desk: Desk) -> None:
    first = await desk.hand_in(key="k-1")

    again = await desk.hand_in(key="k-1")
    other_file = await desk.hand_in(pdf("2"), key="k-1")
    other_type = await desk.hand_in(type_="altro", key="k-1")

    assert (first.status, again.status) == (201, 201)
    assert again.json == first.json
    assert again.headers["Location"] == first.headers["Location"]
    assert (other_file.code, other_type.code) == ("idempotency_mismatch", "idempotency_mismatch")


async def test_a_document_is_classified_replaced_and_removed(desk: Desk) -> None:
    document = (await desk.hand_in(type_=None)).json
    one = f"{desk.path}/{document['id']}"

    classified = await desk.house.patch(one, {"type": "mandato"})
    form = form_of(pdf("signed"))
    replaced = await desk.send("PUT", f"{one}/content", form)

    assert (classified.status, classified.json["type"]) == (200, "mandato")
    assert (replaced.status, replaced.json["id"]) == (200, document["id"])
    assert replaced.json["type"] == "mandato"
    content = await desk.house.get(f"/v1/attachments/{document['id']}/content")
    assert content.body == pdf("signed")
    removed = await desk.house.ask("DELETE", one)
    assert (removed.status, removed.body) == (204, b"")
    assert await desk.rows() == {}
    assert (await desk.house.ask("DELETE", one)).status == 404
    assert (await desk.house.get(f"/v1/attachments/{document['id']}/content")).status == 404
    assert len(await desk.told()) == 4


async def test_a_content_is_not_doubled_within_a_type(desk: Desk) -> None:
    first = (await desk.hand_in(PDF, "mandato")).json
    other = (await desk.hand_in(PDF, "altro")).json
    third = (await desk.hand_in(pdf("3"), "mandato")).json

    classified = await desk.house.patch(f"{desk.path}/{other['id']}", {"type": "mandato"})
    replaced = await desk.send("PUT", f"{desk.path}/{third['id']}/content", form_of(PDF))

    for reply in (classified, replaced):
        assert (reply.status, reply.code, reply.json["id"]) == (409, "document_known", first["id"])


async def test_a_stale_list_forbids_changes(desk: Desk) -> None:
    document = (await desk.hand_in()).json
    one = f"{desk.path}/{document['id']}"
    tag = {"If-Match": (await desk.house.get(desk.path)).headers["ETag"]}
    await desk.hand_in(pdf("2"))

    stale = await desk.house.patch(one, {"type": "altro"}, headers=tag)
    tag = {"If-Match": (await desk.house.get(desk.path)).headers["ETag"]}
    fresh = await desk.house.patch(one, {"type": "altro"}, headers=tag)

    assert (stale.status, fresh.status) == (412, 200)
    assert (await desk.house.ask("DELETE", one, headers=tag)).status == 412


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PUT"])
async def test_nothing_is_done_to_documents_of_other_claim_files(desk: Desk, method: str) -> None:
    document = (await desk.hand_in()).json
    new = {"repairer": "garage-7", "connector": "claims360", "reference": "R-2"}
    other = Desk(desk.house, (await desk.house.post("/v1/claim-files", new)).json["id"])
    one = f"{other.path}/{document['id']}"

    if method == "PUT":
        reply = await other.send(method, f"{one}/content", form_of(pdf("2")))
    else:
        reply = await desk.house.ask(method, one, {"type": "x"} if method == "PATCH" else None)

    assert (reply.status, reply.code) == (404, "not_found")
    assert (await desk.rows())["mandato"]["documents"][0]["sha256"] == document["sha256"]


async def test_a_content_stays_on_the_disk_while_a_document_names_it(desk: Desk) -> None:
    document = (await desk.hand_in()).json
    desk.age_files()

    assert await desk.house.wired.retention.remove_orphans() == 0
    await desk.house.ask("DELETE", f"{desk.path}/{document['id']}")

    assert await desk.house.wired.retention.remove_orphans() == 1
    assert desk.files() == []


async def test_an_unknown_claim_file_keeps_nothing(desk: Desk) -> None:
    reply = await Desk(desk.house, "0193").hand_in()

    assert (reply.status, reply.code) == (404, "not_found")
    assert desk.files() == []


REFUSED_CONTENTS = {
    "html-called-jpeg": (b"<html><script>", "image/jpeg"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
    "program": (b"MZ\x90\x00", "application/octet-stream"),
    "archive": (b"PK\x03\x04", "application/zip"),
    "declared-as-another": (PDF, "image/png"),
    "pdf-not-at-the-start": (b"x" + PDF, "application/pdf"),
    "empty": (b"", "application/pdf"),
}


async def test_what_is_no_picture_or_pdf_is_refused(desk: Desk) -> None:
    for case, (content, declared) in REFUSED_CONTENTS.items():
        reply = await desk.hand_in(content, name="a.pdf", content_type=declared)

        assert (reply.status, reply.code, reply.pointers) == (422, "invalid", ["/file"]), case
        assert desk.files() == [], case


NAMES = {
    "path": ("../../etc/passwd", "passwd"),
    "windows-path": ("C:\\\\temp\\\\a.pdf", "a.pdf"),
    "raw-utf-8": ("avant côté.pdf", "avant côté.pdf"),
    "raw-with-escaped-quotes": ("avant %22côté%22.pdf", "avant côté.pdf"),
    "percent-signs": ("avant%20c%C3%B4t%C3%A9.pdf", "avant côté.pdf"),
    "right-to-left": ("a\u202efdp.exe", "afdp.exe"),
    "nul-and-line-end": ("a%00b%0D%0AX: y.pdf", "abX y.pdf"),
    "nothing-left": ("..", "document.pdf"),
    "very-long": ("x" * 5000 + ".pdf", "x" * 146 + ".pdf"),
}


async def test_a_name_is_kept_as_harmless_text(desk: Desk) -> None:
    for case, (name, kept) in NAMES.items():
        reply = await desk.hand_in(pdf(case), name=name)

        assert (reply.status, reply.json["name"]) == (201, kept), case


def part(name: str, content: bytes = b"x", *, more: str = "") -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + content + b"\r\n"


FILE = part("file", PDF, more='; filename="a.pdf"')


FAULTY_FORMS = {
    "nothing": (b"", 400, "multipart_invalid"),
    "no-part": (b"--b--\r\n", 422, "invalid"),
    "preamble": (b"preamble\r\n" + FILE + b"--b--", 400, "multipart_invalid"),
    "no-end": (FILE, 400, "multipart_invalid"),
    "cut-off": (FILE[:-9], 400, "multipart_invalid"),
    "epilogue": (FILE + b"--b--\r\nmore", 400, "multipart_invalid"),
    "other-boundary": (FILE + b"--bb\r\n", 400, "multipart_invalid"),
    "file-twice": (FILE + FILE + b"--b--", 422, "invalid"),
    "unknown-part": (FILE + part("x") + b"--b--", 422, "invalid"),
    "no-file": (part("type") + b"--b--", 422, "invalid"),
    "no-utf-8": (FILE + part("type", b"\xff") + b"--b--", 422, "invalid"),
    "nul": (FILE + part("type", b"a\0") + b"--b--", 422, "invalid"),
    "slash": (FILE + part("type", b"a/b") + b"--b--", 422, "invalid"),
    "long-field": (FILE + part("type", b"x" * 5000) + b"--b--", 422, "invalid"),
    "type-as-file": (FILE + part("type", more='; filename="t"') + b"--b--", 422, "invalid"),
    "no-form-data": (
        b"--b\r\nContent-Disposition: attachment; name=file\r\n\r\nx\r\n--b--",
        400,
        "multipart_invalid",
    ),
    "no-head": (b"--b\r\n\r\nx\r\n--b--", 400, "multipart_invalid"),
    "long-head": (b"--b\r\n" + b"A: b\r\n" * 2000 + b"\r\nx\r\n--b--", 400, "multipart_invalid"),
    "base64": (
        part("file", more="\r\nContent-Transfer-Encoding: base64") + b"--b--",
        400,
        "multipart_invalid",
    ),
    "open-quote": (part("file", more='; filename="a') + b"--b--", 400, "multipart_invalid"),
}


async def test_a_faulty_form_is_refused_in_clear_words(desk: Desk) -> None:
    for case, (body, status, code) in FAULTY_FORMS.items():
        reply = await desk.raw(body)

        assert (reply.status, reply.code) == (status, code), (case, reply.json)
        assert desk.files() == [], case


CONTENT_TYPES = [
    ("application/json", 415),
    ("text/plain", 415),
    ("multipart/mixed; boundary=b", 415),
    ("multipart/form-data", 400),
    (f"multipart/form-data; boundary={'b' * 71}", 400),
    ('multipart/form-data; boundary="b"', 201),
]


async def test_another_content_type_is_refused(desk: Desk) -> None:
    for content_type, status in CONTENT_TYPES:
        reply = await desk.raw(FILE + b"--b--\r\n", content_type)

        assert reply.status == status, (content_type, reply.body)


async def test_json_routes_still_take_no_form(desk: Desk) -> None:
    reply = await desk.send("POST", "/v1/claim-files", form_of(PDF))

    assert (reply.status, reply.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize("is_announced", [True, False], ids=["announced", "chunked"])
async def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(
    desk: Desk, is_announced: bool
) -> None:
    async def chunks() -> Any:
        yield FILE[:-2]
        for _ in range(LIMIT // 1_048_576):
            yield bytes(1_048_576)

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    if is_announced:
        headers["Content-Length"] = str(LIMIT + 70_000)
    with suppress(ConnectionError):
        reply = await desk.send("POST", desk.path, chunks(), headers)
        assert (reply.status, reply.code) == (413, "too_large")

    assert await desk.rows() == {}
    assert desk.files() == []


async def test_an_upload_that_breaks_off_leaves_nothing(desk: Desk) -> None:
    host, port = desk.house.base_url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST {desk.path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n"
    )
    writer.write(head.encode() + FILE[:-2] + bytes(300_000))
    await writer.drain()
    async with asyncio.timeout(20):
        while not desk.files():  # noqa: ASYNC110 - a file appears, which is no event
            await asyncio.sleep(0.01)

    writer.close()

    async with asyncio.timeout(20):
        while desk.files():  # noqa: ASYNC110 - a file goes, which is no event
            await asyncio.sleep(0.01)
    assert await desk.rows() == {}


async def test_a_full_disk_refuses_an_upload_and_keeps_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int, _chunk: bytes) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as disk:
        disk.setattr("syncer.store.blobs._write_all", full)
        refused = await desk.hand_in()

    assert (refused.status, refused.code) == (507, "storage_full")
    assert (await desk.rows(), desk.files()) == ({}, [])
    assert (await desk.hand_in()).status == 201


async def test_the_document_of_the_api_describes_the_form(desk: Desk) -> None:
    document = (await desk.house.get("/openapi.json")).json
    body = document["paths"]["/v1/claim-files/{id}/documents"]["post"]["requestBody"]

    name = body["content"]["multipart/form-data"]["schema"]["$ref"].rpartition("/")[2]
    schema = document["components"]["schemas"][name]

    assert body["required"] is True
    assert schema["required"] == ["file"]
    assert schema["properties"]["file"]["format"] == "binary"
    assert json.dumps(schema["properties"]["type"]).count("string") == 1
