"""The largest documents go through the program without ever being in its memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.e2e.service import Service

MIB = 1_048_576
LARGEST = 50 * MIB
GROWTH_MAX_BYTES = 24 * MIB
"""Half of a file: generous for buffers, far from holding one."""
HEAD = b"%PDF-1.7 large\n"
BEFORE = (
    b'--b\r\nContent-Disposition: form-data; name="type"\r\n\r\naltro\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="large.pdf"\r\n\r\n'
)
AFTER = b"\r\n--b--\r\n"


def content() -> Any:
    yield HEAD
    block = bytes(range(256)) * 256
    left = LARGEST - len(HEAD)
    while left:
        yield block[:left]
        left -= min(left, len(block))


async def body() -> AsyncIterator[bytes]:
    yield BEFORE
    for chunk in content():
        yield chunk
    yield AFTER


def peak_bytes(service: Service) -> int:
    """Give the most memory that the process has had so far."""
    assert service.process is not None
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


async def upload(service: Service, path: str, data: Any) -> Any:
    headers = {
        "Authorization": f"Bearer {service.token}",
        "Content-Type": "multipart/form-data; boundary=b",
    }
    async with service.http.post(service.address + path, data=data, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        return await answer.json()


async def download(service: Service, id_: str) -> str:
    headers = {"Authorization": f"Bearer {service.token}"}
    url = f"{service.address}/v1/attachments/{id_}/content"
    received = hashlib.sha256()
    async with service.http.get(url, headers=headers) as answer:
        assert answer.status == 200
        async for chunk in answer.content.iter_any():
            received.update(chunk)
    return received.hexdigest()


async def test_the_largest_document_goes_up_and_down_with_flat_memory(service: Service) -> None:
    await service.start()
    new = {"repairer": "garage-7", "connector": "claims360", "reference": "R-1"}
    path = f"/v1/claim-files/{(await service.good('POST', '/v1/claim-files', new))['id']}/documents"
    small = await upload(service, path, BEFORE + HEAD + AFTER)
    await download(service, small["id"])
    before = peak_bytes(service)

    document = await upload(service, path, body())
    received = await download(service, document["id"])

    digest = hashlib.sha256()
    for chunk in content():
        digest.update(chunk)
    assert (document["bytes"], document["sha256"]) == (LARGEST, digest.hexdigest())
    assert received == document["sha256"]
    assert peak_bytes(service) - before < GROWTH_MAX_BYTES
