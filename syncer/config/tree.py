"""The settings of an installation: one frozen tree, with every default."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from syncer.config.duration import Duration
from syncer.domain import completeness
from syncer.domain.completeness import RuleSet, RulesOrigin, faults_of_expected
from syncer.domain.documents import TYPE_PATTERN
from syncer.domain.errors import InvalidError
from syncer.domain.intake import parse_exclude_rules
from syncer.domain.mail import is_address
from syncer.domain.records import Kind

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
"""Name of a repairer, a connector or a settings group."""
Path_ = tuple[str | int, ...]


class Section(BaseModel):
    """A table of the configuration; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Server(Section):
    """Where the API listens."""

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8360, ge=0, le=65_535, description="TCP port; 0 takes a free one.")
    socket: str = Field("", description="A path switches from TCP to a Unix socket (mode 0660).")
    allowed_hosts: list[str] = Field(
        default_factory=list, description="Host names accepted besides the loopback ones."
    )


def _check_store_url(url: str) -> str:
    if url.startswith(("postgresql://", "postgresql+psycopg://")):
        raise ValueError("PostgreSQL is not supported by this release; leave it empty for SQLite")
    if url and not url.startswith("sqlite"):
        raise ValueError("must be empty, or a sqlite or postgresql URL")
    return url


def _check_blobs(place: str) -> str:
    if place.startswith("s3://"):
        raise ValueError("object storage is not supported by this release; name a folder")
    if "://" in place:
        raise ValueError("must be empty, a folder, or s3://bucket/prefix")
    return place


class Store(Section):
    """Where data is kept."""

    url: Annotated[str, AfterValidator(_check_store_url)] = Field(
        "",
        repr=False,
        description="Database; empty: SQLite in data_dir. postgresql:// is for several machines.",
    )
    blobs: Annotated[str, AfterValidator(_check_blobs)] = Field(
        "", description="Folder for files; empty: in data_dir. s3:// is for several machines."
    )


class Vault(Section):
    """Where the root key is, which seals credentials."""

    key_file: str = Field(
        "", description="Made by `syncer key init --to FILE`; mode 0400 or 0600. Empty: sealed."
    )
    retired_key_files: list[str] = Field(
        default_factory=list, description="Old root keys, until `syncer key retire`."
    )


class Retention(Section):
    """How long history is kept."""

    passes: Duration = Field(timedelta(days=30), description="Passes.")
    changes: Duration = Field(
        timedelta(days=90), description="Change feed; a cursor older than that is refused (410)."
    )
    history: Duration = Field(timedelta(days=400), description="Earlier versions of records.")


class Sync(Section):
    """How passes are run."""

    interval: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(seconds=604_800))] = (
        Field(timedelta(minutes=15), description="Time between two scheduled passes of a link.")
    )
    concurrency: int = Field(32, ge=1, le=1_000, description="Passes under way at once.")
    attachment_max_bytes: int = Field(
        52_428_800, ge=1, le=2_147_483_648, description="Largest attachment that is fetched, bytes."
    )


def _check_exclude(rule: dict[str, Any]) -> dict[str, Any]:
    try:
        parse_exclude_rules([rule], pointer="")
    except InvalidError as error:
        faults = [
            f"{fault.pointer.removeprefix('/0').lstrip('/')} {fault.message}".strip()
            for fault in error.errors
        ]
        raise ValueError("; ".join(faults)) from None
    return rule


