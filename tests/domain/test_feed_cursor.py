"""Cursors of the change feed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.feed import FeedCursor


@given(
    st.from_regex(r"[0-9a-f]{16,32}", fullmatch=True),
    st.integers(min_value=0, max_value=10**18 - 1),
)
def test_cursor_reads_back_as_it_was_written(epoch: str, seq: int) -> None:
    cursor = FeedCursor(epoch=epoch, seq=seq)

    assert FeedCursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("17", id="no-epoch"),
        pytest.param("abc:", id="no-place"),
        pytest.param(":17", id="empty-epoch"),
        pytest.param("abc:-1", id="negative"),
        pytest.param("abc:1.5", id="fraction"),
        pytest.param("abc:1e3", id="exponent"),
        pytest.param("abc:١٢", id="digits-of-another-script"),
        pytest.param("a b:1", id="space"),
        pytest.param("abc:1:2", id="three-parts"),
        pytest.param("abc:1000000000000000000", id="too-many-digits"),
    ],
)
def test_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        FeedCursor.parse(text)


@given(st.text())
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        cursor = FeedCursor.parse(text)
    except ValueError:
        return

    assert cursor.seq >= 0
