"""DARVA played through folders: the network's program that fills and empties them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from syncer_darva import wire
from syncer_darva.played_messages import UnreadableMessageError
from syncer_darva.played_network import Mailbox, Network, Waiting, begin_work, real_time

_SECONDS_BETWEEN = 0.3


class PlayedDarva:
    """The program beside the planning system, and the network behind it.

    ``root`` is the folder that holds one for each mailbox. ``exchange`` takes what lies in the
    outboxes; while the partner is served it happens again and again. ``refused`` names the files
    that it could not read, with the reason.
    """

    def __init__(self, root: Path | None = None, now: Callable[[], datetime] = real_time) -> None:
        self._temporary = TemporaryDirectory(prefix="played-darva-") if root is None else None
        self.root = Path(self._temporary.name) if self._temporary else root or Path()
        self.network = Network(now=now)
        self.refused: dict[str, str] = {}

    def serve(self) -> AbstractAsyncContextManager[str]:
        """Run the network's program; gives the ``root`` of the folders as a ``file`` URL."""
        return self._serving()

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[str]:
        running = asyncio.get_running_loop().create_task(self._run())
        try:
            yield self.root.resolve().as_uri()
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            if self._temporary is not None:
                self._temporary.cleanup()

    async def _run(self) -> None:
        while True:
            self.exchange()
            await asyncio.sleep(_SECONDS_BETWEEN)

    def mailbox(self, subscriber: str = "012345", station: str = "01") -> Mailbox:
        """Open a mailbox with its folders, without any message."""
        return self._with_folders(self.network.mailbox(subscriber, station))

    def add_repairer(self, repairer: str) -> Mapping[str, str]:
        """Open a mailbox with some work in it; gives its credentials."""
        box = self._with_folders(self.network.mailbox_of(repairer))
        begin_work(box)
        return {"subscriber_no": box.subscriber, "station_no": box.station}

    def live(self) -> str:
        """Let one thing happen at one repairer's insurer; gives one line that says what."""
        return self.network.live()

    def folder(self, box: Mailbox) -> Path:
        """Give the folder of a mailbox."""
        return self.root / box.name

    def exchange(self) -> None:
        """Take what lies in the outboxes: whole files only, each id once."""
        for box in self.network.boxes.values():
            for file in sorted((self.folder(box) / wire.OUTBOX).glob("*.xml")):
                if not file.name.startswith("."):
                    self._take(box, file)

    def _take(self, box: Mailbox, file: Path) -> None:
        raw = file.read_bytes()
        file.unlink()
        try:
            box.take(file.stem, raw)
        except UnreadableMessageError as error:
            self.refused[file.name] = str(error)

    def _with_folders(self, box: Mailbox) -> Mailbox:
        for name in (wire.INBOX, wire.OUTBOX):
            (self.folder(box) / name).mkdir(parents=True, exist_ok=True)
        box.on_arrival = lambda waiting: self._bring(box, waiting)
        return box

    def _bring(self, box: Mailbox, waiting: Waiting) -> None:
        """Put a message into the inbox as a whole."""
        file = self.folder(box) / wire.INBOX / f"{waiting.id}.xml"
        part = file.with_name(f"{file.name}.part")
        part.write_bytes(waiting.raw)
        part.rename(file)
