"""One SQLite for all tests of a process; and property tests fail for what they find only."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

import syncer.store  # noqa: F401 - chooses the SQLite before a test imports sqlite3

settings.register_profile(
    "busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy machine")
