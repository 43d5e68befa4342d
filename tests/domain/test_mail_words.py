"""Addresses, languages and names of files, as mail needs them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.mail import Language, is_address, language_of, safe_names


@pytest.mark.parametrize(
    "text", ["a@b.be", "claims+motor@insurer.example", "o'neil@x-y.example.org", "root@localhost"]
)
def test_plain_address_is_one(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nobody",
        "@b.be",
        "a@",
        "a b@c.de",
        "a@b.be, c@d.be",
        "a@b.be\r\nBcc: c@d.be",
        "A <a@b.be>",
        "a..b@c.de",
        "a@-b.be",
        "a@b..be",
        "é@b.be",
        f"{'x' * 65}@b.be",
        f"a@{'x' * 64}.be",
    ],
)
def test_anything_else_is_no_address(text: str) -> None:
    assert not is_address(text)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("fr", Language.FRENCH),
        ("nl-BE", Language.DUTCH),
        ("it_IT", Language.ITALIAN),
        ("EN", Language.ENGLISH),
        ("Français", Language.FRENCH),
        ("de", None),
        ("", None),
        (None, None),
    ],
)
def test_language_is_read_as_people_write_it(text: str | None, language: Language | None) -> None:
    assert language_of(text) is language


@given(st.lists(st.text(max_size=200), max_size=8))
def test_names_of_files_are_safe_and_distinct(names: list[str]) -> None:
    safe = safe_names(names)

    assert len(safe) == len(names)
    assert len({name.casefold() for name in safe}) == len(names)
    assert all(name and name.isprintable() and len(name) <= 130 for name in safe)
    assert not any(set('/\\:*?"<>|') & set(name) for name in safe)
    assert not any(name.startswith(".") for name in safe)


def test_names_keep_what_is_harmless() -> None:
    names = ["../../etc/passwd", "C:\\x\\Devis été.PDF", "devis été.pdf", "", "x" * 300 + ".jpeg"]

    assert safe_names(names)[:4] == ["passwd", "Devis été.PDF", "devis été (2).pdf", "document"]
    assert safe_names(names)[4].endswith("x.jpeg")
