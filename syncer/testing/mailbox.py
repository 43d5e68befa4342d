"""A mail server on loopback that keeps what it is given, for played partners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from syncer.testing.serving import LOOPBACK

LARGEST_MESSAGE = 104_857_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A message and whom it was handed over for."""

    sender: str
    to: str
    message: EmailMessage


class Mailbox:
    """Takes mail for everybody (RFC 5321, without extensions)."""

    def __init__(self) -> None:
        self.messages: list[Mail] = []

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Take mail on a free loopback port until the block ends; gives ``smtp://`` and address."""
        server = await asyncio.start_server(self._converse, LOOPBACK, 0, limit=LARGEST_MESSAGE)
        try:
            host, port = server.sockets[0].getsockname()[:2]
            yield f"smtp://{host}:{port}"
        finally:
            server.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await _Conversation(self, reader, writer).run()
        finally:
            writer.close()


class _Conversation:
    """One connection."""

    def __init__(
        self, mailbox: Mailbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._mailbox = mailbox
        self._reader = reader
        self._writer = writer
        self._sender: str | None = None
        self._to: list[str] = []

    async def run(self) -> None:
        await self._say("220 mailbox")
        while True:
            line = (await self._reader.readuntil(b"\r\n")).decode("ascii", "replace").strip()
            verb, _, rest = line.partition(" ")
            if verb.upper() == "QUIT":
                await self._say("221 bye")
                return
            await self._say(await self._answer(verb.upper(), rest))

    async def _answer(self, verb: str, rest: str) -> str:
        if verb in {"EHLO", "HELO"}:
            return "250 mailbox"
        if verb == "MAIL" and rest.upper().startswith("FROM:"):
            self._sender, self._to = _path(rest), []
            return "250 ok"
        if verb == "RCPT" and rest.upper().startswith("TO:") and self._sender is not None:
            self._to.append(_path(rest))
            return "250 ok"
        if verb == "DATA" and self._to:
            return await self._take()
        return "250 ok" if verb in {"RSET", "NOOP"} else "503 not now"

    async def _take(self) -> str:
        await self._say("354 go on")
        data = await self._reader.readuntil(b"\r\n.\r\n")
        lines = data.removesuffix(b".\r\n").split(b"\r\n")
        plain = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)
        message = message_from_bytes(plain, policy=default)
        sender = self._sender or ""
        self._mailbox.messages += [Mail(sender=sender, to=to, message=message) for to in self._to]
        self._sender, self._to = None, []
        return f"250 kept as {len(self._mailbox.messages)}"

    async def _say(self, line: str) -> None:
        self._writer.write(line.encode() + b"\r\n")
        await self._writer.drain()


def _path(argument: str) -> str:
    return argument.partition(":")[2].strip().split(" ")[0].strip("<>")
