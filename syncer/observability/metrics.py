"""Counters and gauges for ``GET /metrics``; labels are connectors and closed lists only.

Names follow Prometheus: seconds and totals. Updating one is quick and never raises.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

BREAKER_STATES = ("closed", "half_open", "open")

_PASS_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left it untyped


class Metrics:
    """The numbers of one process."""

    def __init__(self) -> None:
        self._all = registry = CollectorRegistry(auto_describe=True)
        self._passes = Counter(
            "syncer_passes", "Passes that ended.", ("connector", "state"), registry=registry
        )
        self._pass_seconds = Histogram(
            "syncer_pass_seconds",
            "How long passes took.",
            ("connector",),
            buckets=_PASS_SECONDS,
            registry=registry,
        )
        self._records = Counter(
            "syncer_records",
            "Records stored, by what they were: new, changed, quarantined.",
            ("connector", "what"),
            registry=registry,
        )
        self._requests = Counter(
            "syncer_partner_requests",
            "Requests to partners by HTTP status, or by error code when there was none.",
            ("connector", "status"),
            registry=registry,
        )
        self._attempts = Counter(
            "syncer_delivery_attempts",
            "Attempts at deliveries by what they came to.",
            ("connector", "outcome"),
            registry=registry,
        )
        self._breaker = Gauge(
            "syncer_breaker", "1 for the state the breaker is in.", ("connector", "state"),
            registry=registry,
        )  # fmt: skip
        self._passes_of = cache(self._passes.labels)
        self._pass_seconds_of = cache(self._pass_seconds.labels)
        self._requests_of = cache(self._requests.labels)
        self._feed_head = Gauge(
            "syncer_feed_head", "Place of the newest feed entry.", registry=registry
        )
        self._loop_lag = Gauge(
            "syncer_loop_lag_seconds", "How late the event loop last was.", registry=registry
        )
        self._unsealed = Gauge(
            "syncer_vault_unsealed", "1 while secrets can be opened.", registry=registry
        )

    def pass_ended(self, connector: str, state: str, took: timedelta) -> None:
        """Count a pass that ended."""
        self._passes_of(connector, state).inc()
        self._pass_seconds_of(connector).observe(took.total_seconds())

    def records_stored(
        self, connector: str, *, new: int = 0, changed: int = 0, quarantined: int = 0
    ) -> None:
        """Count what a page brought."""
        for what, count in (("new", new), ("changed", changed), ("quarantined", quarantined)):
            if count:
                self._records.labels(connector, what).inc(count)

    def requested(self, connector: str, status: str) -> None:
        """Count one request by its HTTP status, or the code of the error when there was none."""
        self._requests_of(connector, status).inc()

    def delivery_attempted(self, connector: str, outcome: str) -> None:
        """Count an attempt at a delivery."""
        self._attempts.labels(connector, outcome).inc()

    def breaker_moved(self, connector: str, state: str) -> None:
        """Take note that a breaker is now ``closed``, ``open`` or ``half_open``."""
        for each in BREAKER_STATES:
            self._breaker.labels(connector, each).set(each == state)

    def feed_reached(self, seq: int) -> None:
        """Take note of the newest place in the feed."""
        self._feed_head.set(seq)

    def loop_lagged(self, late: timedelta) -> None:
        """Take note of how late the event loop was."""
        self._loop_lag.set(late.total_seconds())

    def vault_is(self, *, unsealed: bool) -> None:
        """Take note of whether secrets can be opened."""
        self._unsealed.set(unsealed)

    def render(self) -> bytes:
        """Give the numbers as Prometheus text."""
        return generate_latest(self._all)


metrics = Metrics()
"""The numbers of this process."""


def render() -> bytes:
    """Give this process's numbers as Prometheus text."""
    return metrics.render()
