"""Logging: structlog over the standard library, one JSON object a line (or readable lines).

What libraries log goes the same way, so that it meets the same walls: known secrets are masked,
fields whose name speaks of a secret are masked, and control characters cannot forge a line.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from contextvars import Token
from typing import Any, Literal, Protocol, TextIO, cast

import structlog
from structlog.typing import Processor

from syncer.observability.events import Event
from syncer.observability.redaction import MASK, known_secrets

Facts = MutableMapping[str, Any]

_SECRET_NAMES = frozenset({
    "api_key", "apikey", "authorization", "cookie", "credentials", "password", "secret",
    "set_cookie", "token", "x_api_key",
})  # fmt: skip
_UNSAFE = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in (
        *range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F),
        *range(0x2066, 0x206A), 0x200E, 0x200F,
    )
}  # fmt: skip
_DEEPEST = 6
_TRACE = "exception"


class Logger(Protocol):
    """A module's logger; ``facts`` are short values, never payloads, headers or credentials."""

    def debug(self, event: Event, /, **facts: Any) -> None:
        """Say what one call did."""

    def info(self, event: Event, /, **facts: Any) -> None:
        """Say that a state changed."""

    def warning(self, event: Event, /, **facts: Any) -> None:
        """Say that this will need someone."""

    def error(self, event: Event, /, **facts: Any) -> None:
        """Say that this needs someone."""

    def exception(self, event: Event, /, **facts: Any) -> None:
        """Say that a bug showed, with the trace of the exception in hand."""


def get_logger(name: str) -> Logger:
    """Give the logger of a module."""
    return cast("Logger", structlog.stdlib.get_logger(name))


def log_context(
    *,
    pass_id: str | None = None,
    connector: str | None = None,
    repairer: str | None = None,
    request_id: str | None = None,
    delivery_id: str | None = None,
) -> AbstractContextManager[None]:
    """Add facts to all that is logged within the block, in tasks started there too."""
    facts = {
        "pass_id": pass_id,
        "connector": connector,
        "repairer": repairer,
        "request_id": request_id,
        "delivery_id": delivery_id,
    }
    given = {name: value for name, value in facts.items() if value is not None}
    return _Bound(given)


class _Bound(AbstractContextManager[None]):
    """Half the price of structlog's own, which reads all that is bound before it adds to it."""

    def __init__(self, facts: Mapping[str, str]) -> None:
        self._facts = facts
        self._tokens: Mapping[str, Token[Any]] = {}

    def __enter__(self) -> None:
        self._tokens = structlog.contextvars.bind_contextvars(**self._facts)

    def __exit__(self, *_: object) -> None:
        structlog.contextvars.reset_contextvars(**self._tokens)


def configure_logging(
    level: str, *, form: Literal["json", "text"] = "json", stream: TextIO | None = None
) -> None:
    """Send all logging of the process to one stream (standard error) in one form.

    May be called again; the last call wins. ``level`` is ``debug``, ``info``, ``warning`` or
    ``error``.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, _name_library],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _name_event,
                structlog.processors.format_exc_info,
                _wall,
                _as_json if form == "json" else _as_text,
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())


# -- the chain ------------------------------------------------------------------------------------


def _name_library(_logger: Any, _method: str, facts: Facts) -> Facts:
    facts["message"] = facts["event"]
    facts["event"] = Event.LIBRARY
    return facts


def _name_event(_logger: Any, _method: str, facts: Facts) -> Facts:
    event = facts.pop("event")
    message = facts.pop("message", event.phrase if isinstance(event, Event) else event)
    first = {name: facts.pop(name) for name in ("at", "level", "logger") if name in facts}
    return {**first, "event": str(event), "message": message, **facts}


def _wall(_logger: Any, _method: str, facts: Facts) -> Facts:
    trace = facts.pop(_TRACE, None)
    at = facts.pop("at", None)
    walled: Facts = {"at": at} if at else {}
    walled.update({_safe(str(name)): _walled(name, value) for name, value in facts.items()})
    if trace:
        walled[_TRACE] = [_safe(line) for line in str(trace).split("\n")]
    return walled


def _walled(name: object, value: Any, depth: int = 0) -> Any:
    if isinstance(name, str) and name.lower().replace("-", "_") in _SECRET_NAMES:
        return MASK
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {_safe(str(key)): _walled(key, each, depth + 1) for key, each in value.items()}
    if (
        depth < _DEEPEST
        and isinstance(value, Sequence | set | frozenset)
        and not isinstance(value, str | bytes)
    ):
        return [_walled(None, each, depth + 1) for each in value]
    return _safe(str(value))


def _safe(text: str) -> str:
    return known_secrets.mask(text).translate(_UNSAFE)


def _as_json(logger: Any, method: str, facts: Facts) -> str:
    return str(_JSON(logger, method, facts))


def _as_text(_logger: Any, _method: str, facts: Facts) -> str:
    at, level, message = facts.pop("at", ""), facts.pop("level", ""), facts.pop("message", "")
    facts.pop("logger", None)
    trace = facts.pop(_TRACE, ())
    shown = "  ".join(f"{name}={value}" for name, value in facts.items() if value is not None)
    head = f"{str(at)[11:19]}  {level:<7}  {message}  {shown}".rstrip()
    return "\n    ".join((head, *trace))


_JSON = structlog.processors.JSONRenderer(ensure_ascii=False)
_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
]

structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_SHARED,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
