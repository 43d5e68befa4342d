"""What needs a person, and that it goes when its cause goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from syncer.domain.errors import InvalidError
from syncer.domain.links import LinkKey, LinkState
from syncer.domain.records import Kind, RecordKey
from syncer.domain.stored import QuarantinedItem
from syncer.services.attention import Attention
from syncer.services.attention_of_host import HostTroubles, LinkTroubles, UnreadItems

if TYPE_CHECKING:
    from tests.services.conftest import House

LINK = LinkKey("garage-7", "paper")


@dataclass
class Door:
    """As much of a vault as is looked at."""

    sealed_reason: str | None = None


@dataclass
class Office:
    """As much of a mail room as is looked at."""

    trouble: str | None = None


def attention_of(
    house: House, sealed_reason: str | None = None, trouble: str | None = None
) -> Attention:
    vault: Any = Door(sealed_reason)
    mail: Any = Office(trouble)
    host = HostTroubles(
        registry=house.registry, vault=vault, mail=mail, started_at=house.clock.now()
    )
    sections = (host, LinkTroubles(registry=house.registry), UnreadItems())
    return Attention(store=house.store, sections=sections)


async def put_into(house: House, state: LinkState, reason: str | None = None) -> None:
    await house.store.write(lambda uow: uow.links.set_state(LINK, state, reason))


async def set_aside(house: House, ref: str) -> str:
    item = QuarantinedItem(
        id=house.ids.new(),
        link=LINK,
        kind=Kind.QUOTE,
        partner_ref=ref,
        reason="unreadable",
        raw=b"{}",
        at=house.clock.now(),
        resolved_at=None,
    )
    await house.store.write(lambda uow: uow.quarantine.add([item]))
    return item.id


async def kinds(attention: Attention) -> list[str]:
    return [entry["kind"] for entry in (await attention.find()).items]


async def test_sealed_vault_needs_a_person(house: House) -> None:
    [entry, _] = (await attention_of(house, "no key file").find()).items

    assert entry == {
        "kind": "vault_sealed",
        "repairer": None,
        "connector": None,
        "subject": {"type": "vault", "id": "vault"},
        "text": "The vault is sealed: no key file",
        "action": "Have the operator provide the root key of this installation and restart.",
        "since": "2026-03-02T09:15:00Z",
    }


async def test_connector_that_was_set_aside_needs_a_person(house: House) -> None:
    [entry] = (await attention_of(house).find()).items

    assert (entry["kind"], entry["connector"]) == ("connector_quarantined", "odd")
    assert "import failed" in entry["text"]


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (LinkState.CREDENTIALS_REJECTED, "credentials_rejected"),
        (LinkState.UNAVAILABLE, "link_unavailable"),
    ],
)
async def test_link_entry_comes_and_goes_with_its_cause(
    house: House, state: LinkState, kind: str
) -> None:
    attention = attention_of(house)

    await put_into(house, state, "why")
    with_cause = await attention.find()
    await put_into(house, LinkState.ACTIVE)

    entry = with_cause.items[1]
    assert (entry["kind"], entry["repairer"], entry["connector"]) == (kind, *LINK)
    assert "why" in entry["text"]
    assert kind not in await kinds(attention)


@pytest.mark.parametrize("state", [LinkState.UNCONFIGURED, LinkState.ACTIVE, LinkState.PAUSED])
async def test_link_that_is_well_or_meant_to_rest_needs_nobody(
    house: House, state: LinkState
) -> None:
    await put_into(house, state)

    assert await kinds(attention_of(house)) == ["connector_quarantined"]


async def test_quarantined_item_goes_once_it_was_read_well(house: House) -> None:
    attention = attention_of(house)
    await set_aside(house, "Q-1")
    with_cause = await kinds(attention)
    key = RecordKey(kind=Kind.QUOTE, partner_ref="Q-1")

    await house.store.write(lambda uow: uow.quarantine.resolve(LINK, [key], house.clock.now()))

    assert "item_quarantined" in with_cause
    assert "item_quarantined" not in await kinds(attention)


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
async def test_list_walks_over_all_causes_without_loss_or_doubling(
    house: House, limit: int
) -> None:
    await put_into(house, LinkState.UNAVAILABLE)
    items = [await set_aside(house, f"Q-{n}") for n in range(3)]
    attention = attention_of(house, "no key file")
    seen: list[str] = []
    place = None
    while True:
        found = await attention.find(after=place, limit=limit)
        seen += [entry["subject"]["id"] for entry in found.items]
        assert found.total == 6
        place = found.last
        if place is None:
            break

    assert seen == ["vault", "odd", "garage-7/paper", *items[::-1]]


async def test_place_of_another_list_is_refused(house: House) -> None:
    with pytest.raises(InvalidError):
        await attention_of(house).find(after=("elsewhere", "1"))


async def test_mail_server_that_cannot_be_used_needs_a_person(house: House) -> None:
    found = await attention_of(house, "no key", "The mail server cannot be reached.").find()

    kinds = [item["kind"] for item in found.items]
    assert kinds[:2] == ["vault_sealed", "mail_unavailable"]
    assert found.items[1]["text"] == "The mail server cannot be reached. Mails wait."
    assert found.total == len(kinds)
