"""Words, dates and amounts in a language; the words stand in ``locales/<language>.po``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.core import Locale
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal

from syncer.domain.mail import Language

LOCALES = Path(__file__).parent / "locales"


class Wording:
    """How things are said in one language."""

    def __init__(self, language: Language) -> None:
        self._locale = Locale(language.value)
        with (LOCALES / f"{language.value}.po").open(encoding="utf-8") as file:
            catalog = read_po(file, locale=language.value)
        compiled = BytesIO()
        write_mo(compiled, catalog)
        compiled.seek(0)
        self.translations = GNUTranslations(compiled)

    def filters(self) -> dict[str, Callable[..., str]]:
        """Give the filters that templates use."""
        return {
            "shown": self.shown,
            "size": self.size,
            "state": self.state,
        }

    def shown(self, value: Any, form: str) -> str:
        """Write a value in its form: ``text``, ``day``, ``money``, ``number``, ``yes_or_no``."""
        forms: dict[str, Callable[[Any], str]] = {
            "day": self.day,
            "money": self.money,
            "number": self.number,
            "yes_or_no": self.yes_or_no,
        }
        return str(forms.get(form, str)(value))

    def day(self, value: str) -> str:
        """Write a date; what is none stays as it is."""
        try:
            return format_date(date.fromisoformat(value), format="long", locale=self._locale)
        except ValueError:
            return value

    def money(self, value: Mapping[str, Any]) -> str:
        """Write an amount with its currency."""
        amount, currency = str(value.get("amount", "")), str(value.get("currency", ""))
        try:
            return str(format_currency(Decimal(amount), currency, locale=self._locale))
        except InvalidOperation:
            return f"{amount} {currency}".strip()

    def number(self, value: int) -> str:
        """Write a whole number."""
        return str(format_decimal(value, locale=self._locale))

    def size(self, value: int) -> str:
        """Write a size of a file in the unit that fits."""
        if value < 1_000_000:
            return f"{self.number(max(1, round(value / 1_000)))} kB"
        millions = Decimal(value) / 1_000_000
        return f"{format_decimal(millions, format='#,##0.0', locale=self._locale)} MB"

    def yes_or_no(self, value: object) -> str:
        """Write a flag."""
        return self.translations.gettext("yes" if value else "no")

    def state(self, word: str) -> str:
        """Write a state of claim files; a partner's own word that we do not know stays readable."""
        known = STATES.get(word)
        return self.translations.gettext(known) if known else word.replace("_", " ")


def _words(**states: str) -> dict[str, str]:
    return states


STATES = _words(
    linked="in a sales document",
    unlinked="in no sales document",
    awaiting_notice="awaiting the claim notice",
    sent="sent",
    awaiting_payment="awaiting payment",
    finished="finished",
    cancelled="cancelled",
    received="received",
    incomplete="incomplete",
    validated="validated",
    entrusted="entrusted to an expert",
    partly_refunded="partly refunded",
    refunded_closed="refunded and closed",
    closed="closed",
    no_follow_up="closed without follow-up",
)
"""States of claim files (docs/partners) in words for the parties, before translation."""
WORDS = ("yes", "no", *STATES.values())
"""What is translated here and not in a template."""
