"""What `lictor health` makes of health records."""

from __future__ import annotations

from msgspec.structs import replace

from lictor.cli.health import SILENT_S, Health, latest, table
from tests.fixtures.records import HEALTH, HEALTH_OF_INTERVAL, SERVICE_HEALTH, SOURCE
from wire.records import ServiceHealth

UNTIL = SERVICE_HEALTH.until_ns
SOON = UNTIL + 2 * 10**9


def text(found: list[Health]) -> str:
    return "\n".join(table(found, 24.0))


def test_the_last_record_of_each_instance_counts() -> None:
    later = replace(SERVICE_HEALTH, until_ns=SOON, counts={"dead_letters": 1}, lag={"a": 2, "b": 3})
    beside = replace(SERVICE_HEALTH, instance="judge-1")
    other = replace(SERVICE_HEALTH, node="node-0")
    found = latest([SERVICE_HEALTH, beside, other, HEALTH_OF_INTERVAL, later], SOON)
    assert [(one.node, one.service, one.instance) for one in found] == [
        ("node-0", "streams", "judge-0"),
        ("node-1", "sensor", "sensor"),
        ("node-1", "streams", "judge-0"),
        ("node-1", "streams", "judge-1"),
    ]
    assert [(one.lag, one.lost, one.complete) for one in found] == [
        (17, 0, True),
        (None, 0, True),
        (5, 1, False),
        (17, 0, True),
    ]
    assert found[2].age_s == 0.0
    assert found[2].lags == {"a": 2, "b": 3}
    assert found[1].coverage == ("process.exec", "process.exit")


def test_a_sensor_that_lost_something_is_incomplete() -> None:
    lossy = replace(HEALTH.rings["process"], lost=3, unpublished=4)
    (one,) = latest([replace(HEALTH_OF_INTERVAL, interval={"process": lossy})], SOON)
    assert (one.complete, one.lost, one.well) == (False, 7, False)


def test_who_has_said_nothing_for_three_intervals_is_silent() -> None:
    just = UNTIL + int(SILENT_S * 10**9)
    (one,) = latest([SERVICE_HEALTH], just)
    assert one.well
    (one,) = latest([SERVICE_HEALTH], just + 1)
    assert (one.silent, one.well, one.complete) == (True, False, True)
    assert "silent for more than 30 s" in text([one])


def test_a_table_for_people() -> None:
    incomplete = replace(SERVICE_HEALTH, service="sink", instance="sink", counts={"dead_letters": 2}, lag={})
    lines = text(latest([SERVICE_HEALTH, HEALTH_OF_INTERVAL, incomplete], SOON)).splitlines()
    assert [line.split() for line in lines] == [
        ["NODE", "SERVICE", "COMPLETE", "LAG", "LOST", "AGE"],
        ["node-1", "sensor", "yes", "-", "0", "2", "s"],
        ["collects", "process.exec,", "process.exit"],
        ["node-1", "sink", "NO", "-", "2", "2", "s"],
        ["node-1", "streams", "yes", "17", "0", "2", "s"],
        ["instance", "judge-0"],
    ]
    assert all(len(line) <= 80 for line in lines)


def test_ages_are_told_in_a_unit_that_fits() -> None:
    ages = {0: "0 s", 119: "119 s", 120: "2 min", 7200: "2 h", 200_000: "2 d"}
    for seconds, told in ages.items():
        found = latest([SERVICE_HEALTH], UNTIL + seconds * 10**9)
        assert told in text(found).splitlines()[1], seconds
    (early,) = latest([SERVICE_HEALTH], UNTIL - 5 * 10**9)
    assert "0 s" in text([early])


def test_long_and_hostile_names_are_shown_whole_and_without_harm() -> None:
    hostile: ServiceHealth = replace(SERVICE_HEALTH, node="n" * 40 + "\x1b[2J", instance="\x1b]0;x\x07")
    shown = text(latest([hostile, replace(HEALTH, source=SOURCE)], SOON))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "n" * 40 + r"\x1b[2J" in shown.splitlines()


def test_nobody_is_nothing_to_be_content_with() -> None:
    assert text([]) == "no service has said anything in the last 24 h"
