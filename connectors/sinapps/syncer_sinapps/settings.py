"""What people give for a link: the account's login, and how it takes part."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syncer.sdk import Credentials, Secret, Settings
from syncer_sinapps import wire


class SinappsCredentials(Credentials):
    """The account for the partner's API."""

    login: str = Field(
        min_length=1, max_length=200, title="Login", description="The API account's login."
    )
    password: Annotated[Secret, Field(min_length=1, max_length=200)] = Field(
        title="Password", description="The API account's password."
    )


class SinappsSettings(Settings):
    """How a link takes part in missions."""

    role: Literal["reparateur", "centre_de_gestion"] = Field(
        "reparateur",
        description="As what the account works: a repairer, or a management centre that steers "
        "craftsmen of its own.",
    )
    login_path: str = Field(
        wire.DEFAULT_LOGIN_PATH,
        pattern=r"^/[A-Za-z0-9._~/-]*$",
        max_length=200,
        description="Where the partner's login is, below base_url (/login or /api/login).",
    )
    attachments_base64: bool = Field(
        False, description="Whether uploaded files are written in base64 instead of raw bytes."
    )

    @property
    def emitter(self) -> str:
        """The partner's word for our role."""
        return wire.CENTRE if self.role == "centre_de_gestion" else wire.REPAIRER
