"""The plugin host: finds connectors by entry point and loads each in isolation.

Only connectors that the configuration enables are imported. A broken one is set aside with a
readable reason; the others run.
"""

from syncer.plugins.loader import load_connectors
from syncer.plugins.played import played_partner
from syncer.plugins.registry import Registry

__all__ = ["Registry", "load_connectors", "played_partner"]
