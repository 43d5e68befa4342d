"""The demo as plain lines, for pipes and logs."""

from __future__ import annotations

import asyncio

from rich.console import Console

from syncer.cli.demo.dossier import keep_sending
from syncer.cli.demo.life import let_live
from syncer.cli.demo.paperwork import keep_reminding
from syncer.cli.demo.snapshot import Watcher
from syncer.cli.demo.stage import Stage
from syncer.cli.demo.view import introduce
from syncer.cli.demo.worked_example import keep_living
from syncer.domain.errors import SyncerError

_SECONDS_BETWEEN_LOOKS = 2.0


async def narrate(stage: Stage, console: Console) -> None:
    """Tell what happens, a line each, until cancelled."""

    def say(line: str) -> None:
        console.print(line, soft_wrap=True, markup=False, highlight=False)

    introduce(stage, console)
    watcher = Watcher(stage.client)
    async with asyncio.TaskGroup() as group:
        group.create_task(let_live(stage, say))
        group.create_task(keep_sending(stage, say))
        group.create_task(keep_living(stage, say))
        group.create_task(keep_reminding(stage, say))
        while True:
            try:
                seen = await watcher.look(records=1)
            except SyncerError as error:
                say(str(error))
            else:
                for line in seen.news:
                    say(line)
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
