"""`syncer mails` on a running service: a reminder is found, read, and not sent twice."""

from __future__ import annotations

import time
from typing import Any

import pytest

from syncer.cli.exits import Exit
from tests.cli.conftest import Syncer


@pytest.fixture
def reminder(demo: Syncer) -> Any:
    """A reminder that the demo has sent."""
    for _ in range(200):
        listed = demo("mails", "--kind", "reminder", "--state", "sent", "--json").json
        if listed["items"]:
            return listed["items"][0]
        time.sleep(0.05)  # noqa: TID251 - another process works
    raise AssertionError(demo("mails").out)


def test_a_reminder_is_listed_and_shown_with_its_text(demo: Syncer, reminder: Any) -> None:
    table = demo("mails", "list", "--claim-file", reminder["claim_file"])
    shown = demo("mails", "show", reminder["id"])

    assert (table.code, shown.code) == (Exit.OK, Exit.OK)
    assert reminder["id"] in table.out
    assert reminder["subject"] in shown.out
    assert all(line in shown.out for line in reminder["text"].splitlines())


@pytest.mark.parametrize("words", [("retry",), ("cancel",), ("resolve", "delivered")])
def test_what_was_sent_is_left_alone(demo: Syncer, reminder: Any, words: tuple[str, ...]) -> None:
    verb, *more = words

    said = demo("mails", verb, reminder["id"], *more)
    after = demo("mails", "show", reminder["id"], "--json")

    assert said.code == Exit.REFUSED
    assert after.json == reminder


def test_filters_leave_out_what_was_not_asked_for(demo: Syncer, reminder: Any) -> None:
    others = demo("mails", "--kind", "status", "--json").json["items"]

    assert reminder["id"] not in {mail["id"] for mail in others}
    assert demo("mails", "--state", "lost").code != Exit.OK
