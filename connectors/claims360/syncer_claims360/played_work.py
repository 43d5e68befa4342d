"""Plausible Belgian work for the played partner: the n-th mission, quote, vehicle and owner."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

Item = dict[str, Any]

_INSURERS = ("Demo Verzekeringen", "Ardenne Assurances", "Noordzee Verzekeringen", "Meuse Mutuelle")
_PEOPLE = (
    ("Jansens An", "an.jansens"),
    ("Dubois Luc", "luc.dubois"),
    ("Peeters Bart", "bart.peeters"),
    ("Lambert Chloé", "chloe.lambert"),
    ("Van den Broeck Lotte", "lotte.vandenbroeck"),
    ("Maes Koen", "koen.maes"),
    ("Leroy Sophie", "sophie.leroy"),
)
_CARS = (
    ("Renault", "Megane", "VF1RFB00X5", 92, 1598, "diesel"),
    ("Volkswagen", "Golf", "WVWZZZ1KZ6", 85, 1395, "petrol"),
    ("Peugeot", "308", "VF3LBHZTXE", 96, 1199, "petrol"),
    ("BMW", "320d", "WBA8C31070", 140, 1995, "diesel"),
    ("Toyota", "Yaris Hybrid", "VNKKD3D330", 74, 1497, "hybrid"),
    ("Škoda", "Octavia", "TMBJG7NE0J", 110, 1968, "diesel"),
)
_EXPERTS = ("Bureau Demo", "Expertise Schelde", "Bureau d'expertise Sambre")
SITES = (
    {"id": "gent", "name": "Gent"},
    {"id": "namur", "name": "Namur"},
    {"id": "leuven", "name": "Leuven"},
)
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_VAT = Decimal("0.21")
_CENT = Decimal("0.01")
_LINES = (
    ("labour", "Portier avant gauche: dépose et pose", "2.50", "62.00"),
    ("part", "Voorbumper", "1.00", "318.40"),
    ("paint", "Peinture portière, deux couches", "1.00", "284.75"),
    ("other", "Milieubijdrage", "1.00", "12.50"),
)


def claim(n: int) -> Item:
    """Describe the n-th claim: what its mission and its quotes have in common."""
    name, mailbox = _PEOPLE[n % len(_PEOPLE)]
    return {
        "smartExpertise": n % 3 == 0,
        "site": dict(SITES[n % len(SITES)]),
        "vehicle": vehicle(n),
        "insurer": {
            "name": _INSURERS[n % len(_INSURERS)],
            "claimNumber": f"26/{700 + n}-{n % 4 + 1}",
            "policyNumber": f"P-{40_000 + 17 * n}",
        },
        "insured": {
            "name": name,
            "phone": f"+32 9 000 {n // 100 % 100:02d} {n % 100:02d}",
            "email": f"{mailbox}@example.org",
        },
        "expert": {"name": _EXPERTS[n % len(_EXPERTS)]},
        "lossDate": f"2026-{n % 9 + 1:02d}-{n % 27 + 1:02d}",
    }


def vehicle(n: int) -> Item:
    """Describe the n-th vehicle."""
    make, model, vin, power, displacement, fuel = _CARS[n % len(_CARS)]
    letters = "".join(_LETTERS[(n * step + step) % len(_LETTERS)] for step in (3, 5, 7))
    return {
        "plate": f"{n % 2 + 1}-{letters}-{(137 * n + 101) % 900 + 100}",
        "vin": f"{vin}{5_000_000 + 7_919 * n % 4_000_000}",
        "make": make,
        "model": model,
        "powerKw": power,
        "displacementCc": displacement,
        "fuel": fuel,
        "firstRegistrationDate": f"{2015 + n % 10}-{n % 12 + 1:02d}-14",
        "mileageKm": 8_400 + 7_310 * (n % 21),
    }


def lines(n: int) -> list[Item]:
    """Make the lines of the n-th quote."""
    return [
        {
            "id": f"L-{position}",
            "kind": kind,
            "description": description,
            "quantity": quantity,
            "unitPrice": price,
            "total": str(_total(quantity, price)),
            "labourHours": quantity if kind == "labour" else None,
        }
        for position, (kind, description, quantity, price) in enumerate(
            _LINES[: n % len(_LINES) + 1], start=1
        )
    ]


def totals(of: list[Item]) -> Item:
    """Add up the totals of a quote's lines."""
    net = sum((Decimal(line["total"]) for line in of), Decimal())
    vat = (net * _VAT).quantize(_CENT)
    return {"net": str(net), "vat": str(vat), "gross": str(net + vat), "currency": "EUR"}


def _total(quantity: str, price: str) -> Decimal:
    return (Decimal(quantity) * Decimal(price)).quantize(_CENT)
