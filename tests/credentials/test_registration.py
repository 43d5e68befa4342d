from __future__ import annotations

import asyncio
from typing import Any

import pytest

from syncer.domain.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    PartnerUnreachableError,
    TooManyVerificationsError,
    VaultSealedError,
)
from syncer.domain.links import LinkKey, LinkState
from syncer.ports.plugins import ConnectorState
from syncer.ports.store import UnitOfWork
from syncer.services.register import Registered
from tests.credentials.conftest import GOOD, LINK, OTHER, Desk, OpenDesk, PlayedDoor

BAD_KEY = {**GOOD, "key": "key-wrong-0123456789"}


async def refusal(desk: Desk, body: dict[str, Any], link: LinkKey = LINK) -> InvalidError:
    with pytest.raises(InvalidError) as refused:
        await desk.register(body, link)
    return refused.value


async def test_registered_credentials_are_sealed_and_make_the_link_active(desk: Desk) -> None:
    registered = await desk.register()

    assert registered.fields == ("key", "shop")
    assert registered.generation == 1
    link, sealed = await desk.link(), await desk.sealed()
    assert link.state is LinkState.ACTIVE
    assert link.generation == 1
    assert sealed is not None
    assert desk.vault.open(sealed) == GOOD


async def test_the_partner_is_asked_before_anything_is_stored(desk: Desk, door: PlayedDoor) -> None:
    await desk.register()

    assert door.knocks == ["/check", "/cursor"]
    assert (await desk.link()).activation_cursor == "cursor-1"


async def test_the_first_pass_is_due_within_the_interval_and_not_at_once(desk: Desk) -> None:
    await desk.register()

    due = (await desk.link()).next_due_at
    assert due is not None
    assert 0 < (due - desk.clock.now()).total_seconds() <= 15 * 60


async def test_a_registration_is_audited_and_told_in_the_feed(desk: Desk) -> None:
    await desk.register()

    entry = (await desk.audit())[-1]
    assert (entry.action, entry.repairer, entry.connector) == ("set", *LINK)
    assert entry.detail == {"fields": ["key", "shop"], "generation": 1, "verified": True}
    (told,) = await desk.told()
    assert told.change.type == "link.state_changed"
    assert told.change.data["state"] == "active"


async def test_other_links_are_not_affected(desk: Desk) -> None:
    await desk.register()

    assert (await desk.link(OTHER)).state is LinkState.UNCONFIGURED
    assert await desk.sealed(OTHER) is None


# -- once -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [GOOD, {**GOOD, "key": "another-key"}, {}, {"key": ""}, {**GOOD, "more": "x"}],
    ids=["equal", "other", "nothing", "empty", "extra"],
)
async def test_a_second_registration_is_refused_whatever_it_holds(
    desk: Desk, door: PlayedDoor, body: dict[str, Any]
) -> None:
    await desk.register()
    first = await desk.sealed()
    door.knocks.clear()

    with pytest.raises(ConflictError, match="helpdesk") as refused:
        await desk.register(body)

    assert refused.value.code == "credentials_already_set"
    assert await desk.sealed() == first
    assert door.knocks == []


async def test_a_second_registration_is_refused_as_such_when_the_connector_is_quarantined(
    desk: Desk,
) -> None:
    await desk.register()
    desk.registry.quarantine("door", "broken")

    with pytest.raises(ConflictError) as refused:
        await desk.register()

    assert refused.value.code == "credentials_already_set"


async def test_a_second_registration_is_refused_as_such_in_a_sealed_vault(
    desk: Desk, open_desk: OpenDesk
) -> None:
    await desk.register()

    with pytest.raises(ConflictError) as refused:
        await (await open_desk(None)).register()

    assert refused.value.code == "credentials_already_set"


async def test_a_refused_second_registration_is_audited(desk: Desk) -> None:
    await desk.register()

    with pytest.raises(ConflictError):
        await desk.register()

    assert await desk.actions() == ["set", "set_refused"]


@pytest.mark.parametrize("verify", [True, False])
async def test_of_200_parallel_registrations_one_is_stored_and_199_are_refused(
    desk: Desk, verify: bool
) -> None:
    bodies = [{**GOOD, "shop": str(number)} for number in range(200)]

    outcomes = await asyncio.gather(
        *(desk.register(body, verify=verify) for body in bodies), return_exceptions=True
    )

    refused = [each for each in outcomes if isinstance(each, ConflictError)]
    (stored,) = [each for each in outcomes if isinstance(each, Registered)]
    assert len(refused) == 199
    assert {error.code for error in refused} == {"credentials_already_set"}
    assert stored.generation == 1
    actions = await desk.actions()
    assert (actions.count("set"), actions.count("set_refused")) == (1, 199)


