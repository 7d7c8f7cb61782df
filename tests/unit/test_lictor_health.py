"""What a service says of itself over HTTP."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import Gauge

from lictor.health import HOST, HealthServer

_READY = {"now": False}
_gauge = Gauge("lictor_test_health", "Of this test.")


@pytest.fixture(scope="module")
def server() -> Iterator[HealthServer]:
    server = HealthServer(0, lambda: _READY["now"])
    server.start()
    yield server
    server.stop()


def ask(server: HealthServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{server.port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_readiness_is_asked_for_each_time(server: HealthServer) -> None:
    _READY["now"] = False
    assert ask(server, "/readyz") == (503, "not ready\n")
    _READY["now"] = True
    assert ask(server, "/readyz") == (200, "ready\n")
    assert ask(server, "/healthz") == (200, "alive\n")


def test_metrics_are_prometheus_s(server: HealthServer) -> None:
    _gauge.set(7)
    status, page = ask(server, "/metrics")
    assert status == 200
    assert "\nlictor_test_health 7.0\n" in page


def test_other_paths_are_told_what_there_is(server: HealthServer) -> None:
    assert ask(server, "/") == (404, "try /metrics, /healthz or /readyz\n")


def test_a_request_says_nothing_on_the_terminal(
    server: HealthServer, capfd: pytest.CaptureFixture[str]
) -> None:
    ask(server, "/healthz")
    assert capfd.readouterr() == ("", "")


def test_a_port_that_is_taken_is_an_error(server: HealthServer) -> None:
    with pytest.raises(OSError, match="Address already in use"):
        HealthServer(server.port, lambda: True)


def test_stopping_frees_the_port_also_before_the_start() -> None:
    first = HealthServer(0, lambda: True)
    first.stop()
    second = HealthServer(first.port, lambda: True)
    second.start()
    second.stop()
    HealthServer(first.port, lambda: True).stop()
