"""Letters from templates: each is a subject, a plain text and HTML, in one of four languages.

A template ``<letter>.txt`` begins with the line of the subject. The HTML of a letter comes from
``<letter>.html`` where there is one, else it is the text in paragraphs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from syncer.domain.mail import Language, one_line, plain_text
from syncer.mail.wording import Wording
from syncer.sdk import Letter

TEMPLATES = Path(__file__).parent / "templates"
_PARAGRAPHS = "paragraphs.html"


class Letters:
    """Writes letters; templates and catalogs are read once for each language."""

    def __init__(self) -> None:
        self._names = sorted(path.name for path in TEMPLATES.iterdir())
        self._environments = {language: _environment(language) for language in Language}
        for environment in self._environments.values():
            for name in self._names:
                environment.get_template(name)

    def write(self, name: str, language: Language, facts: Mapping[str, Any]) -> Letter:
        """Fill a template in; values may hold anything, they stay text."""
        environment = self._environments[language]
        filled = environment.get_template(f"{name}.txt").render(facts)
        subject, _, text = filled.strip().partition("\n")
        text = plain_text(text.strip()) + "\n"
        if f"{name}.html" not in self._names:
            return self._letter(environment, language, one_line(subject), text)
        html = environment.get_template(f"{name}.html").render({**facts, "language": language})
        html = html.encode("utf-8", "replace").decode()  # halves of characters cannot be sent
        return Letter(subject=one_line(subject), text=text, html=html)

    def from_person(self, subject: str, text: str) -> Letter:
        """Make a letter of what a person wrote."""
        environment = self._environments[Language.ENGLISH]
        return self._letter(environment, None, one_line(subject), plain_text(text).strip() + "\n")

    def _letter(
        self, environment: Environment, language: Language | None, subject: str, text: str
    ) -> Letter:
        paragraphs = [each.splitlines() for each in text.strip().split("\n\n")]
        template = environment.get_template(_PARAGRAPHS)
        html = template.render(paragraphs=paragraphs, language=language)
        return Letter(subject=subject, text=text, html=html)


def _environment(language: Language) -> Environment:
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
