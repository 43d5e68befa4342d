"""The configuration file: where it is found, what is refused, and how faults are told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from syncer.config import load
from syncer.domain.errors import ConfigurationError


def _write(folder: Path, text: str) -> Path:
    file = folder / "syncer.toml"
    file.write_text(text, encoding="utf-8")
    return file


def _faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(_write(folder, text), environ={})
    return [fault.replace(f"{folder}/", "") for fault in caught.value.faults]


def test_defaults_hold_without_any_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    settings = load(environ={})

    assert settings.file is None
    assert settings.server.port == 8360
    assert settings.sync.interval == timedelta(minutes=15)


def test_file_in_the_working_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _write(tmp_path, "[server]\nport = 1234\n")

    assert load(environ={}).server.port == 1234


def test_file_named_by_the_environment_goes_before_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _write(tmp_path, "[server]\nport = 1234\n")
    other = tmp_path / "other.toml"
    other.write_text("[server]\nport = 4321\n", encoding="utf-8")

    assert load(environ={"SYNCER_CONFIG": str(other)}).server.port == 4321


def test_named_file_that_does_not_exist_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such file"):
        load(tmp_path / "absent.toml", environ={})


def test_unknown_key_is_refused_with_line_and_nearest_name(tmp_path: Path) -> None:
    faults = _faults(tmp_path, "[server]\n# where\nprot = 1\n")

    assert faults == ["syncer.toml:3: server.prot: is not a setting, did you mean port?"]


def test_all_faults_are_reported_together_in_order_of_line(tmp_path: Path) -> None:
    faults = _faults(
        tmp_path,
        'log_level = "loud"\n[server]\nport = 99999\n[sync]\ninterval = "soon"\n'
        '[[repairers]]\nid = "A b"\nname = "x"\n',
    )

    assert [fault.split(": ")[0] for fault in faults] == [
        "syncer.toml:1",
        "syncer.toml:3",
        "syncer.toml:5",
        "syncer.toml:7",
    ]


def test_broken_toml_is_told_with_its_line(tmp_path: Path) -> None:
    assert _faults(tmp_path, "[server]\nport =\n")[0].startswith("syncer.toml:2: ")


def test_faulty_exclude_rule_is_found_by_its_own_line(tmp_path: Path) -> None:
    text = '[settings.informex]\nexcludes = [\n  { kind = "quote" },\n  { plat = "T*" },\n]\n'

    (fault,) = _faults(tmp_path, text)

    assert fault.startswith("syncer.toml:4: settings.informex.excludes[1]: plat is not a field")


def test_fault_never_shows_the_value(tmp_path: Path) -> None:
    (fault,) = _faults(tmp_path, '[store]\nurl = "postgresql://me:hunter2@db/x"\n')

    assert "hunter2" not in fault


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('[store]\nurl = "postgresql://db/x"\n', "store.url"),
        ('[store]\nblobs = "s3://bucket/prefix"\n', "store.blobs"),
        ('[planning]\nwebhook_url = "http://example.org/"\n', "planning.webhook_url"),
        ('[mail]\nhost = "mail.example.org"\nsecurity = "none"\nfrom = "a@b.be"\n', "mail"),
        ('[mail]\nhost = "mail.example.org"\n', "mail"),
        ('[mail]\nhost = "mail.example.org"\nfrom = "a@b.be"\nuser = "a"\n', "mail"),
        ('[mail]\nfrom = "nobody"\n', "mail.from"),
        ('[settings.informex]\nqueueing = "some"\n', "settings.informex.queueing"),
        ("[sync]\nconcurrency = 0\n", "sync.concurrency"),
        ('[connectors."Not A Slug"]\nenabled = true\n', "connectors.Not A Slug"),
    ],
    ids=[
        "postgresql",
        "s3",
        "plain-webhook",
        "plain-mail",
        "no-sender",
        "no-password",
        "sender",
        "queueing",
        "concurrency",
        "slug",
    ],
)
def test_value_that_cannot_be_used_is_refused_by_path(tmp_path: Path, text: str, path: str) -> None:
    (fault,) = _faults(tmp_path, text)

    assert f": {path}: " in fault


def test_repairer_that_stands_twice_is_refused(tmp_path: Path) -> None:
    text = '[[repairers]]\nid = "a"\nname = "A"\n[[repairers]]\nid = "a"\nname = "B"\n'

    (fault,) = _faults(tmp_path, text)

    assert "doubled: a" in fault


def test_keys_of_a_connector_beyond_ours_are_its_own(tmp_path: Path) -> None:
    text = "[connectors.darva]\nenabled = false\npace = 3\n"

    table = load(_write(tmp_path, text), environ={}).connectors["darva"]

    assert (table.enabled, table.own) == (False, {"pace": 3})


def test_relative_paths_start_from_the_folder_of_the_file(tmp_path: Path) -> None:
    text = 'data_dir = "data"\n[vault]\nkey_file = "root.key"\n'

    settings = load(_write(tmp_path, text), environ={})

    assert settings.data_dir == tmp_path / "data"
    assert settings.vault.key_file == str(tmp_path / "root.key")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"15m"', timedelta(minutes=15)),
        ('"1h30m"', timedelta(hours=1, minutes=30)),
        ('"2d"', timedelta(days=2)),
        ("90", timedelta(seconds=90)),
        ("0.5", timedelta(milliseconds=500)),
    ],
)
def test_duration_is_text_or_seconds(tmp_path: Path, text: str, expected: timedelta) -> None:
    settings = load(_write(tmp_path, f"[retention]\npasses = {text}\n"), environ={})

    assert settings.retention.passes == expected


@pytest.mark.parametrize("text", ['"15 fortnights"', '"-1s"', "0", "true", '""', '"5m3"'])
def test_duration_that_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    (fault,) = _faults(tmp_path, f"[retention]\npasses = {text}\n")

    assert "must be a duration" in fault


def test_features_of_later_releases_are_told_and_do_not_stop_the_start(tmp_path: Path) -> None:
    text = '[planning]\nwebhook_url = "https://planning.example/hook"\n'

    notices = load(_write(tmp_path, text), environ={}).notices

    assert [notice.split(": ")[1] for notice in notices] == ["planning.webhook_url"]
