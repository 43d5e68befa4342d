"""How often the slow tests do what they do: small counts in ``make test``, large in a campaign."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The counts of one run."""

    kills: int
    crash_rounds: int
    write_stride: int
    model_runs: int
    model_steps: int
    soak_seconds: int
    outage_links: int
    outage_hours: int
    examples_factor: int


SMALL = Counts(
    kills=3,
    crash_rounds=1,
    write_stride=2,
    model_runs=40,
    model_steps=25,
    soak_seconds=4,
    outage_links=60,
    outage_hours=1,
    examples_factor=1,
)
LARGE = Counts(
    kills=75,
    crash_rounds=2,
    write_stride=1,
    model_runs=400,
    model_steps=40,
    soak_seconds=90,
    outage_links=500,
    outage_hours=6,
    examples_factor=10,
)
IS_CAMPAIGN = bool(os.environ.get("CAMPAIGN"))  # noqa: TID251 - the one switch of the campaign
COUNTS = LARGE if IS_CAMPAIGN else SMALL