class SettingsGroup(BaseModel):
    """Settings that several connectors share. A connector's own ones may stand here too."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    queueing: Literal["all", "none"] | list[Kind] = Field(
        "all", description="Which kinds wait for a person: all, none, or a list of kinds."
    )
    excludes: list[Annotated[dict[str, Any], AfterValidator(_check_exclude)]] = Field(
        default_factory=list, description="Rules; a record that one of them matches stays out."
    )
    interval_seconds: int | None = Field(
        None, ge=1, le=604_800, description="Seconds between scheduled passes of these links."
    )
    start_date: date | None = Field(None, description="Import history from this day on.")

    def layer(self) -> dict[str, Any]:
        """Give the names that were really set, as JSON values."""
        return self.model_dump(mode="json", exclude_unset=True)


class ConnectorTable(BaseModel):
    """A connector's table. Keys beyond these are the connector's own, checked when it is loaded."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    enabled: bool = Field(False, description="Nothing of a connector is loaded until it is true.")
    base_url: str = Field("", description="Where the partner is; https.")
    allow_insecure: bool = Field(
        False, description="Allow plain HTTP and private addresses; for tests and the demo."
    )
    root: str = Field("", description="Folder that a connector which exchanges files works below.")
    settings_group: Slug | None = Field(None, description="Settings group; absent: its own choice.")

    @property
    def own(self) -> Mapping[str, Any]:
        """The connector's own settings."""
        return dict(self.model_extra or {})


class Repairer(Section):
    """A repairer kept in the file; the API cannot change it."""

    id: Slug = Field(description="Slug.")
    name: str = Field(min_length=1, max_length=200, description="Name for people.")
    sites: list[str] = Field(default_factory=list, description="Sites of the business.")
    prefilled: dict[Slug, dict[str, str]] = Field(
        default_factory=dict, description="Credential fields that are known already, by connector."
    )


class ExpectedDocument(Section):
    """A document that is expected on a claim file."""

    id: Annotated[str, StringConstraints(pattern=TYPE_PATTERN)] = Field(
        description="Stays when the label changes."
    )
    label: str = Field(min_length=1, description="Name for people.")
    required: bool = Field(True, description="Whether the file is incomplete without it.")
    optional_for: list[str] = Field(
        default_factory=list, description="Client profiles for which it is optional."
    )


def _check_expected(documents: list[ExpectedDocument]) -> list[ExpectedDocument]:
    for place, message in faults_of_expected([_expected(one) for one in documents]):
        raise ValueError(f"document {documents[place].id} {message}")
    return documents


def _expected(one: ExpectedDocument) -> completeness.ExpectedDocument:
    values = {**dict(one), "optional_for": tuple(one.optional_for)}
    return completeness.ExpectedDocument(**values)


class DocumentRule(Section):
    """Expected documents for a type of claim of one connector."""

    connector: Slug | Literal["*"] = Field(description="Connector; * for any.")
    claim_type: str = Field("*", min_length=1, description="Type of claim; * for any.")
    documents: Annotated[list[ExpectedDocument], AfterValidator(_check_expected)] = Field(
        description="What is expected."
    )

    def as_rule_set(self) -> RuleSet:
        """Give it as the domain knows it."""
        return RuleSet(
            connector=self.connector,
            claim_type=self.claim_type,
            documents=tuple(_expected(one) for one in self.documents),
            origin=RulesOrigin.FILE,
        )


def _check_webhook_url(url: str) -> str:
    if not url:
        return url
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_NAMES:
        raise ValueError("plain http is for loopback addresses only; use https")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an https URL")
    return url


class Planning(Section):
    """Pushing changes to the planning system."""

    webhook_url: Annotated[str, AfterValidator(_check_webhook_url)] = Field(
        "", description="Where changes are pushed; empty: they are only read from the feed."
    )
    webhook_secret_file: str = Field("", description="File with the signing secret (whsec_...).")


def _check_sender(text: str) -> str:
    if text and not (text.isprintable() and is_address(parseaddr(text)[1])):
        raise ValueError("must be an address, or a name and an address as Name <address>")
    return text


