"""What an operator may do on this machine only, through the running service or without it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from syncer.api.control import Asked, Progress, account_of, ask_control
from syncer.cli.exits import ServiceAnswerError, ServiceNotReachableError
from syncer.config import Settings
from syncer.domain.errors import DataFolderInUseError

Json = Mapping[str, Any]


async def act(
    settings: Settings, action: str, *, progress: Progress = lambda _: None, **arguments: Any
) -> Json:
    """Do something to this installation, whether its service runs or not.

    Raises:
        SyncerError: what the service, or the store, answered.
        DataFolderInUseError: a service runs and cannot be asked.
    """
    answer = await _ask(settings, action, arguments, progress)
    if answer is None:
        return await _act_alone(settings, action, arguments, progress)
    if "error" in answer:
        error = answer["error"]
        raise ServiceAnswerError(error["status"], error["code"], error["text"])
    done: Json = answer["ok"]
    return done


async def _ask(settings: Settings, action: str, arguments: Json, progress: Progress) -> Json | None:
    if not settings.data_dir.is_dir():
        return None
    try:
        return await ask_control(settings.data_dir, action, arguments, progress=progress)
    except PermissionError:
        text = f"{settings.data_dir} belongs to another account; run this as the service's user."
        raise DataFolderInUseError(text) from None
    except (ConnectionError, TimeoutError) as error:
        raise ServiceNotReachableError(f"The service did not answer: {error}.") from None


async def _act_alone(settings: Settings, action: str, arguments: Json, progress: Progress) -> Json:
    from syncer.bootstrap.actions import BACKUP
    from syncer.bootstrap.operating import keeping, operating

    asked = Asked(actor=account_of(os.getuid()), arguments=arguments, progress=progress)
    if action == BACKUP:
        with keeping(settings) as actions:
            return dict(await actions[action](asked))
    async with operating(settings) as actions:
        return dict(await actions[action](asked))
