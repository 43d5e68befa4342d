"""No secret is ever written anywhere, whatever callers and partners do with it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.attack.canary import files_of, make_canary, sightings
from tests.attack.strict_partner import Asked, StrictPartner, jpeg, problem
from tests.e2e.service import Service

LINK = "/v1/repairers/garage-7/links/claims360"
T1, T2 = "2026-03-02T09:14:05.120Z", "2026-03-02T10:14:05.120Z"
BLOCKED = "127.0.0.2:9"
COMMANDS = (
    ("status",),
    ("links", "--json"),
    ("records", "--json"),
    ("attention",),
    ("doctor",),
    ("check",),
    ("connector", "show", "claims360"),
    ("credentials", "show", "--repairer", "garage-7", "--connector", "claims360"),
    ("audit", "verify"),
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


async def register_in_every_wrong_way(ask: Any, partner: EchoingPartner) -> None:
    """Send the secrets in every form that is refused."""
    good = partner.credentials()
    key = partner.keys[0]
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
        await ask("PUT", f"{LINK}/credentials", json=body)
    for raw in (json.dumps(good)[:-3], f'{{"a": "{key}", "a": NaN}}', "\x00" + key):
        headers = {"Content-Type": "application/json", "Idempotency-Key": "broken"}
        await ask("PUT", f"{LINK}/credentials", data=raw.encode(), headers=headers)
    await ask("POST", f"{LINK}/credentials", json=good)
    await ask("PATCH", f"{LINK}/credentials", json=good)
    await ask(
        "PUT", f"{LINK}/settings", json={"interval_seconds": key, "excludes": [{"colour": key}]}
    )
    await ask("PUT", f"{LINK}/credentials", json=good, headers={"Content-Type": "text/plain"})


async def test_no_secret_is_found_in_anything_that_was_written(
    service: Service, partner: EchoingPartner
) -> None:
    said: list[tuple[str, bytes]] = []

    async def ask(method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {service.token}", **more.pop("headers", {})}
        url = service.address + path
        async with service.http.request(method, url, headers=headers, **more) as answer:
            content = await answer.read()
            said.append((f"{method} {path}", f"{answer.raw_headers}".encode() + content))
            is_json = answer.content_type.endswith("json")
            return json.loads(content) if content and is_json else None

    async def refresh() -> None:
        await ask("POST", f"{LINK}/resume")
        await ask("POST", "/v1/refresh?wait=20", json={"repairer": "garage-7"})

    # the partner refuses the credentials, in every way that it can
    await register_in_every_wrong_way(ask, partner)
    for status in (401, 400, 302, 500, 200):
        partner.answers["check"] = partner.echoing(status)
        await ask("PUT", f"{LINK}/credentials", json=partner.credentials())
    partner.answers.clear()

    # it takes them, and says them back in whatever it answers
    good = {"json": partner.credentials(), "headers": {"Idempotency-Key": "once"}}
    await ask("PUT", f"{LINK}/settings", json={"start_date": "2020-01-01"})
    for _ in range(2):
        await ask("PUT", f"{LINK}/credentials?verify=skip", **good)
    partner.answers["changes"] = partner.echoing_items
    await refresh()
    for status in (302, 400, 404, 429, 500, 410):
        partner.answers["changes"] = partner.echoing(status)
        await refresh()
    partner.answers.clear()
    partner.put("quote", "Q-1", T2, missionId="M-1")
    partner.add_photo("M-1", "P-1", jpeg("one"))
    for operation in ("quote", "photos", "photo"):
        partner.answers = {operation: partner.echoing(400)}
        await refresh()
    partner.answers.clear()
    await refresh()
    partner.answers["changes"] = partner.echoing(403)
    await refresh()
    await ask("PUT", f"{LINK}/credentials", json=partner.credentials())

    # everything that can be read is read
    records = await ask("GET", "/v1/records?intake=queued,accepted,dismissed,excluded")
    for record in records["items"]:
        await ask("GET", f"/v1/records/{record['id']}")
        await ask("GET", f"/v1/records/{record['id']}/history")
    for row in (await ask("GET", "/v1/quarantine"))["items"]:
        await ask("GET", f"/v1/quarantine/{row['id']}")
    reading = ("/metrics", "/openapi.json", "/docs", "/readyz", "/v1/links", LINK, "/nowhere")
    more = (f"{LINK}/credentials", "/v1/passes", "/v1/changes", "/v1/attention", "/v1/repairers")
    for path in (*reading, *more, "/v1/claim-files", "/v1/connectors/claims360"):
        await ask("GET", path)
    for command in COMMANDS:
        _, out, err = await service.command(*command)
        said.append((f"syncer {' '.join(command)}", (out + err).encode()))

    # killed while the write-ahead log is full, and once more after a clean stop
    await service.kill()
    said += files_of(service.folder, but={"api-token", "root.key"})
    token = service.token
    await service.start()
    await service.stop()
    said += files_of(service.folder, but={"api-token", "root.key"})
    canaries = {
        "bodyshop key": partner.keys[0],
        "planning key": partner.keys[1],
        "token": token,
        "root key": (service.folder / "root.key").read_text().strip(),
    }

    assert len(partner.seen) > 20
    assert records["total"] > 0
    assert sorted(set(sightings(canaries, said))) == []
