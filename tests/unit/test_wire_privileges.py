from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to give up")


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"from wire.privileges import *\n{program}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


STATUS = """
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
fields = "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Groups"
print(*(status[field].strip() for field in fields))
"""
NONE = "0" * 16


@needs_root
def test_everything_is_given_up() -> None:
    done = run(f"drop_privileges('nobody'){STATUS}")
    assert done.stdout.split() == [NONE, NONE, NONE, NONE, NONE, "1"], done.stderr


@needs_root
def test_only_what_is_kept_is_kept() -> None:
    done = run(f"drop_privileges('nobody', [Capability.KILL]){STATUS}")
    kept = f"{1 << 5:016x}"
    assert done.stdout.split() == [NONE, kept, kept, NONE, NONE, "1"], done.stderr


@needs_root
@pytest.mark.parametrize(
    "attempt",
    ["os.setuid(0)", "open('/etc/shadow').close()", "os.kill(1, 0)", "os.setgroups([0])", "os.chroot('/')"],
)
def test_there_is_no_way_back(attempt: str) -> None:
    done = run(
        f"import os\ndrop_privileges('nobody')\ntry:\n    {attempt}\nexcept PermissionError: print('refused')"
    )
    assert done.stdout == "refused\n", done.stderr


@needs_root
def test_kept_capabilities_do_not_outlive_an_exec() -> None:
    grep = (
        "import subprocess\nprint(subprocess.check_output(['grep', 'CapEff', '/proc/self/status']).decode())"
    )
    done = run(f"drop_privileges('nobody', [Capability.KILL])\n{grep}")
    assert done.stdout.split() == ["CapEff:", NONE], done.stderr


@needs_root
def test_threads_that_keep_privileges_are_found() -> None:
    threads = "import threading\nstop = threading.Event()\nthreading.Thread(target=stop.wait).start()\n"
    done = run(
        f"{threads}try: drop_privileges('nobody')\nexcept PrivilegeError as error: print(error)\nstop.set()"
    )
    assert "drop them before threads start" in done.stdout, done.stderr
    assert "NoNewPrivs 0" in done.stdout


@needs_root
def test_a_second_time_is_fine_and_gives_up_the_rest() -> None:
    done = run(f"drop_privileges('nobody', [Capability.KILL])\ndrop_privileges('nobody'){STATUS}")
    assert done.stdout.split()[1:3] == [NONE, NONE], done.stderr


@needs_root
def test_who_is_not_root_cannot_become_another() -> None:
    done = run(
        "drop_privileges('nobody')\ntry: drop_privileges('daemon')\n"
        "except PrivilegeError as error: print(error)"
    )
    assert "only root can become daemon" in done.stdout, done.stderr


@pytest.mark.parametrize(("user", "says"), [("no-such-user", "there is no user"), ("root", "root is root")])
def test_users_that_will_not_do(user: str, says: str) -> None:
    done = run(f"try: drop_privileges({user!r})\nexcept PrivilegeError as error: print(error)")
    assert says in done.stdout, done.stderr
