"""What the program says about itself: log events, redaction, metrics.

Each module that logs has ``_log = get_logger(__name__)`` and names what happened by an ``Event``.
"""

from syncer.observability.events import Event
from syncer.observability.logs import Logger, configure_logging, get_logger, log_context
from syncer.observability.redaction import known_secrets

__all__ = ["Event", "Logger", "configure_logging", "get_logger", "known_secrets", "log_context"]
