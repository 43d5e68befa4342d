"""Checks that need the installed connectors, told with the place where the setting stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncer.bootstrap.checking import check_configuration
from syncer.config import load
from syncer.domain.errors import ConfigurationError

GOOD = '[connectors.claims360]\nenabled = true\nbase_url = "https://claims.example.org/api"\n'


def _faults(folder: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    file = folder / "syncer.toml"
    file.write_text(text, encoding="utf-8")
    try:
        check_configuration(load(file, environ=environ or {}))
    except ConfigurationError as error:
        return [fault.replace(f"{folder}/", "") for fault in error.faults]
    return []


def test_good_configuration_has_no_fault(tmp_path: Path) -> None:
    assert _faults(tmp_path, GOOD) == []


def test_connector_that_is_not_installed_is_told_with_its_line(tmp_path: Path) -> None:
    (fault,) = _faults(tmp_path, "\n[connectors.claims36]\nenabled = true\n")

    assert fault.startswith("syncer.toml:2: connectors.claims36: ")
    assert "claims360" in fault


def test_connector_that_is_not_enabled_is_left_alone(tmp_path: Path) -> None:
    assert _faults(tmp_path, '[connectors.darva]\nenabled = false\nroot = "/srv/edi"\n') == []


@pytest.mark.parametrize(
    "url",
    ["http://claims.example.org", "https://127.0.0.1/api", "https://10.1.2.3", "https://localhost"],
    ids=["plain", "loopback", "private", "localhost"],
)
def test_insecure_address_is_refused(tmp_path: Path, url: str) -> None:
    text = f'[connectors.claims360]\nenabled = true\nbase_url = "{url}"\n'

    (fault,) = _faults(tmp_path, text)

    assert fault.startswith("syncer.toml:3: connectors.claims360.base_url: ")


def test_insecure_address_is_taken_when_the_table_allows_it(tmp_path: Path) -> None:
    text = (
        '[connectors.claims360]\nenabled = true\nbase_url = "http://127.0.0.1:9"\n'
        "allow_insecure = true\n"
    )

    assert _faults(tmp_path, text) == []


def test_unknown_key_of_an_enabled_connector_is_told_with_its_line(tmp_path: Path) -> None:
    (fault,) = _faults(tmp_path, GOOD + 'queuing = "all"\n')

    assert fault.startswith("syncer.toml:4: connectors.claims360.queuing: ")
    assert "queueing" in fault


def test_unknown_name_in_a_settings_group_is_refused(tmp_path: Path) -> None:
    (fault,) = _faults(tmp_path, GOOD + '[settings.informex]\nqueuing = "all"\n')

    assert fault == (
        "syncer.toml:5: settings.informex.queuing: is not a setting, did you mean queueing?"
    )


def test_key_file_that_holds_no_key_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "root.key"
    key.write_text("too short", encoding="ascii")
    key.chmod(0o600)

    (fault,) = _faults(tmp_path, '[vault]\nkey_file = "root.key"\n')

    assert "32 bytes" in fault


def test_key_file_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    assert _faults(tmp_path, '[vault]\nkey_file = "absent.key"\n') == []


def test_faults_of_all_parts_come_together(tmp_path: Path) -> None:
    key = tmp_path / "root.key"
    key.write_text("too short", encoding="ascii")
    text = (
        '[vault]\nkey_file = "root.key"\n[connectors.nothing]\nenabled = true\n'
        '[connectors.claims360]\nenabled = true\nbase_url = "http://10.0.0.1"\n'
    )

    faults = " ".join(_faults(tmp_path, text))

    assert "root.key" in faults
    assert "connectors.nothing" in faults
    assert "connectors.claims360.base_url" in faults


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "cannot be read"),
        (b"", "in one line"),
        (b"two\nlines\n", "in one line"),
        (b"bell\x07", "in one line"),
        (b"\xff\xfe", "UTF-8"),
        (b"x" * 2_000, "in one line"),
    ],
    ids=["missing", "empty", "two-lines", "control", "bytes", "long"],
)
def test_mail_password_that_cannot_be_used_is_told(
    tmp_path: Path, content: bytes | None, fault: str
) -> None:
    password = tmp_path / "mail-password"
    if content is not None:
        password.write_bytes(content)
    text = (
        '[mail]\nhost = "mail.example.org"\nfrom = "Garage <a@b.be>"\nuser = "garage"\n'
        f'password_file = "{password}"\n'
    )

    (found,) = _faults(tmp_path, text)

    assert found.startswith("syncer.toml:5: mail.password_file: ")
    assert fault in found
    password.write_bytes(b"p\xc3\xa4ssword 1\n")
    assert _faults(tmp_path, text) == []
