"""Throttling by partition: what is told of a batch, and what is said about the rest."""

from __future__ import annotations

import pytest
from msgspec import ValidationError, convert
from msgspec.structs import replace

from policy.changes import SettingsChanged
from policy.settings import Settings
from policy.throttling import Limits
from streams.judging import Judged
from streams.throttles import Throttles
from tests.fixtures.records import ACT_VERDICTS, VERDICT
from wire.records import VerdictRecord

NOW_NS = 1_800_000_000_000_000_000
ONE = Limits(alerts_per_second=1)
FILE, DNS = ACT_VERDICTS["file"], ACT_VERDICTS["dns"]


def judged(*records: VerdictRecord) -> Judged:
    return Judged(events=9, verdicts=records)


def test_a_batch_is_parted_in_its_order_and_denials_are_never_suppressed() -> None:
    made = judged(FILE, VERDICT, FILE, DNS, VERDICT, DNS)
    told, said = Throttles().apply(0, made, ONE, NOW_NS)
    assert told.verdicts == (FILE, VERDICT, DNS, VERDICT)
    assert told.suppressed == (FILE, DNS)
    assert (told.events, said) == (9, ())


def test_partitions_do_not_count_together() -> None:
    throttles = Throttles()
    for partition in range(3):
        told, _ = throttles.apply(partition, judged(FILE), ONE, NOW_NS)
        assert told.verdicts == (FILE,)
    told, _ = throttles.apply(1, judged(FILE), ONE, NOW_NS)
    assert told.verdicts == ()


def test_the_same_rule_in_another_workload_is_told() -> None:
    other = replace(FILE, workload=replace(FILE.workload, id="node-1/other"))
    told, _ = Throttles().apply(0, judged(FILE, FILE, other), ONE, NOW_NS)
    assert told.verdicts == (FILE, other)


def test_the_next_alert_after_a_silence_says_what_was_suppressed() -> None:
    throttles = Throttles()
    throttles.apply(0, judged(FILE, FILE, FILE), ONE, NOW_NS)
    told, said = throttles.apply(0, judged(FILE), ONE, NOW_NS + ONE.silence_ns)
    assert told.verdicts == (FILE,)
    assert [summary.count for summary in said] == [2]
    assert throttles.ended(NOW_NS + 2 * ONE.silence_ns) == ()


def test_forgotten_partitions_say_what_they_kept_back_once() -> None:
    throttles = Throttles()
    for partition in (2, 5):
        throttles.apply(partition, judged(FILE, FILE), ONE, NOW_NS)
    assert [one.count for one in throttles.forget({5, 7})] == [1]
    assert [one.count for one in throttles.forget()] == [1]
    assert throttles.forget() == ()


def test_without_limits_all_is_told_and_what_was_suppressed_is_said() -> None:
    throttles = Throttles()
    throttles.apply(0, judged(FILE, FILE), ONE, NOW_NS)
    made = judged(FILE, FILE)
    told, said = throttles.apply(0, made, None, NOW_NS)
    assert told is made
    assert [one.count for one in said] == [1]


def test_settings_are_kubearmors_and_off_until_somebody_asks() -> None:
    assert Settings().alert_limits is None
    on = Settings().patched(SettingsChanged(alert_throttling=True))
    assert on.alert_limits == Limits(alerts_per_second=10, silence_ns=30 * 10**9)
    own = on.patched(SettingsChanged(max_alert_per_sec=2, throttle_sec=5))
    assert own.alert_limits == Limits(alerts_per_second=2, silence_ns=5 * 10**9)


@pytest.mark.parametrize("field", ["max_alert_per_sec", "throttle_sec"])
def test_a_limit_of_nothing_is_refused(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        convert({"change": "settings-changed", field: 0}, SettingsChanged)
