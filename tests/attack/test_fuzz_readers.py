"""Readers of what others write: whatever it is, they read it or refuse it in their own words."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from syncer_claims360.cursor import Cursor

from syncer.bootstrap.checking import check_configuration
from syncer.config import load, parse_duration
from syncer.domain.errors import ConfigurationError, PayloadError
from syncer.partner.retry import parse_retry_after
from tests.campaign import COUNTS

FEW = settings(
    max_examples=60 * COUNTS.examples_factor,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    database=None,
)
MANY = settings(max_examples=300 * COUNTS.examples_factor, database=None)
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)

ODD_WAITS = st.one_of(
    st.text(),
    st.integers().map(str),
    st.floats().map(str),
    st.datetimes().map(lambda at: at.strftime("%a, %d %b %Y %H:%M:%S GMT")),
    st.from_regex(r"[+-]?[0-9]{1,400}(\.[0-9]+)?(e[0-9]+)?", fullmatch=True),
)


@MANY
@given(wait=ODD_WAITS, date=st.none() | ODD_WAITS)
@example(wait="9" * 5000, date=None)
@example(wait="-1", date=None)
@example(wait="Mon, 02 Mar 2026 10:00:00 +9999", date="Thu, 01 Jan 0000 00:00:00 GMT")
def test_any_retry_after_is_a_wait_within_an_hour_or_counts_as_absent(
    wait: str, date: str | None
) -> None:
    headers = {"Retry-After": wait} | ({"Date": date} if date is not None else {})

    seconds = parse_retry_after(headers, NOW)

    assert seconds is None or 0 <= seconds <= 3600


@MANY
@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
@example('{"since": "2026-03-02T10:00:00Z", "listing": {"next": 1}}')
@example('{"since": "9999-12-31T23:59:59-14:00"}')
def test_any_stored_cursor_is_read_or_refused(text: str) -> None:
    try:
        cursor = Cursor.parse(text)
    except PayloadError:
        return
    assert Cursor.parse(cursor.text()) == cursor


def must_be_readable(error: ConfigurationError) -> None:
    """Look at a refusal: it lists faults in our words."""
    assert str(error).strip()
    assert "pydantic" not in str(error)
    assert "Traceback" not in str(error)


TABLES = st.sampled_from([
    "server", "store", "vault", "retention", "sync", "settings.informex", "connectors.claims360",
    "connectors.example", "planning", "mail", "nowhere", '"odd name"',
])  # fmt: skip
KEYS = st.sampled_from([
    "data_dir", "log_level", "host", "port", "socket", "allowed_hosts", "url", "blobs", "key_file",
    "retired_key_files", "passes", "interval", "concurrency", "attachment_max_bytes", "queueing",
    "excludes", "enabled", "base_url", "allow_insecure", "settings_group", "id", "name", "colour",
])  # fmt: skip
VALUES = st.sampled_from([
    "true", "0", "-1", "1e9", "99999999999999999999999", '""', '"15m"', '"-3h"', '"1d1d"', "[]",
    "[1]", '["mission"]', "{}", '{ plate = "X*" }', '[{ plate = "X*" }, { shoe = 1 }]', "nan",
    "inf", "1979-05-27", '"http://127.0.0.1:1"', '"https://a b/"', '"https://x.example/?q"',
    '"\\u0000"',
])  # fmt: skip
LINES = st.one_of(
    st.builds("[{}]".format, TABLES),
    st.builds("[[{}]]".format, st.sampled_from(["repairers", "document_rules", "server"])),
    st.builds("{} = {}".format, KEYS, VALUES),
    st.text(max_size=20).filter(lambda text: text.isprintable()),
)


@FEW
@given(lines=st.lists(LINES, max_size=12), raw=st.binary(max_size=20))
def test_any_configuration_file_is_read_or_refused_with_its_faults(
    tmp_path: Path, lines: list[str], raw: bytes
) -> None:
    file = tmp_path / "syncer.toml"
    for content in ("\n".join(lines).encode(), raw):
        file.write_bytes(content)
        try:
            check_configuration(load(file, environ={}))
        except ConfigurationError as error:
            must_be_readable(error)


@FEW
@given(
    names=st.lists(KEYS, min_size=1, max_size=3),
    values=st.lists(st.text(max_size=20), min_size=3, max_size=3),
)
def test_any_environment_is_read_or_refused_with_its_faults(
    names: list[str], values: list[str]
) -> None:
    environ = {
        f"SYNCER_{'__'.join(name.upper() for name in names)}": values[0],
        "SYNCER_SETTINGS__INFORMEX__EXCLUDES": values[1],
        "INFORMEX_EXCLUDES": values[2],
        "INFORMEX_QUEING": values[0],
    }
    try:
        load(environ=environ)
    except ConfigurationError as error:
        must_be_readable(error)


@MANY
@given(st.text() | st.integers() | st.from_regex(r"([0-9]{1,30}[smhd]){1,3}", fullmatch=True))
def test_any_duration_is_read_or_refused(value: str | int) -> None:
    try:
        duration = parse_duration(value)
    except ValueError:
        return
    assert duration.total_seconds() >= 0
