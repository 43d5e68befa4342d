"""`syncer deliveries` on a running service: a blocked delivery is seen, and brought on its way."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncer.cli.exits import Exit
from tests.cli.conftest import Syncer

JPEG = b"\xff\xd8\xff\xe0" + b"x" * 100


def curl(demo: Syncer, method: str, path: str, *more: str) -> Any:
    """Ask the service as a planning system does."""
    settings = {row["name"]: row["value"] for row in demo("check", "--json").json["settings"]}
    token = (Path(settings["data_dir"]) / "api-token").read_text(encoding="ascii").strip()
    place = f"http://127.0.0.1:{settings['server.port']}{path}"
    done = subprocess.run(
        [
            *("curl", "-sf", "--noproxy", "*", "-X", method, place),
            *("-H", f"Authorization: Bearer {token}", *more),
        ],
        capture_output=True,
        timeout=30,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture
def blocked(demo: Syncer, tmp_path: Path) -> Iterator[str]:
    """Photos for a mission that there is not yet; gives the delivery's id."""
    (tmp_path / "a.jpg").write_bytes(JPEG)
    as_json = ("-H", "Content-Type: application/json", "-d")
    made = {
        "repairer": "garage-janssens", "connector": "claims360", "reference": f"T-{tmp_path.name}",
    }  # fmt: skip
    file = curl(demo, "POST", "/v1/claim-files", *as_json, json.dumps(made))["id"]
    photo = curl(
        demo, "POST", f"/v1/claim-files/{file}/documents",
        "-F", f"file=@{tmp_path}/a.jpg;type=image/jpeg", "-F", "type=foto",
    )  # fmt: skip

    def send(operation: str, **more: Any) -> str:
        asked = {"claim_file": file, "operation": operation, **more}
        key = ("-H", f"Idempotency-Key: {operation}-{tmp_path.name}")
        return str(curl(demo, "POST", "/v1/deliveries", *key, *as_json, json.dumps(asked))["id"])

    photos = send("photos", attachments=[photo["id"]])
    until(demo, photos, "blocked")
    yield photos
    dossier = send("vehicle_update", payload={"plate": "1-ABC-234", "mileage_km": 1})
    until(demo, dossier, "delivered")
    demo("deliveries", "retry", photos)
    until(demo, photos, "delivered")


def until(demo: Syncer, id_: str, state: str) -> Any:
    shown: Any = None
    for _ in range(200):
        shown = demo("deliveries", "show", id_, "--json").json
        if shown["state"] == state:
            return shown
        time.sleep(0.05)  # noqa: TID251 - another process works
    raise AssertionError(shown)


def test_a_blocked_delivery_is_listed_shown_and_retried(demo: Syncer, blocked: str) -> None:
    listed = demo("deliveries", "--state", "blocked", "--operation", "photos", "--json")
    assert blocked in {one["id"] for one in listed.json["items"]}
    table = demo("deliveries", "list", "--state", "blocked")
    assert blocked in table.out
    shown = demo("deliveries", "show", blocked)
    assert "no mission at Claims360" in shown.out
    assert "a.jpg" in shown.out
    kinds = {one["subject"]["id"]: one["kind"] for one in demo("attention", "--json").json["items"]}
    assert kinds[blocked] == "delivery_blocked"

    assert demo("deliveries", "retry", blocked, "--json").json["state"] == "queued"

    assert len(until(demo, blocked, "blocked")["attempts"]) == 2
    refused = demo("deliveries", "cancel", blocked)
    assert (refused.code, "blocked" in refused.err) == (Exit.REFUSED, True)
    resolve = demo("deliveries", "resolve", blocked, "delivered", "--note", "x")
    assert resolve.code == Exit.REFUSED
    assert demo("deliveries", "show", "nothing").code == Exit.REFUSED
