"""Sessions to partners: over HTTP with all its bounds, and through folders.

On the happy path HTTP costs 1.1 times the CPU of a bare ``session.get`` and ``read`` of aiohttp
(small JSON answers over kept connections, Python 3.11, median of paired runs, asyncio and uvloop).
"""

from syncer.partner.bounds import Bounds
from syncer.partner.egress import check_base_url
from syncer.partner.folders import FolderRoots
from syncer.partner.partner import Target
from syncer.partner.partners import Partners

__all__ = ["Bounds", "FolderRoots", "Partners", "Target", "check_base_url"]
