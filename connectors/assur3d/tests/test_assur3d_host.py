"""The platform over the whole host: what comes in is shown, what leaves comes back as received."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from syncer_assur3d.played import PlayedAssur3d
from syncer_assur3d.played_office import Office

from syncer.bootstrap import running
from syncer.config import load
from syncer.vault import create_key_file

CONFIGURATION = """
data_dir = "{folder}/data"
[server]
port = 0
[vault]
key_file = "{folder}/root.key"
[connectors.assur3d]
enabled = true
base_url = "{base_url}"
allow_insecure = true
[[repairers]]
id = "agence-7"
name = "Agence Demo"
"""
LINK = "/v1/repairers/agence-7/links/assur3d"


class Api:
    """The service's API, and the passes of its one link."""

    def __init__(self, http: aiohttp.ClientSession, address: str, token: str) -> None:
        self._http = http
        self._address = address
        self._headers = {"Authorization": f"Bearer {token}"}
        self._keys = 0

    async def ask(self, method: str, path: str, body: Any = None, *, data: Any = None) -> Any:
        self._keys += 1
        headers = self._headers | {"Idempotency-Key": f"k-{self._keys}"}
        async with self._http.request(
            method, self._address + path, json=body, data=data, headers=headers
        ) as answer:
            given = await answer.json(content_type=None)
            assert answer.status < 300, given
            return given

    async def refresh(self) -> Any:
        answer = await self.ask("POST", "/v1/refresh?wait=30", {"connector": "assur3d"})
        pass_ = await self.ask("GET", f"/v1/passes/{answer['passes'][0]['id']}")
        assert pass_["state"] in {"succeeded", "partial"}, pass_
        return pass_

    async def file(self, ref: str) -> Any:
        found = await self.ask("GET", f"/v1/claim-files?partner_ref={ref}")
        return found["items"][0]

    async def states(self, ref: str) -> dict[str, str]:
        file = await self.file(ref)
        rows = await self.ask("GET", f"/v1/claim-files/{file['id']}/documents")
        return {row["type"]: row["state"] for row in rows["items"]}

    async def send(self, ref: str, operation: str, payload: Any, *files: str) -> Any:
        wanted = {"claim_file": (await self.file(ref))["id"], "operation": operation}
        wanted |= {"payload": payload} | ({"attachments": list(files)} if files else {})
        accepted = await self.ask("POST", "/v1/deliveries", wanted)
        async with asyncio.timeout(20):
            while True:
                found = await self.ask("GET", f"/v1/deliveries/{accepted['id']}")
                if found["state"] not in {"queued", "sending"}:
                    return found
                await asyncio.sleep(0.02)


@asynccontextmanager
async def service(folder: Path, base_url: str) -> AsyncIterator[Api]:
    create_key_file(folder / "root.key")
    file = folder / "syncer.toml"
    file.write_text(CONFIGURATION.format(folder=folder, base_url=base_url))
    async with running(load(file, environ={})) as host, aiohttp.ClientSession() as http:
        yield Api(http, host.address.rstrip("/"), host.token_path.read_text().strip())


@pytest.fixture
async def api(tmp_path: Path, platform: PlayedAssur3d, office: Office) -> AsyncIterator[Api]:
    async with platform.serve() as base_url, service(tmp_path, base_url) as opened:
        await opened.ask("PUT", f"{LINK}/credentials", dict(office.credentials()))
        yield opened


async def test_rule_sets_and_pieces_are_shown(api: Api, office: Office) -> None:
    one = office.add("F-1")
    office.put(one, "dt-permis", "rejected")
    office.put(one, "dt-kbis", "waived")
    await api.refresh()

    rules = await api.ask("GET", "/v1/document-rules/assur3d.auto")
    file = await api.file("F-1")

    assert [one["id"] for one in rules["documents"]] == ["dt-permis", "dt-rib", "dt-kbis"]
    assert await api.states("F-1") == {
        "dt-permis": "rejected",
        "dt-rib": "missing",
        "dt-kbis": "waived",
    }
    assert file["documents"] == {"received": 0, "missing": 2, "waived": 1, "complete": False}
    assert file["data"]["extra"]["complete"] is False
    assert file["data"]["client"]["profile"] == "private"


