from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.observability.redaction import MASK, KnownSecrets

SECRET = "p/w+ é\"'\\&=x7"
SPELLINGS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "url-encoded": lambda text: quote(text, safe=""),
    "url-encoded-path": quote,
    "url-encoded-lower": lambda text: re.sub("%..", lambda hit: hit[0].lower(), quote(text)),
    "form-encoded": quote_plus,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64-url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "json": json.dumps,
    "json-utf8": lambda text: json.dumps(text, ensure_ascii=False),
    "repr": repr,
    "hex": lambda text: text.encode().hex(),
}


def knowing(*values: str) -> KnownSecrets:
    known = KnownSecrets()
    known.add(values)
    return known


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_known_secret_is_masked_in_every_usual_spelling(spell: Callable[[str], str]) -> None:
    spelled = spell(SECRET)
    core = spelled.strip("\"'=")[:-2]

    masked = knowing(SECRET).mask(f"before {spelled} after")

    assert MASK in masked
    assert core not in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "anna"])
def test_a_secret_is_masked_within_basic_authentication(user: str) -> None:
    password = "correct-horse-battery"
    header = base64.b64encode(f"{user}:{password}".encode()).decode()

    masked = knowing(password).mask(header)

    assert MASK in masked
    assert len(masked) < len(header)


def test_the_longest_secret_is_masked_whole_when_one_begins_with_another() -> None:
    known = knowing("secret", "secret-and-more")

    assert known.mask("[secret-and-more] [secret]") == f"[{MASK}] [{MASK}]"


def test_secrets_side_by_side_are_all_masked() -> None:
    assert knowing("first-one", "second-one").mask("first-onesecond-one") == MASK * 2


def test_text_without_a_secret_stays_as_it_is() -> None:
    text = "nothing here, sec ret, secre"

    assert knowing("secret").mask(text) == text


def test_nothing_is_masked_while_no_secret_is_known() -> None:
    assert KnownSecrets().mask("secret") == "secret"


def test_a_value_shorter_than_four_characters_does_not_tear_words_apart() -> None:
    assert knowing("abc").mask("abcdef") == "abcdef"


def test_the_link_s_own_names_stay_readable() -> None:
    known = KnownSecrets()

    known.add(["garage-7", "other-secret"], but=("garage-7", "claims360"))

    assert known.mask("garage-7 other-secret") == f"garage-7 {MASK}"


def test_known_secrets_are_bounded_and_the_used_ones_stay() -> None:
    known = KnownSecrets(most=10)
    for number in range(200):
        known.add([f"secret-{number}-x", "kept-in-use"])

    assert len(known) <= 10
    assert known.mask("kept-in-use secret-199-x") == f"{MASK} {MASK}"


@given(
    secret=st.text(min_size=4, max_size=40),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
)
def test_no_known_secret_is_left_in_any_text(secret: str, before: str, after: str) -> None:
    masked = knowing(secret).mask(before + secret + after)

    assert secret not in masked.replace(MASK, "\0")
