"""The pratica as the played portal reads it: nothing else, and in no other order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from syncer.sdk import PayloadError, XmlElement, parse_xml
from syncer.testing import Problem
from syncer_restart import wire
from syncer_restart.checking import is_vat_number
from syncer_restart.played_account import Entry

_CODE = "PRATICA_NON_VALIDA"
_ATTRIBUTES: Mapping[str, Sequence[str]] = {
    "pratica": ("evento", "riferimento"),
    "canalizzazione": (),
    "centroAsp": ("piva", "ragioneSociale"),
    "cliente": ("nome", "telefono", "email", "codiceFiscale"),
    "veicolo": ("targa", "telaio", "marca", "modello"),
    "sinistro": (
        "data",
        "luogo",
        "veicoli",
        "feriti",
        "lesioniGravi",
        "controparteEstera",
        "indennizzoDiretto",
    ),
    "preventivo": ("netto", "iva", "lordo", "valuta"),
    "allegati": (),
    "allegato": ("id", "tipo", "nome", "sha256", "dimensione"),
}
_ORDER = [name for name in _ATTRIBUTES if name not in {"pratica", "allegato"}]
_REQUIRED_ELEMENTS = ("canalizzazione", "centroAsp", "allegati")
_ALL_REQUIRED = ("pratica", "centroAsp", "allegato")
_FORMS = {
    "veicoli": re.compile(r"[0-9]+"),
    "dimensione": re.compile(r"[0-9]+"),
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "valuta": re.compile(r"[A-Z]{3}"),
    **dict.fromkeys(("netto", "iva", "lordo"), re.compile(r"-?[0-9]+(\.[0-9]+)?")),
    **dict.fromkeys(
        ("feriti", "lesioniGravi", "controparteEstera", "indennizzoDiretto"),
        re.compile(r"true|false"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pratica:
    """What a pratica says, as far as the portal keeps it."""

    reference: str
    centre: dict[str, str]
    entries: list[Entry]
    values: Mapping[str, Mapping[str, str]]


def read_pratica(content: bytes, *, event: str) -> Pratica:
    """Read a pratica of the wanted event.

    Raises:
        Problem: 422 naming what is wrong.
    """
    try:
        content.decode("utf-8")
        root = parse_xml(content)
    except (UnicodeDecodeError, PayloadError) as error:
        raise _bad(f"XML: {error}") from None
    if root.name != "pratica":
        raise _bad("pratica")
    _check_attributes(root)
    _check_children(root)
    if root.attributes["evento"] != event:
        raise _bad("evento")
    elements = {child.name: child for child in root.children}
    if elements["canalizzazione"].text != wire.CHANNEL:
        raise _bad("canalizzazione")
    if not is_vat_number(elements["centroAsp"].attributes["piva"]):
        raise _bad("piva")
    return Pratica(
        reference=root.attributes["riferimento"],
        centre=dict(elements["centroAsp"].attributes),
        entries=_entries(elements["allegati"]),
        values={name: child.attributes for name, child in elements.items()},
    )


def _check_children(root: XmlElement) -> None:
    names = [child.name for child in root.children]
    if root.text or names != [name for name in _ORDER if name in names]:
        raise _bad("the order of elements")
    for name in _REQUIRED_ELEMENTS:
        if name not in names:
            raise _bad(name)
    for child in root.children:
        _check_attributes(child)
        if child.name != "allegati" and child.children:
            raise _bad(child.name)
        if child.name != "canalizzazione" and child.text:
            raise _bad(child.name)


def _check_attributes(element: XmlElement) -> None:
    known, names = _ATTRIBUTES[element.name], list(element.attributes)
    if names != [name for name in known if name in names]:
        raise _bad(f"the attributes of {element.name}")
    if element.name in _ALL_REQUIRED and len(names) != len(known):
        raise _bad(f"the attributes of {element.name}")
    for name, value in element.attributes.items():
        form = _FORMS.get(name)
        if not value or (form is not None and not form.fullmatch(value)):
            raise _bad(f"{element.name} {name}")
    if element.name == "sinistro" and not _is_date(element.attributes.get("data")):
        raise _bad("sinistro data")


def _entries(manifest: XmlElement) -> list[Entry]:
    entries: list[Entry] = []
    for child in manifest.children:
        if child.name != "allegato" or child.children or child.text:
            raise _bad("allegati")
        _check_attributes(child)
        values = child.attributes
        if values["tipo"] not in wire.KINDS:
            raise _bad("allegato tipo")
        if any(entry.id == values["id"] for entry in entries):
            raise _bad("allegato id")
        entries.append(
            Entry(
                id=values["id"],
                kind=values["tipo"],
                name=values["nome"],
                sha256=values["sha256"],
                size_bytes=int(values["dimensione"]),
            )
        )
    return entries


def _is_date(text: str | None) -> bool:
    try:
        return text is None or date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _bad(what: str) -> Problem:
    return Problem(422, _CODE, detail=what)
