"""What the doctor finds, by looking: on this machine, and where something is missing."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lictor import doctor, settings
from lictor.doctor import Finding, examine
from lictor.runtime import ports
from lictor.settings import Settings


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of this machine or run, and no `lictor up` that runs."""
    for name in [name for name in os.environ if name.startswith("LICTOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LICTOR_STATE", str(tmp_path / "no-state"))
    monkeypatch.setattr(settings, "DEFAULT_FILE", tmp_path / "no-default.toml")


def found(given: Settings, subject: str) -> Finding:
    (finding,) = [one for one in examine(given) if one.subject == subject]
    return finding


def test_everything_is_looked_at_and_what_is_not_well_has_advice() -> None:
    findings = examine(Settings())
    assert {"kernel", "BTF", "cgroup2", "privileges", "bcc", "JDK for Kafka", "state"} <= {
        one.subject for one in findings
    }
    assert all(one.found for one in findings)
    assert all(one.advice for one in findings if one.state != "ok")
    assert not any(one.advice for one in findings if one.state == "ok")


def test_a_kernel_without_btf_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "_BTF", tmp_path / "vmlinux")
    assert found(Settings(), "BTF").state == "error"
    (tmp_path / "vmlinux").touch()
    assert found(Settings(), "BTF").state == "ok"


@pytest.mark.parametrize(
    ("release", "state"),
    [("5.14.21-default", "error"), ("5.15.0", "ok"), ("6.1.0-31-amd64", "ok"), ("10.0-rc1", "ok")],
)
def test_kernels_by_their_release(release: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "release", lambda: release)
    assert found(Settings(), "kernel").state == state


def test_a_jdk_that_is_not_there_is_an_error_and_one_that_is_not_needed_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LICTOR_JAVA_HOME", str(tmp_path))
    finding = found(Settings(), "JDK for Elasticsearch")
    assert finding.state == "error"
    assert "LICTOR_JAVA_HOME" in finding.advice
    elsewhere = Settings(elasticsearch="http://search:9200")
    assert "not needed" in found(elsewhere, "JDK for Elasticsearch").found


def test_servers_that_are_not_set_up_are_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LICTOR_CACHE", str(tmp_path))
    finding = found(Settings(), "servers")
    assert finding.state == "error"
    assert "make setup" in finding.advice


def test_a_named_server_must_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert found(Settings(bootstrap=f"127.0.0.1:{port},other:1"), "Kafka").state == "ok"
        url = f"http://127.0.0.1:{port}"
        assert found(Settings(elasticsearch=url), "Elasticsearch").state == "ok"
    nobody = f"127.0.0.1:{ports.choose()[0]}"
    finding = found(Settings(bootstrap=nobody), "Kafka")
    assert finding.state == "error"
    assert nobody in finding.found


def test_a_user_that_is_not_there_is_told_by_the_setting() -> None:
    findings = examine(Settings(run_as="no-such-user-here"))
    (finding,) = [one for one in findings if "no-such-user-here" in one.found]
    assert finding.state == "warning"
    assert "run_as" in finding.advice


@pytest.mark.skipif(os.geteuid() != 0, reason="dropping capabilities needs root")
def test_privileges_that_are_missing_are_named() -> None:
    look = (
        "from lictor.doctor import examine; from lictor.settings import Settings;"
        "print([one for one in examine(Settings()) if one.subject == 'privileges'][0])"
    )
    command = ["setpriv", "--bounding-set=-bpf,-kill", "--", sys.executable, "-c", look]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True, timeout=60
    )
    assert "CAP_BPF, CAP_KILL" in done.stdout
    assert "warning" in done.stdout
