"""No secret is ever written anywhere, whatever callers and partners do with it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import aiohttp
import pytest
from aiohttp import web

from tests.attack.canary import files_of, make_canary, sightings
from tests.attack.strict_partner import Asked, StrictPartner, jpeg, problem
from tests.e2e.service import Service

LINK = "/v1/repairers/garage-7/links/claims360"
T1, T2 = "2026-03-02T09:14:05.120Z", "2026-03-02T10:14:05.120Z"
READ = (
    "/metrics",
    "/openapi.json",
    "/docs",
    "/readyz",
    "/nowhere",
    "/v1/links",
    LINK,
    f"{LINK}/credentials",
    "/v1/passes",
    "/v1/changes",
    "/v1/attention",
    "/v1/repairers",
    "/v1/claim-files",
    "/v1/connectors/claims360",
)
BLOCKED = "127.0.0.2:9"
COMMANDS = (
    ("links", "--json"),
    ("records", "--json"),
    ("doctor",),
    ("connector", "show", "claims360"),
    ("credentials", "show", "--repairer", "garage-7", "--connector", "claims360"),
    ("audit", "verify"),
    ("backup",),
)


class EchoingPartner(StrictPartner):
    """Says what it was sent wherever a partner can say something."""

    def echo(self, asked: Asked) -> str:
        """Give the keys of a request in one text."""
        names = ("x-bodyshop-api-key", "x-planning-api-key")
        return " | ".join(asked.headers.get(name, "") for name in names)

    def echoing(self, status: int) -> Any:
        """Make an operation answer with the keys in body and headers."""

        async def answer(asked: Asked) -> web.StreamResponse:
            echo = self.echo(asked)
            headers = {"X-Echo": echo, "ETag": f'"{echo}"', "Set-Cookie": f"k={echo}; Path=/"}
            headers["Location"] = f"http://{BLOCKED}/{echo}?key={echo}"
            headers["Retry-After"] = echo
            return problem(status, echo, detail=echo, headers=headers)

        return answer

    async def echoing_items(self, asked: Asked) -> web.StreamResponse:
        """Answer a listing whose items, position and ETag hold the keys."""
        echo = self.echo(asked)
        good = self.put("mission", "M-ECHO", T1, number=echo, photoCount=0, extra={echo: echo})
        bad = {**good, "id": "M-BAD", "version": echo}
        worse = {**good, "id": echo, "statusChangedAt": echo}
        strange = {"type": echo, "id": "S-1", "note": echo}
        items = [good, bad, worse, strange]
        body = {"items": items, "nextCursor": echo, "hasMore": True, "serverTime": T2}
        return web.json_response(body, headers={"ETag": f'"{echo}"'})


@pytest.fixture
def partner() -> EchoingPartner:
    canaries = {"bodyshop key": make_canary(), "planning key": make_canary()}
    return EchoingPartner(keys=(canaries["bodyshop key"], canaries["planning key"]))


@pytest.fixture
async def service(tmp_path: Path, partner: EchoingPartner) -> AsyncIterator[Service]:
    """The real process, logging all it can say."""
    async with partner.serve() as base_url, aiohttp.ClientSession() as http:
        service = Service(tmp_path, http, environment={"SYNCER_LOG_LEVEL": "debug"})
        service.configure(base_url)
        code, _, err = await service.command("key", "init", "--to", str(tmp_path / "root.key"))
        assert code == 0, err
        await service.start()
        port = service.address.rpartition(":")[2]
        service.environment = {**service.environment, "SYNCER_SERVER__PORT": port}
        yield service
        if service.process is not None:
            await service.kill()


@dataclass
class Listener:
    """Uses the service in every way and keeps all that is said."""

    service: Service
    partner: EchoingPartner
    said: list[tuple[str, bytes]] = field(default_factory=list)

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.service.token}", **more.pop("headers", {})}
        url = self.service.address + path
        async with self.service.http.request(method, url, headers=headers, **more) as answer:
            content = await answer.read()
            self.said.append((f"{method} {path}", f"{answer.raw_headers}".encode() + content))
            is_json = answer.content_type.endswith("json")
            return json.loads(content) if content and is_json else None

    async def register(self, **more: Any) -> None:
        await self.ask("PUT", f"{LINK}/credentials", **more)

    async def refresh(self, **answers: Any) -> None:
        """Make a pass while the partner answers an operation so."""
        self.partner.answers = answers
        await self.ask("POST", f"{LINK}/resume")
        await self.ask("POST", "/v1/refresh?wait=20", json={"repairer": "garage-7"})
        self.partner.answers = {}

    async def register_in_every_wrong_way(self) -> None:
        """Send the secrets in every form that is refused, by us and by the partner."""
        good, key = self.partner.credentials(), self.partner.keys[0]
        for body in (
            {**good, "bodyshop_api_key": [key]},
            {**good, "bodyshop_api_key": key * 9},
            {**good, "bodyshop_id": key},
            {**good, "planning_api_key": None},
            {**good, "more": key},
            {"bodyshop_api_key": key},
            [key],
            key,
        ):
            await self.register(json=body)
        for raw in (json.dumps(good)[:-3], f'{{"a": "{key}", "a": NaN}}', "\x00" + key):
            headers = {"Content-Type": "application/json", "Idempotency-Key": "broken"}
            await self.register(data=raw.encode(), headers=headers)
        await self.register(json=good, headers={"Content-Type": "text/plain"})
        for method in ("POST", "PATCH"):
            await self.ask(method, f"{LINK}/credentials", json=good)
        odd = {"interval_seconds": key, "excludes": [{"colour": key}]}
        await self.ask("PUT", f"{LINK}/settings", json=odd)
        for status in (401, 400, 302, 500, 200):
            self.partner.answers["check"] = self.partner.echoing(status)
            await self.register(json=good)
        self.partner.answers = {}

    async def register_and_pull(self) -> None:
        """Register the secrets; the partner says them back in whatever it answers."""
        partner = self.partner
        good = {"json": partner.credentials(), "headers": {"Idempotency-Key": "once"}}
        await self.ask("PUT", f"{LINK}/settings", json={"start_date": "2020-01-01"})
        for _ in range(2):
            await self.ask("PUT", f"{LINK}/credentials?verify=skip", **good)
        await self.refresh(changes=partner.echoing_items)
        for status in (302, 400, 404, 429, 500, 410):
            await self.refresh(changes=partner.echoing(status))
        partner.put("quote", "Q-1", T2, missionId="M-1")
        partner.add_photo("M-1", "P-1", jpeg("one"))
        for operation in ("quote", "photos", "photo"):
            await self.refresh(**{operation: partner.echoing(400)})
        await self.refresh()
        await self.refresh(changes=partner.echoing(403))
        await self.register(json=partner.credentials())

    async def read_everything(self) -> int:
        """Read all that can be read; gives the number of records."""
        records = await self.ask("GET", "/v1/records?intake=queued,accepted,dismissed,excluded")
        for record in records["items"]:
            await self.ask("GET", f"/v1/records/{record['id']}")
            await self.ask("GET", f"/v1/records/{record['id']}/history")
        for row in (await self.ask("GET", "/v1/quarantine"))["items"]:
            await self.ask("GET", f"/v1/quarantine/{row['id']}")
        for path in READ:
            await self.ask("GET", path)
        for command in COMMANDS:
            _, out, err = await self.service.command(*command)
            self.said.append((f"syncer {' '.join(command)}", (out + err).encode()))
        await self.diagnose()
        return len(records["items"])

    async def diagnose(self) -> None:
        """Have diagnostics made of the log, into which others wrote the secrets."""
        log = self.service.log()
        foreign = f'{{"event": "proxy", "header": {json.dumps(self.partner.keys[0])}}}'
        with TemporaryDirectory() as elsewhere:
            mixed = Path(elsewhere) / "mixed.log"
            mixed.write_text(f"{log}{self.partner.keys[1]}\n{foreign}\n{log}")
            place = str(self.service.folder / "diagnostics.zip")
            made = await self.service.command("diagnostics", "--to", place, "--log", str(mixed))
        assert made[0] == 0, made
        self.said.append(("syncer diagnostics", "".join(made[1:]).encode()))
        with ZipFile(place) as parts:
            self.said += [(f"diagnostics: {name}", parts.read(name)) for name in parts.namelist()]

    async def search_files(self) -> None:
        """Look at all files, killed with a full write-ahead log and after a clean stop."""
        await self.service.kill()
        self.said += files_of(self.service.folder, but={"api-token", "root.key"})
        await self.service.start()
        await self.service.stop()
        self.said += files_of(self.service.folder, but={"api-token", "root.key"})


async def test_no_secret_is_found_in_anything_that_was_written(
    service: Service, partner: EchoingPartner
) -> None:
    listener = Listener(service, partner)
    canaries = {
        "bodyshop key": partner.keys[0],
        "planning key": partner.keys[1],
        "token": service.token,
        "root key": (service.folder / "root.key").read_text().strip(),
    }

    await listener.register_in_every_wrong_way()
    await listener.register_and_pull()
    records = await listener.read_everything()
    await listener.search_files()

    assert (len(partner.seen) > 20, records > 0) == (True, True)
    assert sorted(set(sightings(canaries, listener.said))) == []
