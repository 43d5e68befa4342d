"""Winformex II on the wire: all that the program's real files may name differently.

The format is our profile; see docs/partners/winformex.md.
"""

from __future__ import annotations

INBOX, OUTBOX = "REC", "EMI"
ARCHIVE, REJECT = "ARCHIVE", "REJECT"

MISSION, VEHICLE, INSURER, LOSS_DATE = "mission", "vehicle", "insurer", "lossDate"
STATUS_CHANGED_AT = "statusChangedAt"

VEHICLE_UPDATE = "vehicleUpdate"
