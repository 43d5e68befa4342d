"""syncer: the integration sidecar beside a repairer's planning system."""

__version__ = "0.1.0"
