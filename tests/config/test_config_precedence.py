"""Which source outranks which."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncer.config import Settings, load
from syncer.domain.errors import ConfigurationError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "syncer.toml"
    file.write_text(
        '[server]\nport = 1\n[settings.informex]\nqueueing = "none"\n'
        'excludes = [{plate = "TOML*"}]\n',
        encoding="utf-8",
    )
    return file


def test_command_line_outranks_environment_and_file(file: Path) -> None:
    settings = load(file, environ={"SYNCER_SERVER__PORT": "2"}, assignments={"server.port": "3"})

    assert settings.server.port == 3
    assert settings.origin("server", "port") == "command line"


def test_environment_outranks_secret_files_and_file(file: Path, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "SYNCER_SERVER__PORT").write_text("5\n", encoding="utf-8")

    both = load(file, environ={"SYNCER_SERVER__PORT": "2", "SYNCER_SECRETS_DIR": str(secrets)})
    secret = load(file, environ={"SYNCER_SECRETS_DIR": str(secrets)})

    assert (both.server.port, secret.server.port) == (2, 5)


def test_other_keys_of_a_table_survive_an_override(file: Path) -> None:
    settings = load(file, environ={"SYNCER_SETTINGS__INFORMEX__QUEUEING": "mission,quote"})

    assert settings.groups["informex"] == {
        "queueing": ["mission", "quote"],
        "excludes": [{"plate": "TOML*"}],
    }


def test_legacy_names_outrank_the_file(file: Path) -> None:
    settings = load(
        file,
        environ={"INFORMEX_QUEING": "Mission, quote", "INFORMEX_EXCLUDES": '[{"plate": "OLD*"}]'},
    )

    assert settings.groups["informex"] == {
        "queueing": ["mission", "quote"],
        "excludes": [{"plate": "OLD*"}],
    }


def test_legacy_names_are_outranked_by_ours(file: Path) -> None:
    environ = {"INFORMEX_QUEING": "none", "SYNCER_SETTINGS__INFORMEX__QUEUEING": "all"}

    assert load(file, environ=environ).groups["informex"]["queueing"] == "all"


def test_names_set_by_the_environment_are_known(file: Path) -> None:
    environ = {
        "INFORMEX_QUEING": "none",
        "SYNCER_SETTINGS__INFORMEX__EXCLUDES": "[]",
        "SYNCER_SETTINGS__OTHER__QUEUEING": "all",
    }

    assert load(file, environ=environ).from_env == {
        "informex": frozenset({"queueing", "excludes"}),
        "other": frozenset({"queueing"}),
    }


def test_legacy_excludes_that_are_no_list_are_refused(file: Path) -> None:
    with pytest.raises(ConfigurationError, match="environment INFORMEX_EXCLUDES: must be a JSON"):
        load(file, environ={"INFORMEX_EXCLUDES": "TEST*"})


def test_unknown_environment_name_is_refused_with_the_nearest(file: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(file, environ={"SYNCER_SERVER__PROT": "2"})

    assert caught.value.faults == (
        "environment SYNCER_SERVER__PROT: server.prot: is not a setting, did you mean port?",
    )


def test_names_that_an_orchestrator_makes_are_left_alone(file: Path) -> None:
    environ = {"SYNCER_SERVICE_HOST": "10.0.0.1", "SYNCER_PORT": "tcp://10.0.0.1:8360"}

    assert load(file, environ=environ).server.port == 1


def test_lists_may_be_written_with_commas_or_as_json(file: Path) -> None:
    commas = load(file, environ={"SYNCER_SERVER__ALLOWED_HOSTS": "a.example, b.example"})
    as_json = load(file, environ={"SYNCER_SERVER__ALLOWED_HOSTS": '["a.example", "b.example"]'})

    assert commas.server.allowed_hosts == as_json.server.allowed_hosts == ["a.example", "b.example"]


def test_tree_built_directly_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCER_SERVER__PORT", "2")

    assert Settings().server.port == 8360


def test_tree_cannot_be_changed(file: Path) -> None:
    settings = load(file, environ={})

    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "log_level", "debug")  # noqa: B010  mypy forbids the plain spelling