class Mail(Section):
    """The mail server for reminders and claims mail."""

    host: str = Field("", description="Mail server; empty: no mail is sent.")
    port: int = Field(587, ge=1, le=65_535, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="starttls, tls, or none (none only to loopback)."
    )
    user: str = Field("", description="User name; empty: no login.")
    password_file: str = Field("", description="File with the password.")
    from_: Annotated[str, AfterValidator(_check_sender)] = Field(
        "", alias="from", description="Sender: an address, or Name <address>."
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Mail:
        if self.security == "none" and self.host and self.host not in LOOPBACK_NAMES:
            raise ValueError("security = none is for a mail server on loopback only")
        if self.host and not self.from_:
            raise ValueError("from is missing; give the sender's address")
        if bool(self.user) != bool(self.password_file):
            raise ValueError("user and password_file belong together; give both or none")
        return self

    @property
    def sender(self) -> tuple[str, str]:
        """The sender's name, which may be empty, and address."""
        return parseaddr(self.from_)


def _check_repairers(repairers: list[Repairer]) -> list[Repairer]:
    ids = [each.id for each in repairers]
    doubled = sorted({each for each in ids if ids.count(each) > 1})
    if doubled:
        raise ValueError(f"each id may stand once; doubled: {', '.join(doubled)}")
    return repairers


def _check_rules(rules: list[DocumentRule]) -> list[DocumentRule]:
    names = [each.as_rule_set().name for each in rules]
    doubled = sorted({each for each in names if names.count(each) > 1})
    if doubled:
        raise ValueError(f"each rule set may stand once; doubled: {', '.join(doubled)}")
    return rules


class Settings(BaseSettings):
    """Everything that an operator can set.

    Built directly it takes only what it is given; ``syncer.config.load`` is what reads files and
    the environment. Paths in it are absolute or relative to the working directory.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True
    )

    data_dir: Path = Field(
        Path("/var/lib/syncer"), description="Database, files, API token; made with mode 0700."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )
    server: Server = Server()
    store: Store = Store()
    vault: Vault = Vault()
    retention: Retention = Retention()
    sync: Sync = Sync()
    settings: dict[Slug, SettingsGroup] = Field(default_factory=dict)
    connectors: dict[Slug, ConnectorTable] = Field(default_factory=dict)
    repairers: Annotated[list[Repairer], AfterValidator(_check_repairers)] = Field(
        default_factory=list
    )
    document_rules: Annotated[list[DocumentRule], AfterValidator(_check_rules)] = Field(
        default_factory=list
    )
    planning: Planning = Planning()
    mail: Mail = Mail()

    _origins: dict[Path_, str] = PrivateAttr(default_factory=dict)
    _from_env: dict[str, frozenset[str]] = PrivateAttr(default_factory=dict)
    _file: Path | None = PrivateAttr(default=None)

    @classmethod
    def settings_customise_sources(
        cls, *_: Any, **sources: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing but the arguments."""
        return (sources["init_settings"],)

    @property
    def file(self) -> Path | None:
        """The configuration file that was read."""
        return self._file

    @property
    def groups(self) -> dict[str, dict[str, Any]]:
        """Settings groups with the names that were really set."""
        return {name: group.layer() for name, group in self.settings.items()}

    @property
    def from_env(self) -> dict[str, frozenset[str]]:
        """Names in settings groups whose value comes from the environment."""
        return dict(self._from_env)

    def origin(self, *path: str | int) -> str:
        """Say where a value comes from: ``file:line``, an environment name, or ``default``."""
        if path in self._origins:
            return self._origins[path]
        above = self._nearest(path)  # a whole table given as JSON; in TOML each key has its line
        return "default" if above is None or above.startswith(f"{self._file}:") else above

    def _nearest(self, path: Path_) -> str | None:
        lengths = range(len(path), 0, -1)
        return next((self._origins[path[:n]] for n in lengths if path[:n] in self._origins), None)

    def fault(self, message: str, *path: str | int) -> str:
        """Phrase a fault of a setting that only another part of the program can find."""
        place = self._nearest(path) or "configuration"
        return f"{place}: {'.'.join(map(str, path))}: {message}"

    def placed(self, fault: str) -> str:
        """Say where the setting stands that a fault ``connectors.x.key: message`` is about."""
        path = tuple(fault.partition(": ")[0].split("."))
        return f"{self._nearest(path) or 'configuration'}: {fault}"

    @property
    def notices(self) -> tuple[str, ...]:
        """Say what is configured and not yet done by this release; nothing is lost by it."""
        found = []
        if self.planning.webhook_url:
            found.append(
                self.fault(
                    "webhooks are not sent by this release; changes wait in the feed "
                    "(GET /v1/changes)",
                    "planning",
                    "webhook_url",
                )
            )
        return tuple(found)
