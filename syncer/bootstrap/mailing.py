"""The mail room of an installation, made from its settings."""

from __future__ import annotations

from collections.abc import Iterator
from email.headerregistry import Address
from pathlib import Path

from syncer.config import Settings
from syncer.domain.errors import ConfigurationError
from syncer.mail import MailServer, Room
from syncer.ports.ambient import Clock

_LONGEST_PASSWORD = 1_024


def mail_room(settings: Settings, clock: Clock) -> Room:
    """Make the mail room; without ``mail.host`` it sends nothing.

    Raises:
        ConfigurationError: the password cannot be read.
    """
    mail = settings.mail
    if not mail.host:
        return Room(None, clock=clock)
    name, address = mail.sender
    server = MailServer(
        host=mail.host,
        port=mail.port,
        security=mail.security,
        user=mail.user,
        password=_password(settings) if mail.password_file else "",
        sender=Address(name, addr_spec=address),
    )
    return Room(server, clock=clock)


def mail_faults(settings: Settings) -> Iterator[str]:
    """Find what is wrong with the password's file."""
    if settings.mail.host and settings.mail.password_file:
        try:
            _password(settings)
        except ConfigurationError as error:
            yield from error.faults


def _password(settings: Settings) -> str:
    """Read the password: one line of printable text."""
    path = Path(settings.mail.password_file)
    try:
        content = path.read_bytes()[: _LONGEST_PASSWORD + 2].decode()
    except OSError as error:
        raise _fault(settings, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _fault(settings, "must hold text in UTF-8") from None
    password = content.rstrip("\r\n")
    if not password or not password.isprintable() or len(password) > _LONGEST_PASSWORD:
        raise _fault(settings, "must hold the password in one line, and nothing else")
    return password


def _fault(settings: Settings, message: str) -> ConfigurationError:
    return ConfigurationError([settings.fault(message, "mail", "password_file")])
