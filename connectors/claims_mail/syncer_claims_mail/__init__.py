"""The claims office of an insurer, reached by e-mail: a dossier leaves as one message."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field

from syncer.sdk import (
    Connector,
    Credentials,
    Delivery,
    FieldError,
    FileRule,
    Link,
    LostAnswer,
    MailAddress,
    MailLanguage,
    MailMessage,
    MailSubject,
    MailText,
    Operation,
    Page,
    PartnerLimits,
    Payload,
    Receipt,
    Settings,
    TooLargeError,
    Transport,
    hookimpl,
)

__all__ = ["ClaimsMail", "ClaimsMailSettings", "DossierMail"]

DEFAULT_MAX_BYTES = 20_971_520
"""20 MiB. Source: docs/partners/claims_mail.md."""
LARGEST_MAX_BYTES = 52_428_800
"""What one stored file may have; no mail server that we know takes more."""


class NoCredentials(Credentials):
    """Mail leaves through the installation's own server; a link needs nothing of its own."""


class ClaimsMailSettings(Settings):
    """How much one message may carry."""

    max_bytes: int = Field(
        DEFAULT_MAX_BYTES,
        ge=1,
        le=LARGEST_MAX_BYTES,
        description="Most bytes that the attachments of one mail may have together.",
    )


class DossierMail(Payload):
    """Whom the dossier goes to, in which language, and what is said with it."""

    to: MailAddress = Field(description="The claims office's address.")
    language: MailLanguage = Field(description="Language of the summary.")
    subject: MailSubject | None = Field(None, description="Absent: claim and file number.")
    text: MailText | None = Field(None, description="Said before the summary; absent: a greeting.")


MESSAGE_ID = "message_id"
OurLink = Link[NoCredentials, ClaimsMailSettings]
OurDelivery = Delivery[DossierMail]


class ClaimsMail(Connector[NoCredentials, ClaimsMailSettings]):
    """Sends dossiers of any connector's claim files by mail."""

    name = "claims_mail"
    title = "Claims office by e-mail"
    version = "0.1.0"
    wire_format = "vendor"
    kinds = frozenset()
    credentials = NoCredentials
    settings = ClaimsMailSettings
    transports = frozenset({Transport.MAIL})
    limits = PartnerLimits(source="docs/partners/claims_mail.md")
    pulls = False
    any_claim_file = True
    operations = (
        Operation(
            name="claim_upload",
            title="Send the dossier by e-mail",
            payload=DossierMail,
            lost_answer=LostAnswer.NEITHER,
            files=FileRule(),
        ),
    )

    async def check(self, link: OurLink) -> None:
        """Ask nobody: there are no credentials."""

    async def pull(self, link: OurLink, cursor: str | None) -> Page:  # noqa: ARG002 - as declared
        """Give nothing: a claims office answers people, not programs."""
        return Page()

    def validate(self, delivery: OurDelivery, settings: ClaimsMailSettings) -> None:
        """Refuse what is larger than one message may be."""
        total = sum(file.size_bytes for file in delivery.files)
        if total <= settings.max_bytes:
            return
        faults = [
            FieldError(
                pointer=f"/attachments/{index}", message=f"{file.name}: {file.size_bytes} bytes"
            )
            for index, file in enumerate(delivery.files)
        ]
        text = (
            f"The attachments have {total} bytes together; one mail may carry "
            f"{settings.max_bytes} (setting max_bytes)."
        )
        raise TooLargeError(text, faults, code="mail_too_large")

    async def deliver(self, link: OurLink, delivery: OurDelivery) -> Receipt:
        """Send one message; its Message-ID is made of the delivery's id and never changes."""
        assert delivery.claim_file is not None  # this operation makes none
        message_id = await _message_id(link, delivery)
        wanted = delivery.payload
        letter = link.mail.dossier(
            delivery.claim_file,
            delivery.files,
            language=wanted.language,
            subject=wanted.subject,
            text=wanted.text,
        )
        answer = await link.mail.send(
            MailMessage(
                message_id=message_id,
                to=wanted.to,
                letter=letter,
                attachments=delivery.files,
                language=wanted.language,
            )
        )
        said = {"server": answer, "to": wanted.to, "message_id": f"<{message_id}>"}
        return Receipt(raw=said)


async def _message_id(link: OurLink, delivery: OurDelivery) -> str:
    """Give the id that the first attempt chose, even if the sender's domain changed since."""
    noted = delivery.notes.get(MESSAGE_ID)
    if isinstance(noted, str):
        return noted
    made = link.mail.message_id(delivery.id)
    await delivery.note(MESSAGE_ID, made)
    return made


@hookimpl
def register_connectors(register: Callable[[type[ClaimsMail]], None]) -> None:
    """Hand the connector to the host."""
    register(ClaimsMail)
