"""What an answer of a partner may cost us at most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one call; sizes are counted after decompression.

    ``body_values`` bounds the values of a JSON body: 20 MiB of them would take seconds to read,
    and everything else in the process would wait.
    ``most_inflation`` bounds decompressed to compressed bytes once ``inflation_from_bytes`` are
    read. What is large to send gets the time that ``slowest_upload_bytes_per_second`` takes beyond
    the deadline. An answer that is slower than ``slowest_bytes_per_second`` on average, after
    ``slow_after``, is given up.
    """

    body_bytes: int = 20 * MIB
    body_values: int = 300_000
    download_bytes: int = 50 * MIB
    most_inflation: int = 200
    inflation_from_bytes: int = MIB
    deadline: timedelta = timedelta(seconds=60)
    connect: timedelta = timedelta(seconds=10)
    slowest_bytes_per_second: int = KIB
    slowest_upload_bytes_per_second: int = 256 * KIB
    slow_after: timedelta = timedelta(seconds=10)
    redirects: int = 5
