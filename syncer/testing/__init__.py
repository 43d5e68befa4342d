"""What tests and played partners share: a clock under control, serving and reading on loopback.

Nobody but tests and played partners imports it.
"""

from syncer.testing.ambient import START, FakeClock
from syncer.testing.reading import Read, read_pass
from syncer.testing.serving import serve_app

__all__ = ["START", "FakeClock", "Read", "read_pass", "serve_app"]
