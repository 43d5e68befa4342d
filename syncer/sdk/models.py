"""Base models for what people give a connector: credentials once, settings any time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from syncer.domain.errors import InvalidError
from syncer.domain.intake import ExcludeRule, Queueing, parse_exclude_rules
from syncer.domain.records import Kind

LONGEST_INTERVAL_SECONDS = 604_800  # one week; http-api.md


def _is_header_safe(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_is_header_safe)]
"""A text that is never shown again: masked in ``repr``, dumps and errors."""


class Credentials(BaseModel):
    """What is registered for a link, once. Every declared field is needed; others are refused.

    Subclass it with one annotated field each; secrets as ``Secret`` with their lengths. Titles and
    descriptions are what ``syncer credentials put`` and the console show.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _check_excludes(value: Any) -> Any:
    try:
        parse_exclude_rules(value, pointer="")
    except InvalidError as error:
        faults = "; ".join(f"{fault.pointer} {fault.message}" for fault in error.errors)
        raise ValueError(faults) from None
    return value


class Settings(BaseModel):
    """Settings of a link. Subclass it to add the connector's own; every one has a default.

    The layers (connector's defaults, settings group, connector's table, link) are laid over each
    other name by name before the model is validated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    queueing: Literal["all", "none"] | list[Kind] = Field(
        "all", description="Which kinds wait for a person: all, none, or a list of kinds."
    )
    excludes: Annotated[list[dict[str, Any]], AfterValidator(_check_excludes)] = Field(
        default_factory=list, description="Rules; a record that one of them matches stays out."
    )
    interval_seconds: int | None = Field(
        None,
        ge=1,
        le=LONGEST_INTERVAL_SECONDS,
        description="Seconds between scheduled passes; absent: the installation's interval.",
    )
    start_date: date | None = Field(
        None, description="Import history from this day on; fixed once the first pass has begun."
    )

    def queueing_rule(self) -> Queueing:
        """Give the queueing setting as the intake reads it."""
        return self.queueing if isinstance(self.queueing, str) else frozenset(self.queueing)

    def exclude_rules(self) -> Sequence[ExcludeRule]:
        """Give the exclude rules as the intake reads them."""
        return parse_exclude_rules(self.excludes)
