"""How text filters compare."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.search import fold


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        pytest.param("megane", "Mégane", id="accent"),
        pytest.param("MÉGANE", "megane", id="accent-typed"),
        pytest.param("strasse", "Straße", id="sharp-s"),
        pytest.param("ilker", "İlker", id="dotted-capital-i"),
        pytest.param("renault", "RENAULT", id="capitals"),
        pytest.param("file", "ﬁle", id="ligature"),
    ],
)
def test_texts_that_differ_in_case_and_accents_only_fold_alike(typed: str, stored: str) -> None:
    assert fold(typed) == fold(stored)


def test_texts_with_other_letters_fold_differently() -> None:
    assert fold("Mégane") != fold("Mégana")


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    once = fold(text)

    assert fold(once) == once


@given(st.text(), st.text())
def test_a_part_of_an_ascii_text_is_found_in_any_case(before: str, after: str) -> None:
    part = "1-ABC"

    assert fold(part.lower()) in fold(f"{before}{part}{after}")
