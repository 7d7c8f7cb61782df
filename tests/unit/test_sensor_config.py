from __future__ import annotations

from typing import Any

import pytest

from sensors.service import SensorConfig, read_boot_id
from wire.kafka import Kafka
from wire.topics import Topics


def config(**changes: Any) -> SensorConfig:
    return SensorConfig(kafka=Kafka(bootstrap="127.0.0.1:1"), topics=Topics(), node="n1", **changes)


def test_defaults() -> None:
    plain = config()
    assert plain.boot_id == read_boot_id()
    assert plain.args == "redacted"
    assert plain.run_as is None


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"node_key has {size} bytes; 32 are needed"):
        config(node_key=b"k" * size)


@pytest.mark.parametrize("changes", [{"tick_ms": 0}, {"health_interval_s": -1}])
def test_times_are_positive(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        config(**changes)


def test_the_key_is_not_shown() -> None:
    assert "kkkk" not in repr(config(node_key=b"k" * 32))
