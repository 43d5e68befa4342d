from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from syncer.domain.errors import ConflictError, NotFoundError, VaultSealedError
from syncer.domain.links import LinkKey
from syncer.domain.stored import Repairer, SealedCredential
from syncer.ports.store import UnitOfWork
from syncer.services import keys
from tests.credentials.conftest import GOOD, LINK, OTHER, Desk, OpenDesk

KeyFile = Callable[[str], Path]


@pytest.fixture
def new_key(key_file: KeyFile) -> Path:
    return key_file("new.key")


async def sealed_of(desk: Desk, link: LinkKey = LINK) -> SealedCredential:
    sealed = await desk.sealed(link)
    assert sealed is not None
    return sealed


async def fill(desk: Desk, count: int) -> list[LinkKey]:
    """Register credentials for many repairers."""
    links = [LinkKey(f"shop-{number:03}", "door") for number in range(count)]

    async def furnish(uow: UnitOfWork) -> None:
        for link in links:
            await uow.repairers.put(Repairer(id=link.repairer, name=link.repairer))
        await uow.links.ensure(["door"])

    await desk.store.write(furnish)
    for link in links:
        await desk.register(link=link, verify=False)
    return links


async def test_a_new_active_key_seals_while_the_retired_one_still_opens(
    desk: Desk, open_desk: OpenDesk, root_key: Path, new_key: Path
) -> None:
    await desk.register()
    both: Desk = await open_desk(new_key, root_key)

    await both.register(link=OTHER)

    old, new = await sealed_of(both), await sealed_of(both, OTHER)
    assert both.vault.open(old) == both.vault.open(new) == GOOD
    assert new.kid == both.vault.kids[0] != old.kid


async def test_rewrapping_moves_the_keys_and_never_a_credential(
    desk: Desk, open_desk: OpenDesk, root_key: Path, new_key: Path
) -> None:
    await desk.register()
    before = await sealed_of(desk)
    both: Desk = await open_desk(new_key, root_key)

    done = await both.rotation.rewrap(actor="anna")

    after = await sealed_of(both)
    assert (done.moved, done.left) == (1, 0)
    assert (after.payload, after.id) == (before.payload, before.id)
    assert after.kid == both.vault.kids[0]
    assert both.vault.open(after) == GOOD


async def test_after_rewrapping_the_old_key_is_not_needed_and_the_new_one_is(
    desk: Desk, open_desk: OpenDesk, root_key: Path, new_key: Path
) -> None:
    await desk.register()
    await (await open_desk(new_key, root_key)).rotation.rewrap(actor="anna")

    alone: Desk = await open_desk(new_key)

    assert alone.vault.open(await sealed_of(alone)) == GOOD
    assert (await open_desk(root_key)).vault.sealed_reason is not None


async def test_the_old_key_is_needed_until_everything_is_rewrapped(
    desk: Desk, open_desk: OpenDesk, root_key: Path, new_key: Path
) -> None:
    await desk.register()
    await open_desk(new_key, root_key)

    assert (await open_desk(new_key)).vault.sealed_reason is not None


async def test_rewrapping_goes_in_batches_and_tells_how_far_it_is(
    desk: Desk, open_desk: OpenDesk, root_key: Path, new_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "BATCH", 3)
    await fill(desk, 7)
    both: Desk = await open_desk(new_key, root_key)
    told: list[int] = []

    done = await both.rotation.rewrap(actor="anna", progress=told.append)

    assert done.moved == 7
    assert told == [3, 6, 7]


async def test_a_rewrap_that_was_broken_off_goes_on_where_it_stopped(
    desk: Desk, open_desk: OpenDesk, root_key: Path, new_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "BATCH", 3)
    links = await fill(desk, 7)
    both: Desk = await open_desk(new_key, root_key)

    def break_off(_moved: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await both.rotation.rewrap(actor="anna", progress=break_off)
    again: Desk = await open_desk(new_key, root_key)
    done = await again.rotation.rewrap(actor="anna")

    assert done.moved == 4
    alone: Desk = await open_desk(new_key)
    assert [alone.vault.open(await sealed_of(alone, link)) for link in links] == [GOOD] * 7


async def test_a_damaged_credential_is_left_and_holds_up_no_other(
    desk: Desk, open_desk: OpenDesk, root_key: Path, new_key: Path
) -> None:
    await fill(desk, 3)
    desk.meddle(
        "UPDATE credential_key SET wrapped_key = zeroblob(62) WHERE credential_id ="
        " (SELECT credential_id FROM credential WHERE repairer = 'shop-000')"
    )
    both: Desk = await open_desk(new_key, root_key)

    done = await both.rotation.rewrap(actor="anna")

    assert (done.moved, done.left) == (2, 1)


async def test_a_key_is_not_retired_while_it_is_in_use(
    desk: Desk, open_desk: OpenDesk, root_key: Path, new_key: Path
) -> None:
    await desk.register()
    both: Desk = await open_desk(new_key, root_key)

    with pytest.raises(ConflictError, match="rewrap") as refused:
        await both.rotation.retire(actor="anna")

    assert refused.value.code == "key_in_use"


async def test_a_key_is_not_retired_while_it_seals_only_the_audit_key(
    desk: Desk, open_desk: OpenDesk, root_key: Path, new_key: Path
) -> None:
    both: Desk = await open_desk(new_key, root_key)

    with pytest.raises(ConflictError) as refused:
        await both.rotation.retire(kid=desk.vault.kids[0].hex(), actor="anna")

    assert refused.value.code == "key_in_use"


async def test_a_rewrapped_key_is_retired(
    desk: Desk, open_desk: OpenDesk, root_key: Path, new_key: Path
) -> None:
    await desk.register()
    both: Desk = await open_desk(new_key, root_key)
    await both.rotation.rewrap(actor="anna")

    retired = await both.rotation.retire(actor="anna")

    assert retired == [desk.vault.kids[0].hex()]
    assert await both.rotation.uses()


async def test_the_active_key_is_never_retired(desk: Desk) -> None:
    with pytest.raises(ConflictError):
        await desk.rotation.retire(kid=desk.vault.kids[0].hex(), actor="anna")


async def test_there_is_nothing_to_retire_without_an_old_key(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        await desk.rotation.retire(actor="anna")


async def test_keys_are_not_rotated_in_a_sealed_vault(open_desk: OpenDesk) -> None:
    with pytest.raises(VaultSealedError):
        await (await open_desk(None)).rotation.rewrap(actor="anna")


async def test_the_audit_trail_goes_on_in_one_chain_over_a_rotation(
    desk: Desk, open_desk: OpenDesk, root_key: Path, new_key: Path
) -> None:
    await desk.register()
    both: Desk = await open_desk(new_key, root_key)
    await both.rotation.rewrap(actor="anna")
    await both.rotation.retire(actor="anna")

    alone: Desk = await open_desk(new_key)

    assert (await alone.trail.verify()).intact
    assert {entry.chain for entry in await alone.audit()} == {1}
    actions = await alone.actions()
    assert actions == ["set", "key_load", "unseal", "rotate", "rotate", "unseal"]


async def test_a_fingerprint_stays_the_same_over_a_rotation(
    desk: Desk, open_desk: OpenDesk, root_key: Path, new_key: Path
) -> None:
    before = desk.vault.fingerprint(b"body")
    both: Desk = await open_desk(new_key, root_key)
    await both.rotation.rewrap(actor="anna")

    assert (await open_desk(new_key)).vault.fingerprint(b"body") == before
