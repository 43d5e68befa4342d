"""Base models for what people give a connector: credentials once, settings any time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
)

from syncer.domain.durations import duration_text, parse_duration
from syncer.domain.errors import InvalidError
from syncer.domain.intake import ExcludeRule, Queueing, parse_exclude_rules
from syncer.domain.mail import is_address
from syncer.domain.records import Kind
from syncer.sdk.mail import MailLanguage

CLIENT = "client"
"""The party that a claim file names as its client."""
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


def _check_duration(value: Any) -> Any:
    parse_duration(value)
    return value if isinstance(value, str) else duration_text(parse_duration(value))


def _check_party(text: str) -> str:
    if text != CLIENT and not is_address(text):
        raise ValueError("must be client, or a mail address")
    return text


DurationText = Annotated[
    str, BeforeValidator(_check_duration), WithJsonSchema({"type": "string", "examples": ["10d"]})
]
"""A duration as people write it; a number of seconds is taken too."""
StateName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Party = Annotated[str, AfterValidator(_check_party)]
"""Somebody who may be told by mail: ``client``, or an address."""


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

    dwell_limits: dict[StateName, DurationText] = Field(
        default_factory=dict,
        description="How long a claim file may stay in a state, by our name for it or the "
        'partner\'s, such as {"validata": "10d"}.',
    )
    notify: dict[StateName, list[Party]] = Field(
        default_factory=dict,
        description="Who is told by mail when a claim file comes into a state: client, or an "
        'address, such as {"validata": ["client"]}.',
    )
    reminder_min_interval: DurationText = Field(
        "1d", description="Least time between two reminders of one claim file."
    )
    mail_language: MailLanguage = Field(
        "en", description="Language of mails to clients whose own is not known: fr, nl, it, en."
    )

    def stay_limits(self) -> Mapping[str, timedelta]:
        """Give the dwell limits by state, in small letters."""
        return {name.casefold(): parse_duration(text) for name, text in self.dwell_limits.items()}

    def parties_of(self, *states: str | None) -> Sequence[str]:
        """Give who is told of a state, which may have several names; nobody twice."""
        wanted = {name.casefold() for name in states if name is not None}
        told = [p for name, some in self.notify.items() if name.casefold() in wanted for p in some]
        return list(dict.fromkeys(told))

    def queueing_rule(self) -> Queueing:
        """Give the queueing setting as the intake reads it."""
        return self.queueing if isinstance(self.queueing, str) else frozenset(self.queueing)

    def exclude_rules(self) -> Sequence[ExcludeRule]:
        """Give the exclude rules as the intake reads them."""
        return parse_exclude_rules(self.excludes)