async def test_of_two_services_that_register_at_once_the_database_lets_one_through(
    desk: Desk, open_desk: OpenDesk, root_key: Any
) -> None:
    other: Desk = await open_desk(root_key)

    outcomes = await asyncio.gather(
        *(each.register(verify=False) for each in (desk, other)), return_exceptions=True
    )

    assert sum(isinstance(each, Registered) for each in outcomes) == 1
    assert sum(isinstance(each, ConflictError) for each in outcomes) == 1


async def test_a_failing_answer_to_remember_leaves_nothing_behind(desk: Desk) -> None:
    async def fail(_uow: UnitOfWork, _registered: Registered) -> None:
        raise RuntimeError("the answer cannot be kept")

    with pytest.raises(RuntimeError):
        await desk.register(remember=fail)

    assert await desk.sealed() is None
    assert (await desk.link()).state is LinkState.UNCONFIGURED
    assert await desk.actions() == []
    assert await desk.told() == []


async def test_the_answer_is_remembered_with_the_credentials(desk: Desk) -> None:
    async def keep(uow: UnitOfWork, registered: Registered) -> None:
        await uow.notes.put("answer", str(registered.generation).encode())

    await desk.register(remember=keep)

    async with desk.store.read() as uow:
        assert await uow.notes.get("answer") == b"1"


# -- complete and well formed ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/shop", "/key"]),
        ({"shop": "1"}, ["/key"]),
        ({"key": "key-good-0123456789", "more": "x"}, ["/shop"]),
    ],
    ids=["nothing", "one", "one-and-extra"],
)
async def test_an_incomplete_registration_names_each_missing_field_and_stores_nothing(
    desk: Desk, door: PlayedDoor, body: dict[str, Any], pointers: list[str]
) -> None:
    error = await refusal(desk, body)

    assert error.code == "credentials_incomplete"
    assert [fault.pointer for fault in error.errors] == pointers
    assert await desk.sealed() is None
    assert (await desk.link()).state is LinkState.UNCONFIGURED
    assert door.knocks == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"more": "x"}, "/more"),
        ({"a/b~c": "x"}, "/a~1b~0c"),
        ({"key": ""}, "/key"),
        ({"key": "   "}, "/key"),
        ({"key": None}, "/key"),
        ({"key": 12345678}, "/key"),
        ({"key": ["key-good-0123456789"]}, "/key"),
        ({"key": "short"}, "/key"),
        ({"key": "key-good\r\nX-Evil: 1"}, "/key"),
        ({"key": "key-\ud800-0123456789"}, "/key"),
        ({"key": "k" * 5000}, "/key"),
        ({"shop": "seven"}, "/shop"),
    ],
    ids=[
        "extra", "extra-escaped", "empty", "blank", "null", "number", "list", "too-short",
        "line-break", "surrogate", "too-long", "pattern",
    ],
)  # fmt: skip
async def test_an_invalid_field_is_named_without_its_value_and_nothing_is_stored(
    desk: Desk, door: PlayedDoor, change: dict[str, Any], pointer: str
) -> None:
    error = await refusal(desk, {**GOOD, **change})

    assert error.code == "credentials_invalid"
    assert [fault.pointer for fault in error.errors] == [pointer]
    assert "0123456789" not in f"{error} {error.errors}"
    assert await desk.sealed() is None
    assert door.knocks == []


async def test_a_prefilled_field_may_be_left_out(desk: Desk) -> None:
    await desk.register({"key": GOOD["key"]}, OTHER)

    sealed = await desk.sealed(OTHER)
    assert sealed is not None
    assert desk.vault.open(sealed) == GOOD


async def test_a_prefilled_field_may_be_given_with_the_same_value(desk: Desk) -> None:
    assert (await desk.register(GOOD, OTHER)).configured


async def test_a_prefilled_field_with_another_value_is_refused(desk: Desk) -> None:
    error = await refusal(desk, {**GOOD, "shop": "1"}, OTHER)

    assert error.code == "credentials_invalid"
    assert [fault.pointer for fault in error.errors] == ["/shop"]


# -- the partner's word ---------------------------------------------------------------------------


async def test_credentials_that_the_partner_refuses_are_not_stored(desk: Desk) -> None:
    error = await refusal(desk, BAD_KEY)

    assert error.code == "credentials_rejected_by_partner"
    assert await desk.sealed() is None
    assert (await desk.link()).state is LinkState.UNCONFIGURED
    assert await desk.actions() == ["set_refused"]


