"""Routes that try exclude rules on a link's records, and apply the ones in force."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from syncer.domain.intake import IntakeState
from syncer.domain.records import Kind
from syncer.web import Answer, AnswerModel, BodyModel, Call, route

_TAG = "links"
_PATH = "/v1/repairers/{repairer}/links/{connector}/excludes"


class ExcludesBody(BodyModel):
    """Exclude rules to try."""

    excludes: list[dict[str, Any]] = Field(
        description="As the link setting of this name; each rule's fields must all match."
    )


class RuledState(AnswerModel):
    """An intake state and the rule that made it."""

    state: IntakeState
    rule: str | None


class PreviewItem(AnswerModel):
    """A record that the rules would decide otherwise."""

    record: str
    kind: Kind
    partner_ref: str
    current: RuledState
    would_be: RuledState
    kept: bool = Field(description="It was taken over, so it stays as it is.")


class PreviewShape(AnswerModel):
    """What the rules would do."""

    items: list[PreviewItem]


class ReappliedShape(AnswerModel):
    """What came of deciding again."""

    matched: int = Field(description="Records that were decided again.")
    changed: int


@route(
    "POST",
    f"{_PATH}/preview",
    summary="Say which stored records these exclude rules would decide otherwise",
    tag=_TAG,
    body=ExcludesBody,
    answers={200: PreviewShape},
    refusals=(404, 409),
)
async def preview_excludes(call: Call[None, ExcludesBody]) -> Answer:
    """Preview exclude rules."""
    items = await call.services.excludes.preview(call.link, call.body.excludes)
    return Answer(200, {"items": items})


@route(
    "POST",
    f"{_PATH}/apply",
    summary="Decide the stored records again by the rules in force",
    tag=_TAG,
    answers={200: ReappliedShape},
    refusals=(404, 409),
)
async def apply_excludes(call: Call[None, None]) -> Answer:
    """Apply the rules in force."""
    done = await call.services.excludes.apply(call.link)
    return Answer(200, {"matched": done.matched, "changed": done.changed})