async def test_deposit_and_waiver_come_back_as_the_platform_has_them(
    api: Api, office: Office, clock: Any
) -> None:
    office.add("F-1")
    await api.refresh()
    file = await api.file("F-1")
    form = aiohttp.FormData()
    form.add_field("type", "dt-rib")
    form.add_field("file", b"%PDF-1.7 rib", filename="rib.pdf")
    document = await api.ask("POST", f"/v1/claim-files/{file['id']}/documents", data=form)
    assert (await api.states("F-1"))["dt-rib"] == "received"

    sent = await api.send("F-1", "deposit", {"document_type": "dt-rib"}, document["id"])
    waived = await api.send(
        "F-1", "waiver", {"document_type": "dt-permis", "reason": "vu sur place"}
    )
    at_once = await api.states("F-1")
    odd = await api.send("F-1", "deposit", {"document_type": "dt-none"}, document["id"])
    clock.advance(timedelta(minutes=1))
    await api.refresh()

    assert (sent["state"], waived["state"], odd["state"]) == ("delivered", "delivered", "rejected")
    assert odd["attempts"][0]["code"] == "DOCUMENT_TYPE_UNKNOWN"
    assert await api.states("F-1") == {
        "dt-permis": "waived",
        "dt-rib": "received",
        "dt-kbis": "optional",
    }
    assert (await api.file("F-1"))["documents"]["complete"] is True
    assert at_once["dt-permis"] == "waived"
    rows = await api.ask("GET", f"/v1/claim-files/{file['id']}/documents")
    (waiver,) = [row["waiver"] for row in rows["items"] if row["type"] == "dt-permis"]
    assert (waiver["reason"], waiver["by"]) == ("vu sur place", "partner")


async def test_what_a_follow_up_requires_itself_is_counted_though_its_type_says_otherwise(
    api: Api, office: Office
) -> None:
    one = office.add("F-1")
    one.pieces[1]["required"] = False
    one.pieces[2]["required"] = True
    one.pieces.append(
        {"documentTypeId": "dt-photo", "label": "Photo", "required": True, "status": "lost"}
    )
    office.add("F-2").contract_type = "moto"
    await api.refresh()

    assert await api.states("F-1") == {
        "dt-permis": "missing",
        "dt-rib": "optional",
        "dt-kbis": "missing",
        "dt-photo": "missing",
    }
    counts = [(await api.file(ref))["documents"]["missing"] for ref in ("F-1", "F-2")]
    assert counts == [3, 2]


async def test_rule_set_that_was_set_aside_is_resolved_by_a_good_one(
    api: Api, office: Office
) -> None:
    office.types["auto"].append(("other", "Autre", True))
    assert (await api.refresh())["state"] == "partial"
    office.types["auto"].pop()
    assert (await api.refresh())["state"] == "succeeded"

    (aside,) = (await api.ask("GET", "/v1/quarantine"))["items"]
    assert aside["partner_ref"] == "auto"
    assert aside["resolved_at"] is not None


async def test_renamed_type_keeps_what_was_received_and_new_one_is_missing(
    api: Api, office: Office, clock: Any
) -> None:
    office.put(office.add("F-1"), "dt-rib", "received")
    await api.refresh()

    office.types["auto"][1] = ("dt-rib", "Relevé bancaire", True)
    office.types["auto"].append(("dt-photo", "Photo", True))
    await api.refresh()

    file = await api.file("F-1")
    rows = await api.ask("GET", f"/v1/claim-files/{file['id']}/documents")
    shown = {row["type"]: (row["label"], row["state"]) for row in rows["items"]}
    assert shown["dt-rib"] == ("Relevé bancaire", "received")
    assert shown["dt-photo"] == ("Photo", "missing")
    assert file["documents"]["missing"] == 2


async def test_conversion_is_listed_while_documents_are_missing(
    api: Api, office: Office, clock: Any
) -> None:
    one = office.add("F-1")
    await api.refresh()
    before = await api.ask("GET", "/v1/documents/missing?stage=converted")
    clock.advance(timedelta(minutes=1))
    office.convert(one)
    await api.refresh()

    listed = await api.ask("GET", "/v1/documents/missing?stage=converted")

    assert (before["total"], listed["total"]) == (0, 1)
    file = await api.file("F-1")
    assert file["data"]["contract"]["number"] == "C-F-1"
    assert [entry["event"] for entry in file["timeline"]] == ["quote", "converted"]


async def test_same_follow_ups_again_change_nothing(api: Api, office: Office) -> None:
    office.put(office.add("F-1"), "dt-rib", "received")
    await api.refresh()
    head = (await api.ask("GET", "/v1/changes?limit=500"))["next"]

    pass_ = await api.refresh()

    changes = await api.ask("GET", f"/v1/changes?after={head}&limit=500")
    assert {one["type"] for one in changes["items"]} <= {"pass.finished"}
    assert pass_["counts"]["changed"] == 0


async def test_operators_rules_outrank_the_platforms(api: Api, office: Office) -> None:
    await api.ask(
        "PUT",
        "/v1/document-rules/assur3d.auto",
        {"documents": [{"id": "dt-rib", "label": "Ours"}]},
    )
    office.add("F-1")

    await api.refresh()

    rules = await api.ask("GET", "/v1/document-rules/assur3d.auto")
    assert [one["label"] for one in rules["documents"]] == ["Ours"]
    assert await api.states("F-1") == {"dt-rib": "missing"}
