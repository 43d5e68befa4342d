"""The command line without a service: options, exit codes, errors."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syncer.cli.exits import Exit, ServiceAnswerError, exit_of, exit_of_passes
from syncer.domain import errors

Syncer = Callable[..., Any]


def _configuration(folder: Path, text: str = "") -> str:
    file = folder / "syncer.toml"
    file.write_text(f'data_dir = "data"\n{text}', encoding="utf-8")
    return str(file)


def test_help_names_every_command(syncer: Syncer) -> None:
    said = syncer("--help")

    names = (
        "init run demo check doctor status links refresh credentials records deliveries mails "
        "attention connector key audit"
    )
    assert said.code == Exit.OK
    assert all(f"\n  {name} " in said.out for name in names.split())


def test_wrong_usage_ends_with_2(syncer: Syncer) -> None:
    assert syncer("links", "--colour").code == Exit.USAGE
    assert syncer("no-such-command").code == Exit.USAGE


def test_config_may_stand_before_and_after_the_command(syncer: Syncer, tmp_path: Path) -> None:
    file = _configuration(tmp_path, "[server]\nport = 4321\n")

    before = syncer("--config", file, "check", "--json")
    after = syncer("check", "--json", "--config", file)

    assert before.json == after.json
    assert before.json["file"] == file


def test_set_outranks_the_file_on_any_side(syncer: Syncer, tmp_path: Path) -> None:
    file = _configuration(tmp_path, "[server]\nport = 4321\n")

    said = syncer("--set", "server.port=1111", "check", "--config", file, "--json")

    port = next(row for row in said.json["settings"] if row["name"] == "server.port")
    assert port == {"name": "server.port", "value": 1111, "from": "command line"}


def test_faulty_configuration_ends_with_3_and_tells_every_fault(
    syncer: Syncer, tmp_path: Path
) -> None:
    file = _configuration(tmp_path, '[server]\nprot = 1\n[sync]\ninterval = "soon"\n')

    said = syncer("check", "--config", file)

    assert said.code == Exit.CONFIGURATION
    assert f"{file}:3: server.prot: is not a setting, did you mean port?" in said.err
    assert f"{file}:5: sync.interval:" in said.err


def test_errors_are_json_when_that_was_asked_for(syncer: Syncer, tmp_path: Path) -> None:
    said = syncer("links", "--json", "--config", str(tmp_path / "absent.toml"))

    assert said.out == ""
    assert json.loads(said.err)["error"]["code"] == "configuration_invalid"


def test_service_that_never_ran_ends_with_4(syncer: Syncer, tmp_path: Path) -> None:
    said = syncer("status", "--config", _configuration(tmp_path))

    assert said.code == Exit.NOT_REACHABLE
    assert "syncer run" in said.err


def test_service_that_stopped_ends_with_4(syncer: Syncer, tmp_path: Path) -> None:
    file = _configuration(tmp_path, "[server]\nport = 1\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "api-token").write_text("token", encoding="ascii")

    said = syncer("links", "--config", file)

    assert said.code == Exit.NOT_REACHABLE
    assert "http://127.0.0.1:1" in said.err


def test_check_masks_passwords(syncer: Syncer, tmp_path: Path) -> None:
    file = _configuration(
        tmp_path,
        '[store]\nurl = "sqlite+aiosqlite://me:hunter2@x/y"\n'
        '[[repairers]]\nid = "a"\nname = "A"\nprefilled = { demo = { api_key = "hunter2" } }\n',
    )

    said = syncer("check", "--config", file)

    assert "hunter2" not in said.out + said.err
    assert "********" in said.out


def test_init_makes_what_run_needs(syncer: Syncer, tmp_path: Path) -> None:
    folder = tmp_path / "new"

    said = syncer("init", str(folder))
    checked = syncer("check", "--config", str(folder / "syncer.toml"), "--only-changed", "--json")

    assert said.code == Exit.OK
    assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "syncer.key").stat().st_mode) in {0o400, 0o600}
    assert checked.code == Exit.OK
    assert {row["name"]: row["value"] for row in checked.json["settings"]}["data_dir"] == str(
        folder / "data"
    )


def test_init_leaves_a_configuration_alone(syncer: Syncer, tmp_path: Path) -> None:
    file = _configuration(tmp_path)
    before = Path(file).read_text(encoding="utf-8")

    said = syncer("init", str(tmp_path))

    assert said.code == Exit.REFUSED
    assert Path(file).read_text(encoding="utf-8") == before


def test_doctor_says_what_to_do_about_a_missing_key(syncer: Syncer, tmp_path: Path) -> None:
    said = syncer("doctor", "--config", _configuration(tmp_path), "--json")

    wrong = {
        each["check"]: each["action"]
        for each in said.json["findings"]
        if each["verdict"] == "wrong"
    }
    assert said.code == Exit.CONFIGURATION
    assert "syncer key init" in wrong["root key"]


def test_doctor_tells_faults_of_the_configuration(syncer: Syncer, tmp_path: Path) -> None:
    said = syncer("doctor", "--config", _configuration(tmp_path, "prot = 1\n"))

    assert said.code == Exit.CONFIGURATION
    assert "prot: is not a setting" in said.out


def test_key_file_that_others_can_read_ends_with_3(syncer: Syncer, tmp_path: Path) -> None:
    key = tmp_path / "root.key"
    syncer("key", "init", "--to", str(key))
    key.chmod(0o644)

    said = syncer("check", "--config", _configuration(tmp_path, f'[vault]\nkey_file = "{key}"\n'))

    assert said.code == Exit.CONFIGURATION
    assert "others can read" in said.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigurationError(["x"]), Exit.CONFIGURATION),
        (errors.DataFolderInUseError("x"), Exit.CONFIGURATION),
        (errors.CredentialsRejectedError("x"), Exit.PARTNER_REFUSED),
        (errors.ConflictError("credentials_already_set", "x"), Exit.REFUSED),
        (errors.StoreBusyError("x"), Exit.TRY_LATER),
        (errors.SyncerError("x"), Exit.BUG),
        (ServiceAnswerError(422, "credentials_rejected_by_partner", "x"), Exit.PARTNER_REFUSED),
        (ServiceAnswerError(409, "credentials_already_set", "x"), Exit.REFUSED),
        (ServiceAnswerError(404, "not_found", "x"), Exit.REFUSED),
        (ServiceAnswerError(429, "too_many_verifications", "x"), Exit.TRY_LATER),
        (ServiceAnswerError(503, "partner_unreachable", "x"), Exit.TRY_LATER),
        (ServiceAnswerError(503, "sealed", "x"), Exit.CONFIGURATION),
        (ServiceAnswerError(507, "storage_full", "x"), Exit.TRY_LATER),
        (ServiceAnswerError(500, "internal", "x"), Exit.BUG),
    ],
    ids=lambda value: getattr(value, "code", "") if isinstance(value, Exception) else "",
)
def test_error_decides_the_exit_code(error: errors.SyncerError, code: Exit) -> None:
    assert exit_of(error) == code


@pytest.mark.parametrize(
    ("passes", "code"),
    [
        ([{"state": "succeeded"}], Exit.OK),
        ([], Exit.OK),
        ([{"state": "succeeded"}, {"state": "partial"}], Exit.PARTLY_FAILED),
        ([{"state": "failed", "error": {"code": "credentials_rejected"}}], Exit.PARTNER_REFUSED),
        ([{"state": "failed", "error": {"code": "rate_limited"}}], Exit.TRY_LATER),
        (
            [{"state": "succeeded"}, {"state": "failed", "error": {"code": "rate_limited"}}],
            Exit.PARTLY_FAILED,
        ),
        ([{"state": "cancelled", "error": None}], Exit.PARTLY_FAILED),
    ],
    ids=["good", "none", "partial", "rejected", "limited", "some", "cancelled"],
)
def test_passes_decide_the_exit_code(passes: list[dict[str, object]], code: Exit) -> None:
    assert exit_of_passes(passes) == code
