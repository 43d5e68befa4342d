"""A backup of the real process while it works, brought back by the real commands."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from syncer_claims360.played_shop import PlayedShop

from tests.e2e.service import Service, by_ref
from tests.e2e.test_process import fill


async def backed_up(service: Service, to: Path) -> Path:
    """Take a backup and give its folder."""
    code, out, err = await service.command("backup", "--to", str(to), "--json")
    assert code == 0, err
    return Path(json.loads(out)["folder"])


async def restored(service: Service, backup: Path) -> Service:
    """Bring a backup into an empty data folder of the same configuration, and start on it."""
    await service.kill()
    (service.folder / "data").rename(service.folder / "lost")
    code, _, err = await service.command("restore", "--from", str(backup))
    assert code == 0, err
    await service.start()
    return service


async def test_a_backup_taken_during_a_pass_comes_back_with_data_and_credentials(
    running: Service, shop: PlayedShop, tmp_path: Path
) -> None:
    shop.most_per_page = 2
    fill(shop, 10)
    await running.good("POST", "/v1/refresh?wait=30", {})
    cursor = (await running.good("GET", "/v1/changes?limit=500"))["next"]
    fill(shop, 10)
    known = by_ref(await running.everything("/v1/records"))

    passing = asyncio.create_task(running.good("POST", "/v1/refresh?wait=30", {}))
    backup = await backed_up(running, tmp_path / "backups")
    await passing
    service = await restored(running, backup)

    back = by_ref(await service.everything("/v1/records"))
    assert known.keys() <= back.keys()
    assert (await service.ask("GET", f"/v1/changes?after={cursor}"))[0] == 410
    ended = await service.good("POST", "/v1/refresh?wait=30", {})  # opens the credentials
    assert [one["state"] for one in ended["passes"]] == ["succeeded"]
    whole = by_ref(await service.everything("/v1/records"))
    assert whole.keys() == {id_ for _, id_ in shop.objects}
    for photo in (one for each in whole.values() for one in each["attachments"]):
        assert photo["state"] == "stored"
        assert (await _download(service, photo["id"])) == 200
    code, _, err = await service.command("audit", "verify")
    assert code == 0, err


async def test_a_stopped_service_is_backed_up_without_its_key(
    running: Service, shop: PlayedShop, tmp_path: Path
) -> None:
    fill(shop, 1)
    await running.good("POST", "/v1/refresh?wait=30", {})
    await running.stop()
    (running.folder / "root.key").rename(running.folder / "kept.key")

    backup = await backed_up(running, tmp_path / "backups")
    (running.folder / "kept.key").rename(running.folder / "root.key")
    service = await restored(running, backup)

    assert len(await service.everything("/v1/records")) == 2
    assert (await service.ask("GET", "/readyz"))[0] == 200


async def test_a_folder_in_use_or_with_data_is_not_restored_into(
    running: Service, tmp_path: Path
) -> None:
    backup = await backed_up(running, tmp_path / "backups")

    in_use, _, _ = await running.command("restore", "--from", str(backup))
    await running.stop()
    with_data, _, err = await running.command("restore", "--from", str(backup))

    assert (in_use, with_data) == (3, 7)
    assert "Move it away" in err


async def test_neither_key_nor_credentials_nor_token_are_in_a_backup(
    running: Service, shop: PlayedShop, tmp_path: Path
) -> None:
    backup = await backed_up(running, tmp_path / "backups")

    content = b"".join(path.read_bytes() for path in backup.rglob("*") if path.is_file())
    key = (running.folder / "root.key").read_text().strip()
    for secret in (key, running.token, *(v for v in shop.credentials().values() if len(v) > 8)):
        assert secret.encode() not in content


async def _download(service: Service, id_: str) -> int:
    url = f"{service.address}/v1/attachments/{id_}/content"
    headers = {"Authorization": f"Bearer {service.token}"}
    async with service.http.get(url, headers=headers) as answer:
        await answer.read()
        return answer.status
