"""No secret and nothing of a claim leaves the house in a diagnostics file, in any spelling."""

from __future__ import annotations

import base64
import json
import socket
import zipfile
from pathlib import Path
from urllib.parse import quote

from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop

from tests.e2e.conftest import LINK
from tests.e2e.service import Service

PERSONAL = {
    "insured": {"name": "Canary Owner Née", "phone": "+32 470 99 88 77", "email": "canary@own.er"},
    "vehicle": {"plate": "9-CAN-999", "vin": "VINCANARY12345678", "make": "Canarymake"},
    "insurer": {"name": "Canary Insurance", "claimNumber": "CANARY/26/1"},
}
MORE = """
[settings.informex]
excludes = [{ plate = "CANARYPLATE*" }, { insurer = "Canaryinsurer" }]

[mail]
host = "mail.example"
from = "canary-sender@mail.example"
user = "canary-mail-user"
password_file = "{folder}/mail-password"
"""
MAIL_PASSWORD = "canary-mail-password-7"


def spellings(secret: str) -> set[str]:
    """Spell a text in the ways in which it may stand in a file."""
    raw = secret.encode()
    return {
        secret,
        secret[::-1],
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        raw.hex(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    }


def free_port() -> int:
    """Find a port that the command can read from the configuration."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port


def leaves(value: object) -> list[str]:
    """Give all texts in a tree."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in leaves(each)]
    return [str(value)]


async def test_no_canary_is_in_the_diagnostics(
    service: Service, shop: PlayedShop, partner: PlayedClaims360, tmp_path: Path
) -> None:
    text = service.config.read_text().replace("Demo", "Canaryrepairer")
    (service.folder / "mail-password").write_text(MAIL_PASSWORD + "\n")
    more = MORE.replace("{folder}", str(service.folder))
    service.config.write_text(text.replace("port = 0", f"port = {free_port()}") + more)
    shop.add_mission("MISSION-CANARY", **PERSONAL)
    shop.add_mission("BAD-CANARY")
    bad = b'{"type":"mission","id":"BAD-CANARY","status":["Canary is no status"]}'
    shop.objects["mission", "BAD-CANARY"].raw = bad
    await service.start()
    await service.good("PUT", f"{LINK}/settings", {"start_date": "2020-01-01"})
    await service.good("PUT", f"{LINK}/credentials", dict(shop.credentials()))
    await service.good("POST", "/v1/refresh?wait=30", {})
    log = tmp_path / "noisy.log"
    secrets = [
        *(value for value in shop.credentials().values() if len(value) > 8),
        service.token,
        (service.folder / "root.key").read_text().strip(),
        *leaves(PERSONAL),
        *("MISSION-CANARY", "BAD-CANARY", "Canary is no status", "Canaryrepairer"),
        *("CANARYPLATE", "Canaryinsurer", "canary-mail-user", MAIL_PASSWORD),
        "canary-sender@mail.example",
    ]
    noise = [{"event": "pass_failed", "text": each, "password": each} for each in secrets]
    log.write_text(
        service.log() + "".join(json.dumps(each) + "\n" for each in noise) + "\n".join(secrets)
    )

    file = tmp_path / "d.zip"
    code, out, err = await service.command("diagnostics", "--to", str(file), "--log", str(log))

    assert code == 0, err
    with zipfile.ZipFile(file) as archive:
        content = "".join(archive.read(name).decode() for name in archive.namelist()) + out + err
    assert "item_quarantined" in content
    found = {each for each in secrets for spelt in spellings(each) if spelt in content}
    assert found == set()
