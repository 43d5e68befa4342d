"""What becomes of a delivery, attempt by attempt."""

from __future__ import annotations

from tests.outbox.office import Office


async def test_a_delivery_is_accepted_sent_and_delivered(office: Office, file: str) -> None:
    id_ = await office.ask(file, payload={"text": "hello"})

    await office.work()

    shown = await office.shown(id_)
    assert shown["state"] == "delivered"
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["done"]
    assert shown["receipt"]["raw"] == {"key": office.paper.delivered[0].key}
    assert await office.told(id_) == ["queued", "sending", "delivered"]
