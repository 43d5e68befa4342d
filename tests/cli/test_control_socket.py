"""The operator's door: who may knock, what it answers, and what it survives."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from syncer.api.control import Asked, account_of, ask_control, serve_control
from syncer.domain.errors import ConflictError

asked_with: list[Asked] = []


async def _succeed(asked: Asked) -> Mapping[str, Any]:
    asked_with.append(asked)
    asked.progress({"moved": 1})
    return {"done": asked.text("name")}


async def _refuse(_asked: Asked) -> Mapping[str, Any]:
    raise ConflictError("key_in_use", "It is in use.")


async def _break(_asked: Asked) -> Mapping[str, Any]:
    raise KeyError("secret")


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    actions = {"succeed": _succeed, "refuse": _refuse, "break": _break}
    async with serve_control(tmp_path, actions):
        yield tmp_path


async def _ask(folder: Path, action: str, **arguments: Any) -> Mapping[str, Any]:
    answer = await ask_control(folder, action, arguments, progress=lambda _: None)
    assert answer is not None
    return answer


async def test_socket_is_for_the_owner_only(folder: Path) -> None:
    assert stat.S_IMODE((folder / "control.sock").stat().st_mode) == 0o600


async def test_action_is_done_and_answered(folder: Path) -> None:
    assert await _ask(folder, "succeed", name="x") == {"ok": {"done": "x"}}


async def test_account_comes_from_the_kernel_not_from_the_request(folder: Path) -> None:
    await _ask(folder, "succeed", name="x", actor="somebody else")

    assert asked_with[-1].actor == account_of(os.getuid())


async def test_progress_is_told_before_the_answer(folder: Path) -> None:
    told: list[Any] = []

    answer = await ask_control(folder, "succeed", {"name": "x"}, progress=told.append)

    assert (told, answer) == ([{"moved": 1}], {"ok": {"done": "x"}})


async def test_refusal_comes_with_its_code(folder: Path) -> None:
    answer = await _ask(folder, "refuse")

    assert answer == {"error": {"status": 409, "code": "key_in_use", "text": "It is in use."}}


async def test_missing_argument_is_refused(folder: Path) -> None:
    assert (await _ask(folder, "succeed"))["error"]["code"] == "invalid"


async def test_unknown_action_is_not_found(folder: Path) -> None:
    assert (await _ask(folder, "format-disk"))["error"]["status"] == 404


async def test_failure_tells_nothing_and_leaves_the_door_open(folder: Path) -> None:
    failed = await _ask(folder, "break")

    assert failed["error"]["code"] == "internal"
    assert "secret" not in str(failed)
    assert "ok" in await _ask(folder, "succeed", name="x")


@pytest.mark.parametrize(
    "line",
    [b"\n", b"{}\n", b"[]\n", b"null\n", b"\xff\xfe\n", b'{"action": []}\n', b"x" * 70_000],
    ids=["empty", "object", "list", "null", "bytes", "typed", "long"],
)
async def test_junk_is_answered_and_leaves_the_door_open(folder: Path, line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(str(folder / "control.sock"))
    writer.write(line)
    writer.write_eof()
    answer = await reader.read()
    writer.close()

    assert json.loads(answer)["error"]["status"] in {404, 500}
    assert "ok" in await _ask(folder, "succeed", name="x")


async def test_nobody_answers_where_no_service_runs(tmp_path: Path) -> None:
    assert await ask_control(tmp_path, "succeed", {}, progress=lambda _: None) is None


async def test_socket_of_a_killed_service_is_no_service(tmp_path: Path) -> None:
    server = await asyncio.start_unix_server(lambda *_: None, str(tmp_path / "control.sock"))
    server.close()

    assert await ask_control(tmp_path, "succeed", {}, progress=lambda _: None) is None


async def test_folder_with_a_long_name_can_be_served(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)

    async with serve_control(deep, {"succeed": _succeed}):
        assert await _ask(deep, "succeed", name="x") == {"ok": {"done": "x"}}
