"""What tests and played partners share: a clock under control, and serving on loopback.

Nobody but tests and played partners imports it.
"""

from syncer.testing.ambient import START, FakeClock
from syncer.testing.serving import serve_app

__all__ = ["START", "FakeClock", "serve_app"]
