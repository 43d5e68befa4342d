"""What tests and played partners share: time under control, partners on loopback, reading them.

Nobody but tests and played partners imports it.
"""

from syncer.testing.ambient import START, FakeClock
from syncer.testing.mailbox import Mail, Mailbox
from syncer.testing.playing import Fault, Handler, Problem, Seen, as_problems, with_faults
from syncer.testing.reading import Read, read_pass
from syncer.testing.serving import serve_app

__all__ = [
    "START",
    "FakeClock",
    "Fault",
    "Handler",
    "Mail",
    "Mailbox",
    "Problem",
    "Read",
    "Seen",
    "as_problems",
    "read_pass",
    "serve_app",
    "with_faults",
]
