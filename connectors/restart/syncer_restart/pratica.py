"""The pratica: the claim as the XML document that the portal reads; pure.

The portal takes elements and attributes in exactly this order. What is not known is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from syncer.sdk import ClaimFile, OutgoingFile, XmlElement, write_xml
from syncer_restart import wire
from syncer_restart.assessment import assess

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may hold. Source: XML 1.0, section 2.2."""
_REPLACEMENT = "\ufffd"
Values = Mapping[str, Any]


def pratica(claim_file: ClaimFile, files: Sequence[OutgoingFile], *, event: str) -> bytes:
    """Write the claim with the whole manifest of its attachments; ``event`` is the portal's word.

    The data must have been checked (``checking.py``).
    """
    data = claim_file.data
    children = (
        XmlElement(name="canalizzazione", text=wire.CHANNEL),
        _element("centroAsp", _centre(_section(data, "centre"))),
        _element("cliente", _client(_section(data, "client"))),
        _element("veicolo", _vehicle(_section(data, "vehicle"))),
        _element("sinistro", _loss(data)),
        _element("preventivo", _quote(_section(data, "quote"))),
        XmlElement(name="allegati", children=[_attachment(file) for file in files]),
    )
    root = XmlElement(
        name="pratica",
        attributes={"evento": event, "riferimento": claim_file.reference or ""},
        children=[child for child in children if child is not None],
    )
    return write_xml(root)


def is_xml_text(text: str) -> bool:
    """Say whether a text can stand in an XML document."""
    return _NOT_XML.search(text) is None


def kind_of(file: OutgoingFile) -> str:
    """Give the portal's kind of attachment for a file's type."""
    if file.type in wire.KINDS:
        return file.type
    return wire.KIND_OF_TYPE.get(file.type, wire.OTHER_KIND)


def name_of(file: OutgoingFile) -> str:
    """Give a file's name as it travels: without what XML cannot hold, and never empty."""
    return xml_text(file.name) or file.id


def xml_text(text: str) -> str:
    """Give a text with a mark in place of what XML cannot hold."""
    return _NOT_XML.sub(_REPLACEMENT, text)


def _section(data: Values, name: str) -> Values:
    return data.get(name) or {}


def _element(name: str, values: Mapping[str, str | None]) -> XmlElement | None:
    """Make an element of the values that are known; none of them, no element."""
    known = {key: value for key, value in values.items() if value is not None}
    return XmlElement(name=name, attributes=known) if known else None


def _centre(centre: Values) -> dict[str, str | None]:
    return {"piva": centre.get("vat_number"), "ragioneSociale": centre.get("name")}


def _client(client: Values) -> dict[str, str | None]:
    return {
        "nome": client.get("name"),
        "telefono": client.get("phone"),
        "email": client.get("email"),
        "codiceFiscale": client.get("tax_code"),
    }


def _vehicle(vehicle: Values) -> dict[str, str | None]:
    return {
        "targa": vehicle.get("plate"),
        "telaio": vehicle.get("vin"),
        "marca": vehicle.get("make"),
        "modello": vehicle.get("model"),
    }


def _loss(data: Values) -> dict[str, str | None]:
    loss = _section(data, "loss")
    if all(value is None for value in loss.values()):
        return {}
    vehicles = loss.get("vehicles")
    return {
        "data": loss.get("date"),
        "luogo": loss.get("place"),
        "veicoli": None if vehicles is None else str(vehicles),
        "feriti": _flag(loss.get("injuries")),
        "lesioniGravi": _flag(loss.get("serious_injuries")),
        "controparteEstera": _flag(loss.get("foreign_counterpart")),
        "indennizzoDiretto": _flag(assess(data).applies),
    }


def _quote(quote: Values) -> dict[str, str | None]:
    amounts = {"netto": quote.get("net"), "iva": quote.get("vat"), "lordo": quote.get("gross")}
    given = {name: money for name, money in amounts.items() if money}
    currency = next((money["currency"] for money in given.values()), None)
    return {**{name: money["amount"] for name, money in given.items()}, "valuta": currency}


def _attachment(file: OutgoingFile) -> XmlElement:
    values = {
        "id": file.id,
        "tipo": kind_of(file),
        "nome": name_of(file),
        "sha256": file.sha256,
        "dimensione": str(file.size_bytes),
    }
    return XmlElement(name="allegato", attributes=values)


def _flag(answer: bool | None) -> str | None:  # noqa: FBT001  one answer spelt out
    return None if answer is None else str(answer).lower()
