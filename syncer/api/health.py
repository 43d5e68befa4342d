"""Routes for supervisors and monitoring."""

from __future__ import annotations

from typing import Literal

from syncer.domain.errors import RequestRefusedError
from syncer.observability.metrics import render
from syncer.web import Answer, AnswerModel, Call, route

_TAG = "health"


class AliveShape(AnswerModel):
    """The process is alive."""

    status: Literal["alive"]


class ReadyShape(AnswerModel):
    """The service does its work."""

    status: Literal["ready"]


@route(
    "GET",
    "/healthz",
    summary="Whether the process is alive",
    tag=_TAG,
    answers={200: AliveShape},
    is_open=True,
)
async def alive(_call: Call[None, None]) -> Answer:
    """Answer as long as the process can."""
    return Answer(200, {"status": "alive"})


@route(
    "GET",
    "/readyz",
    summary="Whether the service can do its work",
    tag=_TAG,
    answers={200: ReadyShape},
    refusals=(503,),
    is_open=True,
)
async def ready(call: Call[None, None]) -> Answer:
    """Look at the store and the vault; no partner is called. 503 says why not."""
    reasons = await call.services.health.reasons()
    if reasons:
        text = " ".join(reason.text for reason in reasons)
        raise RequestRefusedError(503, reasons[0].code, text)
    return Answer(200, {"status": "ready"})


@route(
    "GET",
    "/metrics",
    summary="Metrics in Prometheus' text format",
    tag=_TAG,
    answers={200: None},
    media_type="text/plain",
)
async def metrics(_call: Call[None, None]) -> Answer:
    """Give all counters and gauges of this process."""
    return Answer(200, render(), {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
