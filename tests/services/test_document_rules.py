"""Rule sets: who outranks whom, and what a change does to the claim files that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from syncer.domain.completeness import ExpectedDocument, RuleSet, RulesOrigin
from syncer.domain.documents import Document
from syncer.domain.errors import ConflictError
from syncer.domain.feed import ChangeType
from syncer.domain.records import ClaimRef
from syncer.domain.stored import ClaimFileFilter
from syncer.services import document_rules
from syncer.services.claim_data import ClaimData
from syncer.services.claim_files import NewClaimFile
from syncer.services.completeness import documents_missing, missing_from
from syncer.services.document_rules import DocumentRuleService
from tests.services.conftest import LINK, PaperConnector

if TYPE_CHECKING:
    from tests.services.conftest import House

MANDATE = ExpectedDocument(id="mandate", label="Mandate")
REGISTER = ExpectedDocument(id="register", label="Register", optional_for=("private",))


def rules_of(house: House) -> DocumentRuleService:
    return DocumentRuleService(store=house.store, registry=house.registry, clock=house.clock)


async def make(house: House, reference: str, **more: Any) -> str:
    data = ClaimData.model_validate(more.pop("data", {}))
    new = NewClaimFile(link=LINK, reference=reference, data=data, **{"claim_type": None, **more})
    view = await house.claim_files.make(new)
    id_: str = view["id"]
    return id_


async def counts(house: House, id_: str) -> tuple[int, int, int]:
    shown = (await house.claim_files.one(id_))["documents"]
    return shown["received"], shown["missing"], shown["waived"]


async def told(house: House) -> list[str]:
    return [one.change.subject_id for one in await house.told(ChangeType.DOCUMENTS_UPDATED)]


async def test_a_rule_set_applies_to_what_is_there_and_to_what_comes(house: House) -> None:
    before = await make(house, "R-1", claim_type="motor")
    other = await make(house, "R-2", claim_type="home")

    view, is_new = await rules_of(house).put("paper.motor", [MANDATE, REGISTER])
    after = await make(house, "R-3", claim_type="motor", data={"client": {"profile": "Private"}})

    assert (view["changed"], is_new) == (1, True)
    assert await counts(house, before) == (0, 2, 0)
    assert await counts(house, other) == (0, 0, 0)
    assert await counts(house, after) == (0, 1, 0)
    assert await told(house) == [before]


async def test_a_label_changes_nothing_and_the_same_again_neither(house: House) -> None:
    rules = rules_of(house)
    await make(house, "R-1")
    await rules.put("paper.*", [MANDATE])

    again, _ = await rules.put("paper.*", [MANDATE])
    renamed, is_new = await rules.put("paper.*", [ExpectedDocument(id="mandate", label="Volmacht")])

    assert (again["changed"], renamed["changed"], is_new) == (0, 0, False)
    assert (await rules.get("paper.*"))["documents"][0]["label"] == "Volmacht"
    assert len(await told(house)) == 1


async def test_a_client_s_profile_and_a_type_from_the_partner_are_looked_at(house: House) -> None:
    await rules_of(house).put("paper.motor", [MANDATE, REGISTER])
    id_ = await make(house, "R-1", claim_type="motor")

    await house.claim_files.complete(
        id_, ClaimData.model_validate({"client": {"profile": "private"}})
    )

    assert await counts(house, id_) == (0, 1, 0)
    record = house.a_record(claim=ClaimRef(partner_ref="M-1", claim_type="motor"))
    stored = await house.add(record)
    listed = await house.records.one(stored)
    assert listed["missing_documents"] == 0  # stored behind the services, so not counted yet


async def test_more_files_than_a_batch_are_all_counted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_rules, "BATCH", 2)
    files = [await make(house, f"R-{number}") for number in range(5)]

    view, _ = await rules_of(house).put("*.*", [MANDATE])

    assert view["changed"] == 5
    assert sorted(await told(house)) == sorted(files)
    missing = await house.claim_files.find(ClaimFileFilter(missing_documents=True))
    assert missing.total == 5


class Expecting(PaperConnector):
    """Brings a rule set of its own."""

    document_rules = {"*": (MANDATE,)}  # noqa: RUF012 - as a connector would write it


def expect(house: House, **rules: Any) -> None:
    connector = Expecting()
    connector.document_rules = rules or Expecting.document_rules  # type: ignore[misc]  # another release
    installed = house.registry.installed["paper"]
    object.__setattr__(installed, "connector", connector)


async def test_a_connector_s_rules_apply_until_the_operator_says_else(house: House) -> None:
    expect(house)
    rules = rules_of(house)
    id_ = await make(house, "R-1")

    assert await rules.keep([]) == 1
    assert await rules.keep([]) == 0
    assert (await rules.get("paper.*"))["origin"] == "connector"
    await rules.put("paper.*", [REGISTER, MANDATE])
    assert await rules.keep([]) == 0

    assert (await rules.get("paper.*"))["origin"] == "api"
    assert await counts(house, id_) == (0, 2, 0)


async def test_rules_that_a_connector_no_longer_brings_go(house: House) -> None:
    expect(house)
    rules = rules_of(house)
    id_ = await make(house, "R-1")
    await rules.keep([])

    expect(house, motor=(REGISTER,))
    assert await rules.keep([]) == 1

    assert [one["name"] for one in await rules.all()] == ["paper.motor"]
    assert await counts(house, id_) == (0, 0, 0)


async def test_rules_of_the_file_outrank_all_and_may_leave_it(house: House) -> None:
    expect(house)
    rules = rules_of(house)
    id_ = await make(house, "R-1")
    in_file = RuleSet(connector="paper", documents=(REGISTER, MANDATE), origin=RulesOrigin.FILE)

    assert await rules.keep([in_file]) == 1

    assert await counts(house, id_) == (0, 2, 0)
    with pytest.raises(ConflictError) as refused:
        await rules.put("paper.*", [])
    assert refused.value.code == "from_file"
    assert await rules.keep([]) == 0
    assert (await rules.get("paper.*"))["origin"] == "api"
    assert (await rules.put("paper.*", []))[0]["changed"] == 1


async def test_the_gate_names_what_is_missing_and_what_stays_behind(house: House) -> None:
    id_ = await make(house, "R-1")
    await rules_of(house).put("paper.*", [MANDATE, REGISTER])
    mandate = Document(
        id="d-1",
        claim_file_id=id_,
        type="mandate",
        name="a.pdf",
        content_type="application/pdf",
        bytes=1,
        sha256="ab" * 32,
        at=house.clock.now(),
    )
    await house.store.write(lambda uow: uow.documents.add(mandate))

    async def missing(*going: str) -> list[str]:
        async with house.store.read() as uow:
            claim_file = await uow.claim_files.get(id_)
            assert claim_file is not None
            rows = await missing_from(uow, claim_file, going)
        return [fault.pointer for fault in documents_missing(rows).errors]

    assert await missing("d-1") == ["/documents/register"]
    assert await missing() == ["/documents/mandate", "/documents/register"]
    await rules_of(house).put("paper.*", [MANDATE])
    assert await missing("d-1") == []
