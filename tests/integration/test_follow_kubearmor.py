"""`lictor verdicts -o kubearmor` on a real broker: alerts with what became of each, and no false claim."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lictor.cli import outcome_join
from lictor.cli.following import Following
from lictor.cli.main import app
from lictor.exit_codes import OK, USAGE
from tests.fixtures.records import ACT_VERDICTS
from tests.fixtures.verdict_records import AUDITED_BY_RULE, outcome, verdict_record
from wire import topic_admin
from wire.codec import encode, read_verdict
from wire.kafka import Kafka
from wire.kubearmor import as_kubearmor
from wire.records import Outcome, VerdictRecord
from wire.topics import Topics

WITHIN_S = 60.0
ENDED, GONE, UNANSWERED, LATE = (verdict_record(number) for number in range(1, 5))
AUDITED = verdict_record(5, verdict=AUDITED_BY_RULE)
OFF = verdict_record(6, enforcement="off")
FORGED = verdict_record(7, verdict=AUDITED_BY_RULE, judged_ns=10**25)
VERDICTS = (ENDED, GONE, UNANSWERED, AUDITED, OFF, *ACT_VERDICTS.values())
OUTCOMES = (outcome(ENDED), outcome(GONE, "already-gone"))


class Printer:
    """Topics of the test's own, and the command against them."""

    def __init__(self, bootstrap: str) -> None:
        self._flags = ("--bootstrap", bootstrap, "--topic-prefix", f"alerts-{uuid.uuid4().hex[:12]}")
        self.kafka = Kafka(bootstrap=bootstrap, client_id="test")
        self.topics = Topics(prefix=self._flags[-1])
        topic_admin.create(self.kafka, self.topics)

    def publish(self, *records: VerdictRecord | Outcome | bytes) -> None:
        producer = self.kafka.producer()
        for record in records:
            topic = self.topics.outcomes if isinstance(record, Outcome) else self.topics.verdicts
            value = record if isinstance(record, bytes) else encode(record)
            producer.produce(topic.name, value, "key" if isinstance(record, bytes) else record.id)
        assert producer.flush(WITHIN_S) == 0

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*self._flags, "verdicts", *arguments])

    def alerts(self, *arguments: str) -> list[dict[str, Any]]:
        result = self.run("-o", "kubearmor", "--from-beginning", *arguments)
        assert result.exit_code == OK, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def printer(kafka_broker: str) -> Printer:
    printer = Printer(kafka_broker)
    printer.publish(*OUTCOMES, *VERDICTS, b"{", FORGED)
    return printer


def by_line(alerts: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(alert, sort_keys=True) for alert in alerts)


def test_every_verdict_is_an_alert_with_what_became_of_it(printer: Printer) -> None:
    known = {one.record.id: one for one in OUTCOMES}
    expected = [as_kubearmor(record, known.get(record.id), cluster="prod") for record in VERDICTS]
    alerts = printer.alerts("--no-follow", "--cluster", "prod")
    assert by_line(alerts) == by_line(expected)
    results = {alert["Timestamp"]: alert["Result"] for alert in alerts}
    assert set(results.values()) <= {"Terminated", "Passed", "Operation not permitted"}
    assert [alert["Result"] for alert in alerts].count("Terminated") == 1
    # Of execs, which all ran, nothing is said in the kernel's words.
    assert {one["Result"] for one in alerts if one["Operation"] == "Process"} == {"Terminated", "Passed"}


def test_what_cannot_be_an_alert_is_warned_of(printer: Printer) -> None:
    said = printer.run("-o", "kubearmor", "--from-beginning", "--no-follow").stderr
    assert "no time that a calendar has" in said
    assert "not JSON" in said


def test_followed_a_denial_waits_for_an_outcome_and_goes_without_one_in_the_end(kafka_broker: str) -> None:
    """It follows, so only the limit ends it: the unanswered one must have been let go."""
    printer = Printer(kafka_broker)
    printer.publish(UNANSWERED, ENDED, LATE, AUDITED, outcome(ENDED))
    alerts = printer.alerts("--limit", "4")
    assert by_line(alerts) == by_line(
        [
            as_kubearmor(AUDITED),
            as_kubearmor(ENDED, outcome(ENDED)),
            as_kubearmor(UNANSWERED),
            as_kubearmor(LATE),
        ]
    )
    assert {alert["Result"] for alert in alerts[2:]} == {"Passed"}, "those without an outcome wait"


@pytest.mark.parametrize("follow", [(), ("--no-follow",)])
def test_in_a_long_history_no_topic_runs_ahead_of_the_other(
    follow: tuple[str, ...], kafka_broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome_join, "HELD", 5)
    printer = Printer(kafka_broker)
    denied = [verdict_record(number) for number in range(700)]
    printer.publish(*(outcome(record) for record in denied), *denied)
    alerts = printer.alerts("--limit", "700", *follow)
    assert by_line(alerts) == by_line([as_kubearmor(record, outcome(record)) for record in denied])


def test_ctrl_c_tells_what_is_held(kafka_broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    printer = Printer(kafka_broker)
    printer.publish(UNANSWERED)
    take = Following.take

    def take_and_be_interrupted(self: Following[Any]) -> Iterator[Any]:
        for record in take(self):
            yield record
            raise KeyboardInterrupt

    monkeypatch.setattr(Following, "take", take_and_be_interrupted)
    assert printer.alerts() == [as_kubearmor(UNANSWERED)]


def test_text_and_json_are_verdicts_as_before(printer: Printer) -> None:
    lines = printer.run("-o", "json", "--from-beginning", "--no-follow").stdout.splitlines()
    assert {read_verdict(line.encode()).id for line in lines} == {one.id for one in (*VERDICTS, FORGED)}
    text = printer.run("--from-beginning", "--limit", "3").stdout
    assert len(text.splitlines()) == 3


def test_what_is_wrong_is_said(kafka_broker: str) -> None:
    absent = ["--bootstrap", kafka_broker, "--topic-prefix", "absent", "verdicts", "-o", "kubearmor"]
    result = CliRunner().invoke(app, absent)
    assert result.exit_code != OK
    assert "absent.verdicts.v1" in str(result.exception)
    assert CliRunner().invoke(app, ["verdicts", "-o", "karmor"]).exit_code == USAGE
