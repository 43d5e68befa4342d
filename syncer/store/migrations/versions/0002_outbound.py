"""What leaves: deliveries, documents, and the life of claim files.

Revision ID: 0002
"""

from __future__ import annotations

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns that 0001 did not have."""
