"""docs/metrics.md has every metric of every service, and each says what it is in base units."""

from __future__ import annotations

import pytest

from tests.documented import metrics
from tests.documented.page import hold, table

UNITS = {"seconds", "documents"}
"""What histograms here are of."""
NOT_BASE = ("_ms", "_millis", "_us", "_ns", "_minutes", "_kib", "_kb", "_mb", "_percent")

services = pytest.mark.parametrize("service", metrics.LOADS)


@services
def test_the_page_has_what_the_code_says(service: str) -> None:
    hold("metrics.md", service, table(("Name", "Type", "Labels", "Meaning"), metrics.rows(service)))


@services
def test_every_metric_says_what_it_is_in_base_units(service: str) -> None:
    found = metrics.of(service)
    assert found
    for one in found:
        assert one.name.startswith("lictor_"), one
        assert one.meaning.endswith("."), one
        assert len(one.meaning.split()) > 2, one
        assert not one.name.removesuffix("_total").endswith(NOT_BASE), one
        if one.kind == "histogram":
            assert one.name.rsplit("_", 1)[1] in UNITS, one
            assert one.meaning.startswith(("From ", "Time ", "Documents ")), one


@services
def test_labels_are_told_where_they_are_and_never_what_anybody_may_choose(service: str) -> None:
    few = {"ring", "reason", "result", "topic", "partition", "decision", "by", "record", "came", "stream"}
    of_policies = {"policy_namespace", "policy", "place"}
    for one in metrics.of(service):
        assert set(one.labels) <= few | of_policies, one


@services
def test_every_service_tells_whether_its_health_is_published(service: str) -> None:
    assert "lictor_health_records_total" in {one.name for one in metrics.of(service)}


@pytest.mark.parametrize(
    ("service", "names"),
    [
        ("sensor", {"lictor_sensor_lost_total", "lictor_sensor_event_to_produce_seconds"}),
        (
            "streams",
            {
                "lictor_streams_received_total",
                "lictor_streams_events_total",
                "lictor_streams_verdicts_total",
                "lictor_streams_lag_records",
                "lictor_streams_judge_seconds",
                "lictor_streams_event_to_judge_seconds",
                "lictor_streams_event_to_delivery_seconds",
                "lictor_policy_offset",
            },
        ),
        (
            "enforcer",
            {
                "lictor_enforcer_received_total",
                "lictor_enforcer_outcomes_total",
                "lictor_enforcer_lag_records",
                "lictor_enforcer_exec_to_kill_seconds",
                "lictor_policy_offset",
            },
        ),
        (
            "sink",
            {
                "lictor_sink_records_total",
                "lictor_sink_documents_total",
                "lictor_sink_dead_letters_total",
                "lictor_sink_lag_records",
                "lictor_sink_written_to_stored_seconds",
            },
        ),
    ],
)
def test_what_operators_ask_for_first_is_there_under_the_name_that_it_had(
    service: str, names: set[str]
) -> None:
    assert names <= {one.name for one in metrics.of(service)}
