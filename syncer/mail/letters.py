"""Letters from templates: each is a subject, a plain text and HTML, in one of four languages.

A template ``<letter>.txt`` begins with the line of the subject. The HTML of a letter comes from
``<letter>.html`` where there is one, else it is the text in paragraphs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from syncer.domain.mail import Language, one_line, plain_text
from syncer.mail.wording import Wording
from syncer.sdk import Letter

TEMPLATES = Path(__file__).parent / "templates"


def write(name: str, language: Language, facts: Mapping[str, Any]) -> Letter:
    """Fill a template in; values may hold anything, they stay text."""
    environment = _environment(language)
    filled = environment.get_template(f"{name}.txt").render(facts)
    subject, _, text = filled.strip().partition("\n")
    text = plain_text(text.strip()) + "\n"
    if not (TEMPLATES / f"{name}.html").exists():
        return _in_paragraphs(language, one_line(subject), text)
    html = environment.get_template(f"{name}.html").render({**facts, "language": language})
    html = html.encode("utf-8", "replace").decode()  # halves of characters cannot be sent
    return Letter(subject=one_line(subject), text=text, html=html)


def from_person(subject: str, text: str) -> Letter:
    """Make a letter of what a person wrote."""
    return _in_paragraphs(None, one_line(subject), plain_text(text).strip() + "\n")


def _in_paragraphs(language: Language | None, subject: str, text: str) -> Letter:
    paragraphs = [each.splitlines() for each in text.strip().split("\n\n")]
    template = _environment(language or Language.ENGLISH).get_template("paragraphs.html")
    return Letter(
        subject=subject, text=text, html=template.render(paragraphs=paragraphs, language=language)
    )


@cache
def _environment(language: Language) -> Environment:
    """Read the catalog and, as they are used, the templates: most programs never write a letter."""
    environment = Environment(
        auto_reload=False,
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    wording = Wording(language)
    environment.install_gettext_translations(wording.translations, newstyle=True)  # type: ignore[attr-defined] # put there by the extension
    environment.filters.update(wording.filters())
    environment.filters["lines"] = _lines
    return environment


def _lines(text: str) -> Markup:
    return Markup("<br>").join(text.splitlines())
