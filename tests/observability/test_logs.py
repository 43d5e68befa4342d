from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncer import observability
from syncer.observability import (
    Event,
    configure_logging,
    get_logger,
    known_secrets,
    log_context,
)

LOG = get_logger("syncer.somewhere")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("debug", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_event_phrase_and_facts(stream: io.StringIO) -> None:
    LOG.info(Event.PASS_ENDED, pages=3, counts={"new": 2})

    (line,) = lines(stream)
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "syncer.somewhere",
        "event": "pass_ended",
        "message": "A pass ended.",
        "pages": 3,
        "counts": {"new": 2},
    }


def test_context_is_on_every_line_within_and_on_none_after(stream: io.StringIO) -> None:
    with log_context(pass_id="p-1", connector="door", repairer="garage-7"):
        LOG.info(Event.PASS_FAILED)
        logging.getLogger("library").warning("something")
    LOG.info(Event.STOPPED)

    inner, foreign, outer = lines(stream)
    assert inner["pass_id"] == foreign["pass_id"] == "p-1"
    assert (inner["connector"], inner["repairer"]) == ("door", "garage-7")
    assert "pass_id" not in outer


def test_lines_below_the_level_are_left_out(stream: io.StringIO) -> None:
    configure_logging("warning", stream=stream)

    LOG.info(Event.STARTED)
    LOG.warning(Event.UPKEEP_DELAYED)

    assert [line["event"] for line in lines(stream)] == ["upkeep_delayed"]


def test_what_libraries_log_has_the_same_form(stream: io.StringIO) -> None:
    logging.getLogger("aiohttp.server").error("bad %s", "request")

    (line,) = lines(stream)
    assert (line["event"], line["message"]) == ("library", "bad request")
    assert line["logger"] == "aiohttp.server"


class Telling:
    def __repr__(self) -> str:
        return "Telling(log-canary-1)"


@pytest.mark.parametrize(
    "fact",
    [
        "log-canary-1",
        ["log-canary-1"],
        {"deep": {"deeper": ("log-canary-1",)}},
        {"log-canary-1": 1},
        b"log-canary-1",
        Telling(),
        ValueError("log-canary-1"),
        {"log-canary-1"},
        [[[[[[[["log-canary-1"]]]]]]]],
    ],
    ids=["text", "list", "nested", "name", "bytes", "object", "error", "set", "deep"],
)
def test_a_known_secret_is_masked_wherever_it_is(stream: io.StringIO, fact: object) -> None:
    known_secrets.add(["log-canary-1"])

    LOG.info(Event.PASS_ENDED, fact=fact)

    assert "log-canary-1" not in stream.getvalue()
    assert "[redacted]" in stream.getvalue()


def test_a_known_secret_is_masked_in_traces_and_in_what_libraries_say(stream: io.StringIO) -> None:
    known_secrets.add(["log-canary-2"])

    try:
        int("log-canary-2")
    except ValueError:
        LOG.exception(Event.UNEXPECTED)
        logging.getLogger("library").exception("failed with %s", "log-canary-2")

    assert "log-canary-2" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


@pytest.mark.parametrize("name", ["token", "password", "Authorization", "X-Api-Key", "api_key"])
def test_a_fact_whose_name_speaks_of_a_secret_is_masked(stream: io.StringIO, name: str) -> None:
    LOG.info(Event.PASS_ENDED, **{name: "never-seen-before"}, headers={name: "never-seen-before"})

    assert "never-seen-before" not in stream.getvalue()


def fail(text: str) -> None:
    raise ValueError(text)


FORGED = 'x\r\n{"level":"ERROR"}\x1b[2J\u2028\x85\u202e'


@pytest.mark.parametrize("form", ["json", "text"])
def test_control_characters_cannot_forge_a_line_or_steer_a_terminal(
    stream: io.StringIO, form: Any
) -> None:
    configure_logging("debug", form=form, stream=stream)

    LOG.info(Event.PASS_ENDED, path=FORGED)
    logging.getLogger("library").warning("%s", FORGED)

    written = stream.getvalue()
    assert len(written.splitlines()) == 2
    assert not set(FORGED) & set("\r\x1b\u2028\x85\u202e") & set(written)


def test_a_trace_in_readable_form_cannot_begin_a_line_of_its_own(stream: io.StringIO) -> None:
    configure_logging("debug", form="text", stream=stream)

    try:
        fail("x\n12:00:00  error  forged")
    except ValueError:
        LOG.exception(Event.UNEXPECTED)

    head, *trace = stream.getvalue().splitlines()
    assert "this is a bug" in head
    assert trace
    assert all(line.startswith("    ") for line in trace)


def test_every_event_has_a_phrase_of_its_own() -> None:
    phrases = [event.phrase for event in Event]

    assert all(phrase.endswith(".") for phrase in phrases)
    assert len(set(phrases)) == len(phrases)


def test_every_event_is_logged_somewhere() -> None:
    root = Path(observability.__file__).parents[1]
    places = [path for path in root.rglob("*.py") if "observability" not in path.parts]
    source = "".join(path.read_text(encoding="utf-8") for path in places)

    named = set(re.findall(r"\bEvent\.([A-Z_]+)", source)) | {"LIBRARY"}

    assert {event.name for event in Event} == named