async def test_a_refused_registration_may_be_corrected(desk: Desk) -> None:
    await refusal(desk, BAD_KEY)

    assert (await desk.register()).generation == 1


async def test_credentials_are_not_stored_when_the_partner_cannot_be_asked(
    desk: Desk, door: PlayedDoor
) -> None:
    door.status = 503

    with pytest.raises(PartnerUnreachableError) as failed:
        await desk.register()

    assert failed.value.code == "partner_unreachable"
    assert await desk.sealed() is None


async def test_skipping_the_verification_asks_nobody_and_stores(
    desk: Desk, door: PlayedDoor
) -> None:
    await desk.register(BAD_KEY, verify=False)

    assert door.knocks == []
    assert await desk.sealed() is not None
    assert (await desk.link()).activation_cursor is None
    assert (await desk.audit())[-1].detail["verified"] is False


async def test_credentials_are_stored_when_only_the_start_of_the_first_pass_is_unknown(
    desk: Desk, door: PlayedDoor
) -> None:
    door.cursor_status = 500

    await desk.register()

    assert await desk.sealed() is not None
    assert (await desk.link()).activation_cursor is None


async def test_the_partner_is_asked_five_times_an_hour_at_most(
    desk: Desk, door: PlayedDoor
) -> None:
    for _ in range(5):
        await refusal(desk, BAD_KEY)
    first = desk.clock.now()
    door.knocks.clear()

    with pytest.raises(TooManyVerificationsError) as refused:
        await desk.register()

    assert door.knocks == []
    assert 0 < (refused.value.retry_at - first).total_seconds() <= 3600


async def test_the_limit_of_verifications_ends_when_it_says(desk: Desk) -> None:
    for _ in range(5):
        await refusal(desk, BAD_KEY)
    with pytest.raises(TooManyVerificationsError) as refused:
        await desk.register()

    desk.clock.advance(refused.value.retry_at - desk.clock.now())

    assert (await desk.register()).configured


async def test_the_limit_of_verifications_is_of_one_link_and_not_for_skipped_ones(
    desk: Desk,
) -> None:
    for _ in range(5):
        await refusal(desk, BAD_KEY)

    assert (await desk.register(link=OTHER)).configured
    assert (await desk.register(verify=False)).configured


# -- what cannot be registered --------------------------------------------------------------------


async def test_nothing_is_registered_in_a_sealed_vault(
    open_desk: OpenDesk, door: PlayedDoor
) -> None:
    desk: Desk = await open_desk(None)

    with pytest.raises(VaultSealedError):
        await desk.register()

    assert await desk.sealed() is None
    assert door.knocks == []


@pytest.mark.parametrize(
    "link", [LinkKey("nobody", "door"), LinkKey("garage-7", "nothing")], ids=["repairer", "door"]
)
async def test_an_unknown_link_is_not_found(desk: Desk, link: LinkKey) -> None:
    with pytest.raises(NotFoundError):
        await desk.register(link=link)


async def test_a_connector_that_is_not_enabled_cannot_be_used(desk: Desk) -> None:
    with pytest.raises(ConflictError) as refused:
        await desk.register(link=LinkKey("garage-7", "off"))

    assert refused.value.code == "connector_disabled"


async def test_a_quarantined_connector_takes_no_credentials(desk: Desk) -> None:
    desk.registry.quarantine("door", "broken")
    assert desk.registry.get("door").state is ConnectorState.QUARANTINED

    with pytest.raises(ConflictError) as refused:
        await desk.register()

    assert refused.value.code == "link_unavailable"


# -- what may be known ----------------------------------------------------------------------------


async def test_an_unconfigured_link_is_described_as_such(desk: Desk) -> None:
    described = await desk.registration.describe(LINK)

    assert (described.configured, described.fields, described.created_at) == (False, (), None)


async def test_registered_credentials_are_described_by_names_and_time_only(desk: Desk) -> None:
    registered = await desk.register()

    described = await desk.registration.describe(LINK)

    assert described.configured
    assert described.fields == ("key", "shop")
    assert described.created_at == registered.created_at
    assert GOOD["key"] not in repr(described)


async def test_credentials_can_be_described_in_a_sealed_vault(
    desk: Desk, open_desk: OpenDesk
) -> None:
    await desk.register()

    assert (await (await open_desk(None)).registration.describe(LINK)).configured
