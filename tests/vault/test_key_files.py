from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from syncer.domain.errors import ConfigurationError, ConflictError
from syncer.vault import create_key_file, keyfile, read_key_file


def test_a_created_key_file_holds_32_bytes_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "root.key"

    create_key_file(path)

    assert path.stat().st_mode & 0o777 == 0o400
    assert len(base64.b64decode(path.read_bytes())) == 32
    assert read_key_file(path) == base64.b64decode(path.read_bytes())


def test_two_created_key_files_differ(tmp_path: Path) -> None:
    create_key_file(tmp_path / "one.key")
    create_key_file(tmp_path / "two.key")

    assert read_key_file(tmp_path / "one.key") != read_key_file(tmp_path / "two.key")


def test_creating_never_overwrites_a_file(tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    path.write_text("precious")

    with pytest.raises(ConflictError) as refused:
        create_key_file(path)

    assert refused.value.code == "key_file_exists"
    assert path.read_text() == "precious"


def test_creating_never_follows_a_dangling_link(tmp_path: Path) -> None:
    (tmp_path / "root.key").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConflictError):
        create_key_file(tmp_path / "root.key")

    assert not (tmp_path / "elsewhere").exists()


def test_creating_in_a_missing_folder_is_a_configuration_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        create_key_file(tmp_path / "missing" / "root.key")


@pytest.mark.parametrize("mode", [0o400, 0o600])
def test_a_key_file_of_its_owner_is_read(key_file: Callable[..., Path], mode: int) -> None:
    assert read_key_file(key_file(fill=1, mode=mode)) == b"\x01" * 32


@pytest.mark.parametrize("mode", [0o404, 0o604, 0o644, 0o444, 0o602])
def test_a_key_file_that_others_can_read_or_change_is_refused(
    key_file: Callable[..., Path], mode: int
) -> None:
    with pytest.raises(ConfigurationError, match="others can"):
        read_key_file(key_file(mode=mode))


def status_of(mode: int, *, owner: int) -> os.stat_result:
    return os.stat_result((0o100000 | mode, 0, 0, 1, owner, 0, 44, 0, 0, 0))


@pytest.mark.parametrize("mode", [0o440, 0o460, 0o640])
def test_a_group_readable_key_file_is_refused_when_its_owner_is_not_root(mode: int) -> None:
    assert "group" in (keyfile._access_fault(status_of(mode, owner=1000)) or "")


def test_a_group_readable_key_file_of_root_is_taken_as_orchestrators_mount_it() -> None:
    assert keyfile._access_fault(status_of(0o440, owner=0)) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        base64.b64encode(bytes(31)),
        base64.b64encode(bytes(33)),
        bytes(32),
        b"not base64 at all!",
        base64.b64encode(bytes(32)) + b"\n" + base64.b64encode(bytes(32)),
        base64.b64encode(bytes(4000)),
    ],
    ids=["empty", "31-bytes", "33-bytes", "raw-bytes", "no-base64", "two-keys", "long"],
)
def test_a_key_file_without_exactly_32_bytes_is_refused_without_showing_it(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "root.key"
    path.write_bytes(content)
    path.chmod(0o400)

    with pytest.raises(ConfigurationError, match="32 bytes in base64") as refused:
        read_key_file(path)

    assert not content or content.decode("latin-1").strip() not in str(refused.value)


def test_a_missing_key_file_is_no_fault(tmp_path: Path) -> None:
    assert read_key_file(tmp_path / "missing.key") is None


def test_a_folder_in_place_of_a_key_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        read_key_file(tmp_path)
