"""What Lictor needs of a machine, checked one by one by looking, never by assuming."""

import os
import platform
import socket
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from lictor.runtime import account, artifacts, java, system_packages
from lictor.runtime.errors import LocalRuntimeError
from lictor.runtime.state import default_cache, default_state, find_live
from lictor.settings import Settings

State = Literal["ok", "warning", "error"]

_BTF = Path("/sys/kernel/btf/vmlinux")
_TRACING = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))
_CONNECT_S = 1.0
_CAPABILITIES = {"CAP_BPF": 39, "CAP_PERFMON": 38, "CAP_SYS_PTRACE": 19, "CAP_KILL": 5}


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was looked at. `advice` says what to do, where there is something to do."""

    subject: str
    state: State
    found: str
    advice: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; a check that itself fails is a finding too."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _kernel,
        _privileges,
        _programs,
        _account,
        _jdks,
        _servers,
        _listening,
    )
    return [finding for check in checks for finding in check(settings)]


def _kernel(settings: Settings) -> Iterator[Finding]:
    del settings
    release = platform.release()
    numbers = release.split("-")[0].split(".")[:2]
    recent = tuple(int(number) for number in numbers if number.isdigit()) >= (5, 15)
    yield Finding(
        subject="kernel",
        state="ok" if recent else "error",
        found=f"{platform.system()} {release} on {platform.machine()}",
        advice="" if recent else "ring buffers and bounded loops need Linux 5.15 or newer",
    )
    has_btf = _BTF.is_file()
    yield Finding(
        subject="BTF",
        state="ok" if has_btf else "error",
        found=f"{_BTF} is {'there' if has_btf else 'missing'}",
        advice=""
        if has_btf
        else "the sensor reads the kernel's layout there: use a kernel with CONFIG_DEBUG_INFO_BTF",
    )
    cgroup2 = _cgroup2_mount()
    yield Finding(
        subject="cgroup2",
        state="ok" if cgroup2 else "error",
        found=f"mounted at {cgroup2}" if cgroup2 else "not mounted",
        advice="" if cgroup2 else "workloads are known by it: mount -t cgroup2 none /sys/fs/cgroup/unified",
    )
    tracing = next((path for path in _TRACING if (path / "events").is_dir()), None)
    yield Finding(
        subject="tracefs",
        state="ok" if tracing else "warning",
        found=f"mounted at {tracing}" if tracing else "not mounted",
        advice=""
        if tracing
        else "only kernels before 6.10 need it: mount -t tracefs none /sys/kernel/tracing",
    )


def _cgroup2_mount() -> str | None:
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, where, kind, *_ = line.split(" ")
        if kind == "cgroup2":
            return where
    return None


def _privileges(settings: Settings) -> Iterator[Finding]:
    del settings
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    effective = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff"))
    missing = [name for name, bit in _CAPABILITIES.items() if not effective >> bit & 1]
    yield Finding(
        subject="privileges",
        state="warning" if missing else "ok",
        found=f"uid {os.geteuid()}" + (f", without {', '.join(missing)}" if missing else ""),
        advice="watching and enforcing need them: use sudo; `lictor up --from FILE` needs none"
        if missing
        else "",
    )


def _programs(settings: Settings) -> Iterator[Finding]:
    del settings
    has_bcc = find_spec("bcc") is not None
    yield Finding(
        subject="bcc",
        state="ok" if has_bcc else "warning",
        found="importable" if has_bcc else "not importable",
        advice="" if has_bcc else "the sensor needs it: run `make setup` (Debian: python3-bpfcc)",
    )
    for package in system_packages.missing():
        yield Finding(subject=package.name, state="warning", found="not installed", advice="run `make setup`")


def _account(settings: Settings) -> Iterator[Finding]:
    for name, setting in ((settings.run_as, "run_as"), (settings.enforcer_user, "enforcer_user")):
        found = account.find(name)
        yield Finding(
            subject="user",
            state="ok" if found else "warning",
            found=f"{name} exists" if found else f"there is no user {name}",
            advice=""
            if found
            else f"services started as root drop to it: run `make setup`, or set {setting}",
        )


def _jdks(settings: Settings) -> Iterator[Finding]:
    needs = [(java.KAFKA, settings.bootstrap), (java.ELASTICSEARCH, settings.elasticsearch)]
    for requirement, elsewhere in needs:
        subject = f"JDK for {requirement.server}"
        if elsewhere is not None:
            yield Finding(subject=subject, state="ok", found=f"not needed: {elsewhere} is used")
            continue
        try:
            jdk = java.find(requirement)
        except LocalRuntimeError as error:
            yield Finding(subject=subject, state="error", found="none that fits", advice=str(error))
        else:
            yield Finding(subject=subject, state="ok", found=f"{jdk.version} in {jdk.home}")


def _servers(settings: Settings) -> Iterator[Finding]:
    if settings.bootstrap is not None and settings.elasticsearch is not None:
        return
    try:
        artifacts.locate(default_cache())
    except LocalRuntimeError as error:
        yield Finding(subject="servers", state="error", found="not unpacked", advice=str(error))
    else:
        yield Finding(subject="servers", state="ok", found=f"Kafka and Elasticsearch in {default_cache()}")
    live = find_live()
    yield Finding(
        subject="state",
        state="ok",
        found=f"{default_state()}: " + (f"in use by `lictor up`, process {live.pid}" if live else "free"),
    )


def _listening(settings: Settings) -> Iterator[Finding]:
    """Servers that were named, or that a running `lictor up` names, must answer."""
    live = find_live()
    named = settings.bootstrap or (live.bootstrap if live else None)
    if named is not None:
        host, _, port = named.split(",")[0].rpartition(":")
        yield _answer("Kafka", host, int(port) if port.isdigit() else 9092)
    url = settings.elasticsearch or (live.elasticsearch if live else None)
    if url is not None:
        parts = urlsplit(url)
        yield _answer("Elasticsearch", parts.hostname or "", parts.port or 9200)


def _answer(subject: str, host: str, port: int) -> Finding:
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_S):
            return Finding(subject=subject, state="ok", found=f"{host}:{port} accepts connections")
    except OSError as error:
        return Finding(
            subject=subject,
            state="error",
            found=f"{host}:{port}: {error}",
            advice="start it, or correct the address in the settings",
        )
