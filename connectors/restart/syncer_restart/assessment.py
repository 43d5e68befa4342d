"""The first assessment of direct settlement (indennizzo diretto), with its reasons; pure.

Source: RESTART profile 1: exactly two vehicles, both registered in Italy, no serious injuries,
collision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_CONDITIONS = (
    (
        "two_vehicles",
        "Exactly two vehicles are involved.",
        "Not exactly two vehicles are involved.",
        "It is not known how many vehicles are involved (loss.vehicles).",
    ),
    (
        "both_italian",
        "Both vehicles are registered in Italy.",
        "The counterpart's vehicle is registered abroad.",
        "It is not known whether the counterpart is registered abroad (loss.foreign_counterpart).",
    ),
    (
        "no_serious_injuries",
        "Nobody was seriously injured.",
        "Somebody was seriously injured.",
        "It is not known whether anybody was seriously injured (loss.serious_injuries).",
    ),
    (
        "collision",
        "The vehicles collided.",
        "The vehicles did not collide.",
        "It is not known whether the vehicles collided (loss.collision).",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What can be said; ``applies`` is None while what is known decides neither way.

    ``reasons`` hold what speaks against it first, then what is unknown; when it applies, what
    speaks for it.
    """

    applies: bool | None
    reasons: tuple[str, ...]


def assess(data: Mapping[str, Any]) -> Assessment:
    """Judge the data of a claim file."""
    answers = _answers(data.get("loss") or {})
    against = [no for name, _, no, _ in _CONDITIONS if answers[name] is False]
    unknown = [missing for name, _, _, missing in _CONDITIONS if answers[name] is None]
    if against or unknown:
        return Assessment(applies=False if against else None, reasons=(*against, *unknown))
    return Assessment(applies=True, reasons=tuple(yes for _, yes, _, _ in _CONDITIONS))


def _answers(loss: Mapping[str, Any]) -> dict[str, bool | None]:
    vehicles, serious = loss.get("vehicles"), loss.get("serious_injuries")
    if serious is None and loss.get("injuries") is False:
        serious = False
    return {
        "two_vehicles": None if vehicles is None else vehicles == 2,
        "both_italian": _not(loss.get("foreign_counterpart")),
        "no_serious_injuries": _not(serious),
        "collision": loss.get("collision"),
    }


def _not(answer: bool | None) -> bool | None:  # noqa: FBT001  one answer turned round
    return None if answer is None else not answer
