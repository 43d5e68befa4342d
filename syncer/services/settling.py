"""After a page's commit: the partner hears that it is stored, and its files are put away.

The files go last: while they lie where they were, the page comes again.
"""

from __future__ import annotations

from typing import cast

from syncer.observability.crash_points import crash_point
from syncer.ports.folders import FolderExchange
from syncer.sdk import Connector, Page
from syncer.services.guard import guarded
from syncer.services.opening import AnyConnector, AnyLink


async def settle(connector: AnyConnector, link: AnyLink, page: Page) -> None:
    """Settle a stored page; done again when the page comes again, for it changes nothing then.

    Raises:
        RetryableError: not all of it is done; the page comes again.
        ConnectorFailedError: the connector is broken.
    """
    if type(connector).settle is not Connector.settle:
        await guarded(connector.settle(link, page))
        crash_point("page-settled")
    if page.files:
        exchange = cast("FolderExchange", link.folder)  # the opener put it there
        await guarded(exchange.put_away(page.files))
        crash_point("files-put-away")
