"""One dossier, one mail: what is in it, and what is refused before it leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError
from syncer_claims_mail import ClaimsMail, ClaimsMailSettings, DossierMail
from syncer_claims_mail.played import PlayedClaimsOffice

from syncer.sdk import LostAnswer, TooLargeError

from .conftest import DELIVERY, delivery, file_of, link_to


async def test_dossier_arrives_with_summary_and_documents(
    office: PlayedClaimsOffice, link: Any
) -> None:
    photo = b"\xff\xd8\xff" + b".\r\n.\r\n" * 500

    receipt = await ClaimsMail().deliver(
        link,
        delivery(
            file_of(b"%PDF-1.7 mandate", "mandato.pdf"),
            file_of(photo, "../../mandato.pdf", "image/jpeg"),
        ),
    )

    (mail,) = office.mailbox.messages
    message = mail.message
    assert (mail.to, mail.sender) == ("sinistri@compagnia.example", "post@leroy.example")
    assert message["Message-ID"] == f"<{DELIVERY}@leroy.example>"
    assert message["Subject"] == "Sinistro C-88 - pratica 2026/88 - AB123CD"
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        assert "Targa" in body.get_content()
    files = list(message.iter_attachments())
    assert [part.get_filename() for part in files] == ["mandato.pdf", "mandato (2).pdf"]
    assert files[1].get_payload(decode=True) == photo
    assert receipt.is_final
    assert receipt.raw["message_id"] == message["Message-ID"]


async def test_second_attempt_has_the_same_message_id_though_the_sender_has_moved(
    office: PlayedClaimsOffice, link: Any
) -> None:
    noted: dict[str, Any] = {}

    async def keep_note(step: str, value: Any) -> None:
        noted[step] = value

    attempt = delivery(subject="Urgente", text="Vi preghiamo.")
    await ClaimsMail().deliver(link, replace(attempt, keep_note=keep_note))
    moved = link_to(office, domain="leroy-bis.example")
    receipt = await ClaimsMail().deliver(moved, replace(attempt, notes=noted))

    first, second = (mail.message for mail in office.mailbox.messages)
    assert second["From"] == "Carrosserie Leroy <post@leroy-bis.example>"
    assert first["Message-ID"] == second["Message-ID"] == receipt.raw["message_id"]
    assert first["Subject"] == "Urgente"
    assert office.live() == "sinistri@compagnia.example reads “Urgente”"


def test_more_than_one_mail_may_carry_is_refused_with_names_and_bytes() -> None:
    files = [file_of(b"x" * 600, "a.pdf"), file_of(b"x" * 401, "b.pdf")]
    settings = ClaimsMailSettings(max_bytes=1_000)

    with pytest.raises(TooLargeError) as refused:
        ClaimsMail().validate(delivery(*files), settings)

    assert refused.value.code == "mail_too_large"
    assert [(fault.pointer, fault.message) for fault in refused.value.errors] == [
        ("/attachments/0", "a.pdf: 600 bytes"),
        ("/attachments/1", "b.pdf: 401 bytes"),
    ]
    ClaimsMail().validate(delivery(files[0], file_of(b"x" * 400, "b.pdf")), settings)


def test_default_limit_is_20_mib_of_one_mail() -> None:
    assert ClaimsMailSettings().max_bytes == 20 * 1024 * 1024
    assert ClaimsMail.operations[0].lost_answer is LostAnswer.NEITHER


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": "nobody"},
        {"to": "a@b.be, c@d.be"},
        {"to": "a@b.be\r\nBcc: c@d.be"},
        {"language": "de"},
        {"subject": "two\nlines"},
        {"subject": ""},
        {"text": "bell\x07"},
        {"cc": "a@b.be"},
    ],
    ids=str,
)
def test_payload_that_makes_no_good_mail_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        DossierMail.model_validate({"to": "a@b.be", "language": "fr"} | wrong)
