"""When the kernel programs load, when they refuse and in which words, and what reading them takes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from sensors import btf, kernel, program_text, self_check
from sensors.btf import KernelTypes
from sensors.kernel import KernelSensor, KernelSensorError
from tests.fixtures.kernel_events import kernel_events, needs_kernel, private_mounts

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = 77


def in_a_process(script: str) -> list[str]:
    return [sys.executable, "-W", "error", "-c", textwrap.dedent(script)]


def run(args: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(args, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@needs_kernel
def test_reading_takes_no_privilege_once_loaded() -> None:
    script = """
        import ctypes, os, pathlib, subprocess
        from sensors.kernel import KernelSensor
        from sensors.ring_records import decode

        PR_CAPBSET_DROP = 24
        sensor = KernelSensor.load()
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in range(64):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
        status = pathlib.Path("/proc/self/status").read_text()
        assert "CapEff:\\t0000000000000000" in status and "CapPrm:\\t0000000000000000" in status
        child = subprocess.Popen(["true", "unprivileged"])
        child.wait()
        records = []
        assert sensor.drain(records.append, 1000) >= 2
        assert any(getattr(r, "args", ())[1:] == (b"unprivileged",) for r in map(decode, records))
        counters = sensor.counters()
        assert counters.seen >= 2 and counters.lost == 0
        sensor.add_own_pid(os.getpid())
        sensor.remove_own_pid(os.getpid())
        sensor.close()
    """
    done = run(in_a_process(script))
    assert (done.returncode, done.stderr) == (0, "")


@needs_kernel
def test_nothing_stays_open_after_close() -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_files()
    with kernel_events():
        assert open_files() > before
    assert open_files() == before


@needs_kernel
def test_compiler_does_not_stay_resident() -> None:
    with kernel_events() as events:
        resident, code = 0, False
        for line in Path("/proc/self/smaps").read_text().splitlines():
            fields = line.split()
            if not fields[0].endswith(":"):
                code = fields[1] == "r-xp" and "libLLVM" in fields[-1]
            elif code and fields[0] == "Rss:":
                resident += int(fields[1])
        assert resident < 4 * 1024, "kB of the compiler's code"
        events.run(["true"])


@needs_kernel
def test_environment_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCC_KERNEL_SOURCE", "/somewhere/else")
    with kernel_events():
        assert os.environ["BCC_KERNEL_SOURCE"] == "/somewhere/else"
    monkeypatch.delenv("BCC_KERNEL_SOURCE")
    with kernel_events():
        assert "BCC_KERNEL_SOURCE" not in os.environ


def test_without_privileges_it_says_which_are_needed() -> None:
    script = """
        import os
        from sensors.kernel import KernelSensor, KernelSensorError
        if os.getuid() == 0: os.setresuid(65534, 65534, 65534)
        try: KernelSensor.load()
        except KernelSensorError as error: print(error)
    """
    if find_spec("bcc") is None:
        pytest.skip("python3-bpfcc is not installed")
    done = run(in_a_process(script))
    assert done.returncode == 0, done.stderr
    assert "needs CAP_BPF and CAP_PERFMON" in done.stdout


def test_without_bcc_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bcc", None)
    with pytest.raises(KernelSensorError, match="install python3-bpfcc"):
        KernelSensor.load()


@needs_kernel
def test_without_btf_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(btf, "VMLINUX", tmp_path / "none")
    with pytest.raises(KernelSensorError, match="CONFIG_DEBUG_INFO_BTF"):
        KernelSensor.load()


@needs_kernel
@pytest.mark.parametrize("ring_bytes", [0, 1, 4095, 3 * 4096])
def test_ring_of_another_size_is_refused(ring_bytes: int) -> None:
    with pytest.raises(KernelSensorError, match="power of two"):
        KernelSensor.load(ring_bytes=ring_bytes)


@needs_kernel
@pytest.mark.parametrize(
    "field",
    [
        "mm_struct__exe_file",
        "task_struct__start_boottime",
        "task_struct__group_leader",
        "linux_binprm__file",
        "cred__user_ns",
        "super_block__s_dev",
        "mount__mnt_parent",
        "signal_struct__group_exit_code",
    ],
)
def test_offset_that_is_wrong_keeps_the_programs_off(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    true_flags = program_text.kernel_flags

    def shifted(types: KernelTypes) -> Iterator[str]:
        for flag in true_flags(types):
            name, _, value = flag.partition("=")
            yield f"{name}={int(value) + 8}" if name == f"-DOFFSET_{field}" else flag

    monkeypatch.setattr(kernel, "kernel_flags", shifted)
    monkeypatch.setattr(self_check, "_WAIT_S", 1.0)
    with pytest.raises(KernelSensorError, match="stay off"):
        KernelSensor.load()


@needs_kernel
def test_kernel_without_a_field_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    true_offset = KernelTypes.offset

    def without(types: KernelTypes, structure: str, *path: str) -> int:
        if (structure, path) == ("inode", ("i_sb",)):
            raise btf.BtfError("this kernel's struct inode has no field i_sb")
        return true_offset(types, structure, *path)

    monkeypatch.setattr(KernelTypes, "offset", without)
    with pytest.raises(KernelSensorError, match="struct inode has no field i_sb"):
        KernelSensor.load()


@needs_kernel
def test_older_kernels_tell_the_source_by_system_calls() -> None:
    """As before 6.10, where sched_prepare_exec is absent, and before 6.16, where exits say less."""
    script = """
        import os, subprocess, sys
        from sensors.btf import KernelTypes
        from sensors.kernel import KernelSensor
        from sensors.ring_records import RawExec, RawExit, decode

        present, arguments = KernelTypes.has_tracepoint, KernelTypes.tracepoint_arguments
        KernelTypes.has_tracepoint = lambda types, name: name != "sched_prepare_exec" and present(types, name)
        KernelTypes.tracepoint_arguments = lambda types, name: arguments(types, name)[:1]
        sensor = KernelSensor.load()
        child = subprocess.Popen(["bash", "-c", "exec true 2>/dev/null"])
        child.wait()
        threads = (
            "import threading, os, time\\n"
            "for _ in range(8): threading.Thread(target=time.sleep, args=(9,)).start()\\n"
            "os._exit(5)"
        )
        many = subprocess.Popen([sys.executable, "-I", "-c", threads])
        many.wait()
        records = []
        sensor.drain(lambda record: records.append(decode(record)), 1000)
        first, second = [r for r in records if isinstance(r, RawExec) and r.pid == child.pid]
        assert first.source.path == os.fsencode(os.path.realpath(sys.executable))
        assert second.source == first.file
        assert [r.code_raw for r in records if isinstance(r, RawExit) and r.pid == many.pid] == [5 << 8]
        sensor.close()
    """
    mount = f"mount -t tracefs none /sys/kernel/tracing || exit {SKIPPED};"
    done = run(private_mounts(mount + ' exec "$@"', *in_a_process(script)))
    if done.returncode == SKIPPED:
        pytest.skip("no tracefs here")
    assert (done.returncode, done.stderr) == (0, "")
