"""DARVA and IRIS on the wire: all that the networks' real description may name differently.

The kinds of message and the transport through folders are the networks'; how a message is laid out
is our profile; see docs/partners/darva.md.
"""

from __future__ import annotations

# -- types of message -----------------------------------------------------------------------------

NOTICE, FOLLOW_UP, PAYMENT_NOTICE, RECEIPT = "AS", "SD", "AP", "AR"
OPENING_REQUEST, INVOICE, COVER_VOUCHER = "DO", "FA", "BDG"
ABOUT_A_CLAIM = frozenset({NOTICE, FOLLOW_UP, PAYMENT_NOTICE})

INVOICING_ALLOWED, INVOICE_VALIDATED, INVOICE_REJECTED = "54", "36", "37"
FINAL_CODES = frozenset({"25", "32", "35", "50"})
"""Mission order cancelled, change of repairer, notice cancelled, repairer or expert changed."""

ACCEPTED, REJECTED = "accepted", "rejected"

LABELS = {
    OPENING_REQUEST: "Demande d'ouverture",
    INVOICE: "Facture",
    COVER_VOUCHER: "Bon de garantie",
}
CURRENCY_WHEN_ABSENT = "EUR"
CLAIM_TYPE = "motor"

# -- names in a message ---------------------------------------------------------------------------

MESSAGE = "message"
FROM, TO, CLAIM, RECEIPT_LINE, VEHICLE = "from", "to", "claim", "receipt", "vehicle"
REPAIRER, EXPERT, INVOICE_LINE, LABEL, TEXT = "repairer", "expert", "invoice", "label", "text"

# -- folders --------------------------------------------------------------------------------------

INBOX, OUTBOX = "REC", "EMI/STANDARD"
ARCHIVE, REJECT = "ARCHIVE", "REJECT"

# -- mailbox --------------------------------------------------------------------------------------

MESSAGES = "/mailboxes/{}/{}/messages"
READ = MESSAGES + "/{}"
ACKNOWLEDGE = READ + "/ack"
SEND = "/mailboxes/{}/{}/outbox/{}"
AFTER, LIMIT = "after", "limit"
LIST, REF = "messages", "ref"
LONGEST_LIST = 100
XML_TYPE = "application/xml"
