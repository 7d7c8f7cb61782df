"""The signaller as the process that it is: who it listens to, what it may do, what it remembers."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from enforcer.protocol import Answer, Carried, NeverAsked, Recall, Request, Signal
from enforcer.signaller_link import SignallerError, SignallerLink
from tests.fixtures.orders import runs, signal_request
from tests.fixtures.signaller import UNPRIVILEGED, SignallerProcess, signaller, signaller_folder

__all__ = ["signaller", "signaller_folder"]

SLEEP = shutil.which("sleep") or "/usr/bin/sleep"


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen((SLEEP, "60"), user=65534)
    runs(process.pid, SLEEP)
    yield process
    process.kill()
    process.wait()


def ask(link: SignallerLink, request: Request) -> Answer:
    link.ask(request)
    return answer(link)


def answer(link: SignallerLink) -> Answer:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if answers := link.answers():
            assert len(answers) == 1
            return answers[0]
        time.sleep(0.002)
    raise AssertionError("the signaller does not answer")


def test_it_kills_another_users_process_with_two_capabilities_and_no_way_to_more(
    signaller: SignallerProcess, victim: subprocess.Popen[bytes]
) -> None:
    process = signaller.start()
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        if ":\t" in line
    )
    mask = f"{1 << 5 | 1 << 19:016x}"  # CAP_KILL and CAP_SYS_PTRACE
    assert (status["CapEff"], status["CapPrm"], status["CapBnd"]) == (mask, mask, "0" * 16)
    assert status["NoNewPrivs"] == "1"
    assert status["Uid"].split() == [str(pwd.getpwnam(UNPRIVILEGED).pw_uid)] * 4
    link = SignallerLink(signaller.socket)
    carried = ask(link, signal_request(victim.pid))
    link.close()
    assert isinstance(carried, Carried)
    assert carried.result == "terminated"
    assert carried.exec_to_kill_ns is not None
    assert carried.exec_to_kill_ns > 0
    assert victim.wait() == -signal.SIGKILL
    assert signaller.stop() == 0


def test_it_reads_neither_kafka_nor_policies() -> None:
    script = "import sys, enforcer.signaller; print(*sys.modules)"
    loaded = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=True)
    modules = loaded.stdout.split()
    foreign = ("confluent_kafka", "pydantic", "yaml", "prometheus_client", "structlog")
    assert not [name for name in modules if name.startswith(("streams", "workloads", *foreign))]
    assert {name for name in modules if name.startswith("policy")} <= {"policy", "policy.text"}


def test_twice_the_same_request_is_one_kill_and_the_same_answer(
    signaller: SignallerProcess, victim: subprocess.Popen[bytes]
) -> None:
    signaller.start()
    request = signal_request(victim.pid)
    link = SignallerLink(signaller.socket)
    first = ask(link, request)
    victim.wait()
    again = ask(link, request)
    recalled = ask(link, Recall(id=request.id))
    link.close()
    assert again == first
    assert recalled == first
    assert signaller.log.read_text().count("killed process") == 1


def test_what_was_not_asked_is_not_made_up(signaller: SignallerProcess) -> None:
    signaller.start()
    link = SignallerLink(signaller.socket)
    assert ask(link, Recall(id="other")) == NeverAsked(id="other")
    link.close()


def test_an_answer_goes_to_the_enforcer_that_came_back(
    signaller: SignallerProcess, victim: subprocess.Popen[bytes]
) -> None:
    signaller.start()
    request = signal_request(victim.pid)
    first, second = SignallerLink(signaller.socket), SignallerLink(signaller.socket)
    first.ask(request)
    first.close()
    carried = ask(second, request)
    second.close()
    assert isinstance(carried, Carried)
    assert carried.result == "terminated"


@pytest.mark.parametrize("signaller", [12345], indirect=True)
def test_only_the_enforcers_user_is_answered(
    signaller: SignallerProcess, victim: subprocess.Popen[bytes]
) -> None:
    """Root may connect to any socket; it is not who is asked for."""
    signaller.start()
    link = SignallerLink(signaller.socket)
    with pytest.raises(SignallerError, match=r"hung up|failed|takes no request"):
        ask(link, signal_request(victim.pid))
    link.close()
    assert victim.poll() is None
    owner = signaller.socket.stat()
    assert (owner.st_uid, owner.st_mode & 0o777) == (12345, 0o600)


@pytest.mark.parametrize("packet", [b"{}", b"\xff", b'{"ask":"kill-all"}', b"x" * 70_000])
def test_nonsense_ends_the_connection_and_nothing_else(
    signaller: SignallerProcess, victim: subprocess.Popen[bytes], packet: bytes
) -> None:
    signaller.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(10)
        connection.connect(os.fspath(signaller.socket))
        connection.send(packet)
        assert connection.recv(100) == b""
    link = SignallerLink(signaller.socket)
    assert isinstance(ask(link, signal_request(victim.pid)), Carried)
    link.close()


def test_it_kills_neither_itself_nor_who_asks_nor_who_started_it(signaller: SignallerProcess) -> None:
    process = signaller.start()
    link = SignallerLink(signaller.socket)
    for pid in (process.pid, os.getpid()):
        carried = ask(link, signal_request(pid))
        assert isinstance(carried, Carried)
        assert carried.result == "protected"
    link.close()


def test_a_restarted_signaller_takes_its_place_and_the_link_finds_it(
    signaller: SignallerProcess, victim: subprocess.Popen[bytes]
) -> None:
    first = signaller.start()
    link = SignallerLink(signaller.socket)
    assert isinstance(ask(link, Recall(id="x")), NeverAsked)
    first.kill()
    first.wait()
    with pytest.raises(SignallerError):
        link.ask(Recall(id="x"))
    signaller.start()
    carried = ask(link, signal_request(victim.pid))
    link.close()
    assert isinstance(carried, Carried)
    assert carried.result == "terminated"


def test_a_second_one_at_the_same_socket_says_so(signaller: SignallerProcess) -> None:
    signaller.start()
    command = (sys.executable, "-m", "enforcer.signaller", "--socket", str(signaller.socket))
    second = subprocess.run(
        (*command, "--enforcer-uid", "0"), capture_output=True, text=True, check=False, timeout=30
    )
    assert second.returncode == 3
    assert "listens on" in second.stderr
    assert "stop it" in second.stderr


def test_it_serves_a_socket_that_it_inherits(signaller_folder: Path, victim: subprocess.Popen[bytes]) -> None:
    path = signaller_folder / "inherited.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(os.fspath(path))
        listener.listen(4)
        command = (sys.executable, "-m", "enforcer.signaller", "--listen-fd", str(listener.fileno()))
        process = subprocess.Popen(
            (*command, "--enforcer-uid", "0", "--user", UNPRIVILEGED),
            pass_fds=(listener.fileno(),),
            stderr=subprocess.DEVNULL,
        )
    try:
        link = SignallerLink(path)
        carried = ask(link, signal_request(victim.pid))
        link.close()
        assert isinstance(carried, Carried)
        assert carried.result == "terminated"
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_one_that_is_slow_to_end_holds_up_nobody(
    signaller: SignallerProcess, victim: subprocess.Popen[bytes]
) -> None:
    """A tracer is told of SIGKILL's end last: until it has looked, the process counts as alive."""
    slow = subprocess.Popen((SLEEP, "60"))
    runs(slow.pid, SLEEP)
    signaller.start()
    tracer = subprocess.Popen((sys.executable, "-c", _TRACER, str(slow.pid)), stdout=subprocess.PIPE)
    try:
        assert tracer.stdout is not None
        assert tracer.stdout.readline() == b"attached\n"
        link = SignallerLink(signaller.socket)
        slow_request: Signal = signal_request(slow.pid)
        link.ask(slow_request)
        quick = ask(link, signal_request(victim.pid))
        assert isinstance(quick, Carried)
        assert (quick.result, quick.id != slow_request.id) == ("terminated", True)
        late = answer(link)
        assert isinstance(late, Carried)
        assert (late.id, late.result) == (slow_request.id, "failed")
        assert "runs no further instruction" in late.sentence
        link.close()
    finally:
        tracer.kill()
        tracer.wait()
        if tracer.stdout is not None:
            tracer.stdout.close()
        slow.kill()
        slow.wait()


_TRACER = """
import ctypes, os, sys, time
libc, pid = ctypes.CDLL(None, use_errno=True), int(sys.argv[1])
PTRACE_SEIZE, PTRACE_O_TRACEEXIT = 0x4206, 0x40
assert libc.ptrace(PTRACE_SEIZE, pid, None, ctypes.c_void_p(PTRACE_O_TRACEEXIT)) == 0
print("attached", flush=True)
time.sleep(60)
"""
