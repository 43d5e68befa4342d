"""Details, photos, intake and credentials, against a partner written from the contract alone."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.attack.service import HISTORY, LINK, Service, serving
from tests.attack.strict_partner import Asked, StrictPartner, jpeg, problem

T1, T2, T3 = "2026-03-02T09:14:05.120Z", "2026-03-02T09:40:00Z", "2026-03-02T10:30:00.5Z"


@pytest.fixture(autouse=True)
def keeps_the_contract(partner: StrictPartner) -> Iterator[None]:
    """Whatever a test shows, no request of it may break a rule of the contract."""
    yield
    assert partner.broken_rules == []


# -- details --------------------------------------------------------------------------------------


async def test_a_detail_newer_than_the_list_is_stored_as_what_it_is_and_imported_once(
    service: Service, partner: StrictPartner
) -> None:
    listed = partner.put("quote", "Q-1", T1, status="submitted", photoCount=0)
    newer = {**listed, "status": "approved", "statusChangedAt": T2, "version": 5}
    partner.details["quote", "Q-1"] = newer
    await service.refresh()
    first = (await service.records())["Q-1"]
    old_list_again = await service.refresh()

    partner.items["quote", "Q-1"] = newer
    caught_up = await service.refresh()

    assert (first["status"], first["version"]) == ("approved", 5)
    assert first["status_changed_at"] == "2026-03-02T09:40:00Z"
    assert old_list_again["counts"]["changed"] == caught_up["counts"]["changed"] == 0


async def test_a_detail_that_was_edited_since_the_event_is_stored_whole(
    service: Service, partner: StrictPartner
) -> None:
    listed = partner.put("quote", "Q-1", T1, number="listed", photoCount=0)
    partner.details["quote", "Q-1"] = {**listed, "number": "edited", "version": 9}

    await service.refresh()

    record = (await service.records())["Q-1"]
    assert (record["number"], record["version"]) == ("edited", 9)


async def test_a_withdrawn_quote_is_marked_and_the_pass_goes_on(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("quote", "Q-1", T1, photoCount=0)
    partner.put("quote", "Q-2", T1, photoCount=0)
    await service.refresh()
    partner.put("quote", "Q-1", T2, photoCount=0)
    partner.put("quote", "Q-2", T2, photoCount=0)
    partner.withdrawn.add(("quote", "Q-1"))

    ended = await service.refresh()

    records = await service.records()
    assert ended["state"] == "succeeded", ended
    assert (records["Q-1"]["withdrawn"], records["Q-2"]["withdrawn"]) == (True, False)
    assert records["Q-2"]["version"] == 2
    withdrawn = [one for one in await service.feed() if one["type"] == "record.withdrawn"]
    assert [one["data"]["partner_ref"] for one in withdrawn] == ["Q-1"]


async def test_a_mission_whose_photos_are_gone_is_withdrawn_and_its_quote_is_not(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("mission", "M-1", T1, photoCount=1)
    partner.put("quote", "Q-1", T1, missionId="M-1", photoCount=1)
    partner.withdrawn.add(("mission", "M-1"))

    ended = await service.refresh()

    records = await service.records()
    assert ended["state"] == "succeeded", ended
    assert (records["M-1"]["withdrawn"], records["Q-1"]["withdrawn"]) == (True, False)


async def test_a_quote_that_comes_again_after_its_withdrawal_is_there_again(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("quote", "Q-1", T1, photoCount=0)
    partner.withdrawn.add(("quote", "Q-1"))
    await service.refresh()
    partner.withdrawn.clear()

    partner.put("quote", "Q-1", T2, photoCount=0)
    await service.refresh()

    assert (await service.records())["Q-1"]["withdrawn"] is False


# -- photos ---------------------------------------------------------------------------------------


async def test_a_redeposit_updates_the_mission_and_fetches_the_new_photos_only(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("mission", "M-1", T1, number="55120", photoCount=1, depositCount=1)
    partner.add_photo("M-1", "P-1", jpeg("one"))
    await service.refresh()

    partner.put("mission", "M-1", T2, photoCount=3, depositCount=2)
    partner.add_photo("M-1", "P-2", jpeg("two"))
    partner.add_photo("M-1", "P-3", jpeg("one"))  # the first one's content under another id
    ended = await service.refresh()

    records = await service.records()
    stored = [one for one in records["M-1"]["attachments"] if one["state"] == "stored"]
    assert (list(records), ended["state"]) == (["M-1"], "succeeded")
    assert {one["sha256"] for one in stored} == {
        hashlib.sha256(jpeg(seed)).hexdigest() for seed in ("one", "two")
    }
    assert sorted(one.parts[1] for one in partner.asked("photo")) == ["P-1", "P-2"]


async def test_the_content_of_a_photo_is_given_out_as_it_came(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("mission", "M-1", T1, photoCount=1)
    partner.add_photo("M-1", "P-1", jpeg("one"), fileName="vue\u202egpj.avant.jpg")
    await service.refresh()
    photo = (await service.records())["M-1"]["attachments"][0]

    whole = await service.ask("GET", f"/v1/attachments/{photo['id']}/content")
    part = await service.ask(
        "GET", f"/v1/attachments/{photo['id']}/content", headers={"Range": "bytes=2-5"}
    )

    assert (whole.status, whole.body) == (200, jpeg("one"))
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert whole.headers["Content-Disposition"].startswith("attachment")
    assert whole.headers["Content-Type"] == "image/jpeg"
    assert (part.status, part.body) == (206, jpeg("one")[2:6])


@pytest.mark.parametrize(("count", "times"), [(None, 1), ("absent", 1), (0, 0), (2, 1)])
async def test_photos_are_asked_for_unless_there_are_none(
    service: Service, partner: StrictPartner, count: int | str | None, times: int
) -> None:
    more = {} if count == "absent" else {"photoCount": count}
    partner.put("mission", "M-1", T1, **more)
    partner.put("quote", "Q-1", T1, missionId="M-1", **more)

    await service.refresh()

    assert len(partner.asked("photos")) == times


async def test_photos_come_with_a_quote_whose_mission_was_imported_long_before(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("mission", "M-1", T1, photoCount=0)
    await service.refresh()
    partner.add_photo("M-1", "P-1", jpeg("late"))

    partner.put("quote", "Q-1", T2, missionId="M-1", photoCount=1)
    await service.refresh()

    records = await service.records()
    assert [one["state"] for one in records["M-1"]["attachments"]] == ["stored"]
    assert records["Q-1"]["attachments"] == []


async def test_photos_are_shown_on_the_quote_when_its_mission_is_not_imported(
    service: Service, partner: StrictPartner
) -> None:
    partner.add_photo("M-1", "P-1", jpeg("one"))

    partner.put("quote", "Q-1", T1, missionId="M-1", photoCount=1)
    await service.refresh()

    assert [one["state"] for one in (await service.records())["Q-1"]["attachments"]] == ["stored"]


async def test_a_photo_that_could_not_be_had_comes_later_although_nothing_else_changed(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("mission", "M-1", T1, photoCount=1)
    partner.add_photo("M-1", "P-1", jpeg("one"))

    async def broken(asked: Asked) -> web.StreamResponse:
        return problem(503, "BUSY", headers={"Retry-After": "0"})

    partner.answers["photo"] = broken
    first = await service.refresh()
    await service.refresh()
    del partner.answers["photo"]
    last = await service.refresh()

    assert (first["state"], last["state"]) == ("partial", "succeeded")
    assert [one["state"] for one in (await service.records())["M-1"]["attachments"]] == ["stored"]


# -- intake ---------------------------------------------------------------------------------------


async def test_what_is_excluded_is_shown_with_its_rule_and_asked_nothing_about(
    idle: Service, partner: StrictPartner
) -> None:
    rules = [{"insurer": "demo*", "rule": "demo insurer"}, {"kind": "mission"}]
    await idle.configure(partner.credentials(), excludes=rules)
    partner.put("quote", "Q-1", T1, missionId="M-1", insurer={"name": "Demo Verzekeringen"})
    partner.put("mission", "M-1", T1)
    partner.put("quote", "Q-2", T1, missionId="M-2", insurer={"name": "Other"})
    partner.lines["Q-1"] = [{"id": "1", "kind": "part"}]
    partner.add_photo("M-1", "P-1", jpeg("one"))

    ended = await idle.refresh()
    listed = await idle.good("GET", "/v1/records")
    excluded = {ref: one["intake"]["rule"] for ref, one in (await idle.records()).items()}
    asked = {one.parts[1] for one in partner.seen if len(one.parts) > 1}
    await idle.good("PUT", f"{LINK}/settings", {"start_date": HISTORY})
    await idle.good("POST", f"{LINK}/excludes/apply")
    await idle.refresh()

    assert (ended["counts"]["excluded"], ended["counts"]["queued"]) == (2, 1)
    assert [one["partner_ref"] for one in listed["items"]] == ["Q-2"]
    assert (excluded["Q-1"], excluded["M-1"]) == ("demo insurer", "excludes[1]")
    assert asked == {"Q-2", "M-2"}
    records = await idle.records()
    assert {one["intake"]["state"] for one in records.values()} == {"queued"}
    assert len(records["Q-1"]["lines"]) == 1
    assert [one["state"] for one in records["M-1"]["attachments"]] == ["stored"]


async def test_the_settings_of_the_predecessor_decide_about_the_queue(
    folder: Path, partner: StrictPartner
) -> None:
    more = '\n[settings.informex]\nqueueing = ["mission"]\nexcludes = [{ plate = "TEST*" }]\n'
    partner.put("mission", "M-1", T1, photoCount=0)
    partner.put("quote", "Q-1", T1, photoCount=0)
    partner.put("quote", "Q-2", T1, photoCount=0, vehicle={"plate": "test-1"})
    async with partner.serve() as base_url, serving(folder, base_url, more) as service:
        await service.configure(partner.credentials())
        await service.refresh()

        states = {ref: one["intake"]["state"] for ref, one in (await service.records()).items()}
        link = await service.good("GET", LINK)

    assert states == {"M-1": "queued", "Q-1": "accepted", "Q-2": "excluded"}
    assert link["settings"]["queueing"] == {"value": ["mission"], "source": "group:informex"}


async def test_what_a_person_entered_is_kept_beside_what_a_redeposit_says(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("mission", "M-1", T1, vehicle={"mileageKm": 84210}, photoCount=0)
    await service.refresh()
    file = (await service.records())["M-1"]["claim_file"]
    ours = {"data": {"vehicle": {"mileage_km": 84500}}}
    await service.good("PATCH", f"/v1/claim-files/{file}", ours)

    partner.put("mission", "M-1", T2, vehicle={"mileageKm": 84300}, depositCount=2, photoCount=0)
    await service.refresh()

    shown = await service.good("GET", f"/v1/claim-files/{file}")
    assert shown["data"]["vehicle"]["mileage_km"] == 84500
    conflicts = {one["field"]: (one["ours"], one["partner"]) for one in shown["conflicts"]}
    assert conflicts == {"vehicle.mileage_km": (84500, 84300)}


async def test_one_bad_item_is_set_aside_with_its_bytes_until_a_good_version_comes(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("quote", "Q-1", T1, photoCount=0, totals={"net": 12.5})
    partner.put("quote", "Q-2", T1, photoCount=0)
    first = await service.refresh()
    aside = await service.everything("/v1/quarantine")

    partner.put("quote", "Q-1", T2, photoCount=0, totals={"net": "12.50"})
    second = await service.refresh()

    assert (first["state"], first["counts"]["quarantined"], second["state"]) == (
        "partial",
        1,
        "succeeded",
    )
    (row,) = aside
    assert (row["kind"], row["partner_ref"], row["resolved_at"]) == ("quote", "Q-1", None)
    assert json.loads(base64.b64decode(row["raw_base64"]))["totals"] == {"net": 12.5}
    assert "net" in row["reason"]
    assert all(one["resolved_at"] for one in await service.everything("/v1/quarantine"))
    assert (await service.records()).keys() == {"Q-1", "Q-2"}


# -- credentials ----------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["bodyshop_id", "bodyshop_api_key", "planning_api_key"])
async def test_an_incomplete_registration_asks_nobody_and_names_what_is_missing(
    idle: Service, partner: StrictPartner, missing: str
) -> None:
    given = {name: value for name, value in partner.credentials().items() if name != missing}

    reply = await idle.ask("PUT", f"{LINK}/credentials", given)

    assert (reply.status, reply.code) == (422, "credentials_incomplete")
    assert [one["pointer"] for one in reply.json["errors"]] == [f"/{missing}"]
    assert partner.seen == []
    assert (await idle.good("GET", LINK))["state"] == "unconfigured"


@pytest.mark.parametrize(("status", "code"), [(401, "KEY_MISSING"), (403, "KEY_INVALID")])
async def test_refused_keys_are_not_sent_a_second_time_until_a_person_resumes(
    service: Service, partner: StrictPartner, status: int, code: str
) -> None:
    async def refusing(asked: Asked) -> web.StreamResponse:
        return problem(status, code)

    partner.answers["changes"] = refusing
    before = len(partner.seen)
    ended = await service.refresh()
    refused = await service.ask("POST", "/v1/refresh", {"repairer": "garage-7"})
    named = await service.ask(
        "POST", "/v1/refresh", {"repairer": "garage-7", "connector": "claims360"}
    )
    asked = len(partner.seen) - before
    state = (await service.good("GET", LINK))["state"]
    partner.answers.clear()
    await service.good("POST", f"{LINK}/resume")
    resumed = await service.refresh()

    assert (ended["state"], ended["error"]["code"]) == ("failed", "credentials_rejected")
    assert (asked, state) == (1, "credentials_rejected")
    assert (refused.status, refused.code) == (409, "link_unconfigured")
    assert (named.status, named.code) == (409, "credentials_rejected")
    assert resumed["state"] == "succeeded"


async def test_a_retry_after_of_minutes_is_obeyed_and_told(
    service: Service, partner: StrictPartner
) -> None:
    async def busy(asked: Asked) -> web.StreamResponse:
        return problem(429, "TOO_MANY_REQUESTS", headers={"Retry-After": "600"})

    partner.answers["changes"] = busy
    before = len(partner.seen)
    first = await service.refresh()
    second = await service.refresh()

    assert [one["error"]["code"] for one in (first, second)] == ["rate_limited"] * 2
    assert first["error"]["retry_at"] is not None
    assert len(partner.seen) - before == 1


# -- what the partner fails on --------------------------------------------------------------------


async def test_one_quote_that_the_partner_always_fails_on_holds_up_no_other(
    service: Service, partner: StrictPartner
) -> None:
    for number in range(12):
        partner.put("quote", f"Q-{number}", T1, photoCount=0)
        partner.lines[f"Q-{number}"] = [{"id": "1", "kind": "part"}]

    async def failing(asked: Asked) -> web.StreamResponse:
        return problem(500, "OOPS") if asked.parts[1] == "Q-1" else partner.answer(asked)

    partner.answers["quote"] = failing
    first = await service.refresh()
    meanwhile = await service.records()
    still = await service.refresh()
    partner.put("quote", "Q-9", T2, photoCount=0)
    other = await service.refresh()
    partner.answers.clear()
    mended = await service.refresh()
    idle = await service.refresh()

    assert [one["state"] for one in (first, still, other)] == ["partial"] * 3
    assert first["error"]["code"] == "partner_unavailable"
    assert len(meanwhile) == 11
    assert all(one["lines"] for one in meanwhile.values())
    assert (mended["state"], mended["counts"]["new"]) == ("succeeded", 1)
    assert (idle["counts"]["new"], idle["counts"]["changed"]) == (0, 0)
    records = await service.records()
    assert len(records["Q-1"]["lines"]) == 1
    assert "Q-9" in records


async def test_a_partner_that_fails_on_every_detail_fails_the_pass(
    service: Service, partner: StrictPartner
) -> None:
    for number in range(4):
        partner.put("quote", f"Q-{number}", T1, photoCount=0)

    async def failing(asked: Asked) -> web.StreamResponse:
        return problem(500, "OOPS")

    partner.answers["quote"] = failing
    ended = await service.refresh()

    assert (ended["state"], ended["error"]["code"]) == ("failed", "partner_unavailable")
    assert await service.records() == {}


@pytest.mark.parametrize("moved", ["edited", "by an event"])
async def test_a_quote_that_moved_on_while_it_was_excluded_is_completed_once(
    idle: Service, partner: StrictPartner, moved: str
) -> None:
    await idle.configure(partner.credentials(), excludes=[{"kind": "quote"}])
    listed = partner.put("quote", "Q-1", T1, status="submitted", photoCount=0)
    partner.lines["Q-1"] = [{"id": "1", "kind": "part"}]
    await idle.refresh()
    event = {"statusChangedAt": T2, "status": "approved"} if moved == "by an event" else {}
    partner.details["quote", "Q-1"] = {**listed, "version": 7, "number": "new", **event}
    await idle.good("PUT", f"{LINK}/settings", {"start_date": HISTORY})
    await idle.good("POST", f"{LINK}/excludes/apply")

    completed = await idle.refresh()
    entries = len(await idle.feed())
    again = await idle.refresh()

    record = (await idle.records())["Q-1"]
    assert (completed["counts"]["changed"], again["counts"]["changed"]) == (1, 0)
    assert (record["number"], record["version"], len(record["lines"])) == ("new", 7, 1)
    assert record["status"] == event.get("status", "submitted")
    assert record["intake"]["state"] == "queued"
    news = [one for one in (await idle.feed())[entries:] if one["type"] != "pass.finished"]
    assert news == []
