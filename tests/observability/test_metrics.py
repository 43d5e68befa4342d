from __future__ import annotations

from datetime import timedelta

from syncer.observability.metrics import Metrics


def rendered(metrics: Metrics) -> list[str]:
    return metrics.render().decode().splitlines()


def test_an_ended_pass_is_counted_by_connector_and_state_with_its_duration() -> None:
    metrics = Metrics()

    metrics.pass_ended("door", "succeeded", timedelta(seconds=2))

    lines = rendered(metrics)
    assert 'syncer_passes_total{connector="door",state="succeeded"} 1.0' in lines
    assert 'syncer_pass_seconds_sum{connector="door"} 2.0' in lines


def test_stored_records_are_counted_by_what_they_were() -> None:
    metrics = Metrics()

    metrics.records_stored("door", new=3, quarantined=1)

    lines = rendered(metrics)
    assert 'syncer_records_total{connector="door",what="new"} 3.0' in lines
    assert 'syncer_records_total{connector="door",what="quarantined"} 1.0' in lines
    assert not [line for line in lines if 'what="changed"' in line]


def test_requests_are_counted_by_status() -> None:
    metrics = Metrics()

    metrics.requested("door", "200")
    metrics.requested("door", "200")

    assert 'syncer_partner_requests_total{connector="door",status="200"} 2.0' in rendered(metrics)


def test_a_breaker_is_in_one_state_at_a_time() -> None:
    metrics = Metrics()

    metrics.breaker_moved("door", "open")
    metrics.breaker_moved("door", "half_open")

    states = [line for line in rendered(metrics) if line.startswith("syncer_breaker{")]
    assert sorted(states) == [
        'syncer_breaker{connector="door",state="closed"} 0.0',
        'syncer_breaker{connector="door",state="half_open"} 1.0',
        'syncer_breaker{connector="door",state="open"} 0.0',
    ]


def test_gauges_say_what_was_noted_last() -> None:
    metrics = Metrics()

    metrics.feed_reached(41)
    metrics.loop_lagged(timedelta(milliseconds=250))
    metrics.vault_is(unsealed=True)

    lines = rendered(metrics)
    assert "syncer_feed_head 41.0" in lines
    assert "syncer_loop_lag_seconds 0.25" in lines
    assert "syncer_vault_unsealed 1.0" in lines


def test_two_sets_of_numbers_do_not_mix() -> None:
    first, second = Metrics(), Metrics()

    first.feed_reached(7)

    assert "syncer_feed_head 0.0" in rendered(second)
