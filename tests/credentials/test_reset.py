from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from syncer.domain.errors import CredentialUnreadableError, InvalidError, NotFoundError
from syncer.domain.links import LinkKey, LinkState
from syncer.domain.stored import LinkOutcome
from tests.credentials.conftest import (
    GOOD,
    LINK,
    OTHER,
    Desk,
    OpenDesk,
    PlayedDoor,
    contents,
)

KeyFile = Callable[[str], Path]


async def reset(desk: Desk, link: LinkKey = LINK) -> None:
    await desk.resets.reset(link, ticket="HD-7", reason="lost key", actor="anna")


async def test_a_reset_removes_the_credentials_and_opens_the_slot(desk: Desk) -> None:
    await desk.register()

    await reset(desk)

    assert await desk.sealed() is None
    assert (await desk.link()).state is LinkState.UNCONFIGURED
    assert (await desk.register()).generation == 2


async def test_a_reset_leaves_no_sealed_bytes_in_the_files_of_the_store(
    desk: Desk, database: Path
) -> None:
    await desk.register()
    sealed = await desk.sealed()
    assert sealed is not None
    assert any(sealed.payload in content for content in contents(database.parent))

    await reset(desk)

    for content in contents(database.parent):
        assert sealed.payload not in content
        assert sealed.wrapped_key not in content


async def test_a_reset_is_audited_with_ticket_reason_and_actor(desk: Desk) -> None:
    await desk.register()

    await reset(desk)

    entry = (await desk.audit())[-1]
    assert (entry.action, entry.actor, entry.repairer) == ("reset", "anna", LINK.repairer)
    assert entry.detail == {"ticket": "HD-7", "reason": "lost key", "generation": 1}


async def test_a_reset_touches_no_other_link(desk: Desk) -> None:
    await desk.register()
    await desk.register(link=OTHER)

    await reset(desk)

    assert await desk.sealed(OTHER) is not None
    assert (await desk.link(OTHER)).state is LinkState.ACTIVE


async def test_a_reset_is_told_in_the_feed(desk: Desk) -> None:
    await desk.register()

    await reset(desk)

    assert [entry.change.data["state"] for entry in await desk.told()] == ["active", "unconfigured"]


@pytest.mark.parametrize(("ticket", "reason"), [("", "why"), ("HD-7", " ")])
async def test_a_reset_needs_a_ticket_and_a_reason(desk: Desk, ticket: str, reason: str) -> None:
    await desk.register()

    with pytest.raises(InvalidError):
        await desk.resets.reset(LINK, ticket=ticket, reason=reason, actor="anna")

    assert await desk.sealed() is not None


@pytest.mark.parametrize("link", [LINK, LinkKey("nobody", "door")], ids=["empty", "unknown"])
async def test_a_reset_of_nothing_is_refused_and_leaves_no_entry(desk: Desk, link: LinkKey) -> None:
    with pytest.raises(NotFoundError):
        await reset(desk, link)

    assert await desk.actions() == []


async def test_a_pass_that_outlived_a_reset_leaves_nothing_on_the_link(desk: Desk) -> None:
    await desk.register()
    await reset(desk)
    await desk.register()
    late = LinkOutcome(
        link=LINK,
        generation=1,
        pass_id="late",
        pass_state="failed",
        ended_at=desk.clock.now(),
        succeeded=False,
        state=LinkState.CREDENTIALS_REJECTED,
    )

    await desk.store.write(lambda uow: uow.links.finish([late]))

    assert (await desk.link()).state is LinkState.ACTIVE


async def test_credentials_from_before_a_reset_do_not_open_when_they_are_played_back(
    desk: Desk,
) -> None:
    await desk.register()
    old = await desk.sealed()
    assert old is not None
    await reset(desk)
    await desk.register()

    for replayed in (old, replace(old, generation=2)):
        with pytest.raises(CredentialUnreadableError):
            desk.opener.open(await desk.link(), replayed, correlation_id="x")


# -- with the root key lost -----------------------------------------------------------------------


async def test_a_reset_works_without_the_root_key_in_a_new_audit_chain_and_says_so(
    desk: Desk, open_desk: OpenDesk
) -> None:
    await desk.register()
    sealed: Desk = await open_desk(None)

    done = await sealed.resets.reset(LINK, ticket="HD-7", reason="fire", actor="anna")

    assert done.keyless_chain == 2
    assert await sealed.sealed() is None
    entry = (await sealed.audit())[-1]
    assert (entry.action, entry.chain) == ("reset", 2)


async def test_resets_of_one_sealed_time_share_a_chain(desk: Desk, open_desk: OpenDesk) -> None:
    await desk.register()
    await desk.register(link=OTHER)
    sealed: Desk = await open_desk(None)

    await reset(sealed)
    await reset(sealed, OTHER)

    assert [entry.chain for entry in (await sealed.audit())[-2:]] == [2, 2]


async def test_another_key_takes_over_once_all_credentials_of_the_lost_one_are_reset(
    desk: Desk, open_desk: OpenDesk, key_file: KeyFile
) -> None:
    await desk.register()
    await desk.register(link=OTHER)
    new_key = key_file("new.key")
    await reset(await open_desk(new_key))
    assert (await open_desk(new_key)).vault.sealed_reason is not None

    await reset(await open_desk(new_key), OTHER)
    fresh: Desk = await open_desk(new_key)

    assert fresh.vault.sealed_reason is None
    assert (await fresh.register()).generation == 2
    verdict = await fresh.trail.verify()
    assert verdict.intact
    assert set(verdict.unproven) == {1, 2}


async def test_a_root_key_that_is_found_again_goes_on_and_proves_its_old_chain(
    desk: Desk, open_desk: OpenDesk, root_key: Path
) -> None:
    await desk.register()
    await reset(await open_desk(None))

    found: Desk = await open_desk(root_key)

    verdict = await found.trail.verify()
    assert verdict.intact
    assert set(verdict.unproven) == {2}
    assert (await found.audit())[-1].chain == 3


async def test_a_lost_key_is_given_up_by_the_operator_only_without_credentials(
    desk: Desk, open_desk: OpenDesk, key_file: KeyFile
) -> None:
    new_key = key_file("new.key")
    sealed: Desk = await open_desk(new_key)
    assert sealed.vault.sealed_reason is not None

    await sealed.rotation.give_up(actor="anna")

    assert (await open_desk(new_key)).vault.sealed_reason is None


async def test_no_partner_is_asked_and_nothing_opens_under_a_wrong_key(
    desk: Desk, open_desk: OpenDesk, key_file: KeyFile, door: PlayedDoor
) -> None:
    await desk.register()
    door.knocks.clear()
    wrong: Desk = await open_desk(key_file("wrong.key"))
    credential = await wrong.sealed()
    assert credential is not None

    with pytest.raises(Exception, match="sealed"):
        wrong.opener.open(await wrong.link(), credential, correlation_id="x")
    with pytest.raises(Exception, match="sealed"):
        await wrong.register(GOOD, OTHER)

    assert door.knocks == []
