"""Commands against a real running service: the demo in a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from syncer.cli.demo.stage import REPAIRERS
from syncer.cli.exits import Exit

Syncer = Callable[..., Any]
LINK = ("--repairer", "garage-janssens", "--connector", "claims360")


def test_status_says_that_the_service_is_ready(demo: Syncer) -> None:
    said = demo("status", "--json")

    assert said.code == Exit.OK
    assert said.json["ready"] is True
    assert said.json["connectors"]["claims360"] == "ready"
    assert said.json["under_way"].keys() == {"deliveries", "mails"}


def test_doctor_finds_nothing_wrong(demo: Syncer) -> None:
    said = demo("doctor", "--json")

    assert (said.code, said.json["wrong"]) == (Exit.OK, 0)


def test_links_show_a_pass_a_due_time_and_counts(demo: Syncer) -> None:
    demo("refresh", "--wait")

    said = demo("links", "--connector", "claims360", "--json")

    links = {link["repairer"]: link for link in said.json["items"]}
    assert links.keys() >= REPAIRERS.keys()
    assert all(links[name]["last_pass"]["state"] == "succeeded" for name in REPAIRERS)
    assert all(links[name]["next_due_at"] for name in REPAIRERS)
    assert all(links[name]["counts"]["records"] for name in REPAIRERS)


def test_refresh_waits_for_the_end(demo: Syncer) -> None:
    said = demo("refresh", "--repairer", "garage-janssens", "--wait", "--json")

    assert said.code == Exit.OK
    assert {each["state"] for each in said.json["passes"]} == {"succeeded"}


def test_refresh_says_how_it_goes_on_standard_error(demo: Syncer) -> None:
    said = demo("refresh", "--repairer", "garage-janssens", "--connector", "claims360", "--wait")

    assert said.err.strip() == "garage-janssens/claims360 succeeded"


def test_dry_run_starts_nothing(demo: Syncer) -> None:
    said = demo("refresh", "--repairer", "garage-janssens", "--dry-run", "--json")

    assert {"repairer": "garage-janssens", "connector": "claims360"} in said.json["would_refresh"]
    assert "passes" not in said.json


def test_refresh_of_an_unknown_repairer_is_refused(demo: Syncer) -> None:
    assert demo("refresh", "--repairer", "nobody").code == Exit.REFUSED


def test_records_take_all_filters_at_once(demo: Syncer) -> None:
    demo("refresh", "--wait")

    said = demo(
        "records", "--kind", "quote", "--repairer", "garage-janssens", "--limit", "2", "--json"
    )

    assert len(said.json["items"]) == 2
    assert said.json["total"] > 2
    assert {record["kind"] for record in said.json["items"]} == {"quote"}


def test_records_in_a_pipe_stay_in_one_line_each(demo: Syncer) -> None:
    demo("refresh", "--wait")

    said = demo("records", "--limit", "5")

    lines = said.out.splitlines()
    assert len(lines) == 1 + 5 + 1
    assert lines[-1].startswith("5 of ")


def test_credentials_are_registered_once(demo: Syncer) -> None:
    fields = {"bodyshop_id": "1", "bodyshop_api_key": "x" * 32, "planning_api_key": "y" * 32}

    said = demo("credentials", "put", *LINK, stdin=json.dumps(fields))

    assert said.code == Exit.REFUSED
    assert "helpdesk" in said.err


def test_credentials_that_the_partner_refuses_end_with_5(demo: Syncer) -> None:
    name = "newcomer-refused"
    _add_repairer(demo, name)
    lines = f"bodyshop_id=1\nbodyshop_api_key={'x' * 32}\nplanning_api_key={'y' * 32}\n"

    said = demo("credentials", "put", "--repairer", name, "--connector", "claims360", stdin=lines)

    assert said.code == Exit.PARTNER_REFUSED
    assert (
        demo("credentials", "show", "--repairer", name, "--connector", "claims360", "--json").json[
            "configured"
        ]
        is False
    )


def test_incomplete_credentials_are_refused_by_name(demo: Syncer) -> None:
    name = "newcomer-incomplete"
    _add_repairer(demo, name)

    said = demo(
        "credentials", "put", "--repairer", name, "--connector", "claims360", stdin="bodyshop_id=1"
    )

    assert said.code == Exit.REFUSED
    assert "/planning_api_key" in said.err


def test_credentials_never_come_from_arguments(demo: Syncer) -> None:
    help_text = demo("credentials", "put", "--help").out

    assert "--bodyshop" not in help_text
    assert demo("credentials", "put", *LINK, "secret").code == Exit.USAGE


def test_credentials_show_never_a_value(demo: Syncer) -> None:
    said = demo("credentials", "show", *LINK, "--json")

    assert set(said.json) == {"configured", "fields", "created_at", "generation"}


def test_reset_asks_for_the_name_of_the_link(demo: Syncer) -> None:
    said = demo(
        "credentials", "reset", *LINK, "--ticket", "T-1", "--reason", "typo", stdin="garage\n"
    )

    assert said.code == Exit.REFUSED
    assert demo("credentials", "show", *LINK, "--json").json["configured"] is True


def test_reset_opens_the_slot_beside_the_running_service(demo: Syncer) -> None:
    link = ("--repairer", "bodyshop-peeters", "--connector", "example")

    said = demo("credentials", "reset", *link, "--ticket", "T-1", "--reason", "typo", "--yes")
    shown = demo("credentials", "show", *link, "--json")

    assert said.code == Exit.OK
    assert shown.json["configured"] is False


def test_control_socket_is_for_the_owner_only(demo: Syncer, demo_folder: Path) -> None:
    socket = demo_folder / "data" / "control.sock"

    assert socket.stat().st_mode & 0o777 == 0o600


def test_audit_trail_is_intact(demo: Syncer) -> None:
    said = demo("audit", "verify", "--json")

    assert (said.code, said.json["intact"]) == (Exit.OK, True)
    assert said.json["entries"] >= 3


def test_connector_show_names_its_credential_fields(demo: Syncer) -> None:
    said = demo("connector", "show", "claims360")

    assert "bodyshop_api_key" in said.out


def test_unknown_connector_is_refused(demo: Syncer) -> None:
    assert demo("connector", "show", "nothing").code == Exit.REFUSED


def test_attention_lists_nothing_when_nothing_is_wrong(demo: Syncer) -> None:
    assert demo("attention", "--json").json == {"items": [], "total": 0}


def test_second_service_on_the_folder_ends_with_3(demo: Syncer) -> None:
    said = demo("run", "--port", "0")

    assert said.code == Exit.CONFIGURATION
    assert "in use" in said.err


def test_printed_requests_really_work(demo: Syncer, demo_output: list[str]) -> None:
    assert demo("refresh", "--connector", "claims360", "--wait").code == Exit.OK  # the first quotes
    requests = [line for line in demo_output if line.startswith("curl ")]

    answers = [_shell(request) for request in requests]

    assert len(answers) == 3
    assert answers[0]["items"][0]["kind"] == "quote"
    assert {each["state"] for each in answers[1]["passes"]} == {"succeeded"}
    assert answers[2]["items"]


def _shell(request: str) -> Any:
    done = subprocess.run(
        ["bash", "-c", request.replace("curl -s", "curl -s --noproxy '*'")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def _add_repairer(demo: Syncer, name: str) -> None:
    settings = {row["name"]: row["value"] for row in demo("check", "--json").json["settings"]}
    token = (Path(settings["data_dir"]) / "api-token").read_text(encoding="ascii").strip()
    place = f"http://127.0.0.1:{settings['server.port']}/v1/repairers/{name}"
    subprocess.run(
        [
            *("curl", "-sf", "--noproxy", "*", "-X", "PUT", place),
            *("-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json"),
            *("-d", json.dumps({"name": name})),
        ],
        capture_output=True,
        timeout=30,
        check=True,
    )
