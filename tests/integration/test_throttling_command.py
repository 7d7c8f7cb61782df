"""`lictor throttling` against a real broker: what it sets is in force, and nothing else changes."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lictor.cli.main import app
from lictor.cli.policy_state import in_force
from lictor.exit_codes import OK, USAGE
from lictor.settings import Settings
from policy.changes import SettingsChanged
from wire import topic_admin
from wire.kafka import Kafka
from wire.policy_log import append_change
from wire.topics import Topics


class Log:
    """A policy log of the test's own, and the command against it."""

    def __init__(self, bootstrap: str) -> None:
        self.settings = Settings(bootstrap=bootstrap, topic_prefix=f"throttling-{uuid.uuid4().hex[:12]}")
        self.kafka, self.topics = Kafka(bootstrap=bootstrap), Topics(prefix=self.settings.topic_prefix)
        topic_admin.create(self.kafka, self.topics)

    def run(self, *arguments: str) -> Result:
        flags = ("--bootstrap", self.kafka.bootstrap, "--topic-prefix", self.topics.prefix)
        return CliRunner().invoke(app, [*flags, "throttling", *arguments])

    def done(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.exit_code == OK, result.output
        return result.stdout

    def shown(self) -> dict[str, Any]:
        row: dict[str, Any] = json.loads(self.done("get", "-o", "json"))
        return row


@pytest.fixture
def policy_log(kafka_broker: str) -> Log:
    return Log(kafka_broker)


def test_it_is_off_until_somebody_asks(policy_log: Log) -> None:
    assert policy_log.shown() == {"alert_throttling": False, "max_alert_per_sec": 10, "throttle_sec": 30}
    assert policy_log.done("get").startswith("off: every alert is told. Once on, 10 alerts a second")


def test_what_is_set_is_in_force_and_the_rest_stays(policy_log: Log) -> None:
    append_change(policy_log.kafka, policy_log.topics, SettingsChanged(file_posture="block"))
    assert policy_log.done("set", "on", "--silence", "5") == (
        "alert_throttling=true throttle_sec=5 from policy offset 1 on\n"
    )
    assert policy_log.shown() == {"alert_throttling": True, "max_alert_per_sec": 10, "throttle_sec": 5}
    assert policy_log.done("set", "--alerts-per-second", "3").startswith("max_alert_per_sec=3 from")
    assert policy_log.done("get") == (
        "on: 3 alerts a second of one rule in one workload are told, and one more begins 5 s of silence; "
        "denials and unknowns are always told\n"
    )
    assert policy_log.done("set", "off").startswith("alert_throttling=false from")
    current = in_force(policy_log.settings).settings
    assert (current.alert_limits, current.max_alert_per_sec, current.throttle_sec) == (None, 3, 5)
    assert current.file_posture == "block"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to set"),
        (("maybe",), "maybe"),
        (("on", "--silence", "0"), "silence"),
        (("--alerts-per-second", "0"), "alerts-per-second"),
        (("--alerts-per-second", str(10**30)), "alerts-per-second"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(arguments: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(app, ["--bootstrap", "127.0.0.1:1", "throttling", "set", *arguments])
    assert (result.exit_code, result.stdout) == (USAGE, "")
    assert said in result.stderr
