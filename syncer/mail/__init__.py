"""The mail room: letters from templates in the reader's language, and the mail server.

What sends mail uses the port ``syncer.ports.mail``; SMTP is spoken here only.
"""

from syncer.mail.room import Room
from syncer.mail.smtp import MailServer

__all__ = ["MailServer", "Room"]
