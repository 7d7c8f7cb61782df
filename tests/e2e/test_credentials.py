"""On a running stack each part comes as itself, and nobody else comes at all."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lictor.pipeline.reach import launch
from lictor.runtime import account
from lictor.runtime.state import find_live
from tests.fixtures.stacks import LiveStack
from wire.access import PRINCIPALS


def environment_of(pid: int) -> dict[str, str]:
    """What a process was started with."""
    found = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(one.split("=", 1) for one in found if "=" in one)


def test_each_service_was_given_its_own_name_and_no_other_s_password(live: LiveStack) -> None:
    found = find_live(live.state)
    assert found is not None
    users, passwords = {}, {}
    for name, pid in found.pids.items():
        told = environment_of(pid)
        users[name] = told.get("LICTOR_KAFKA_USER")
        passwords[name] = told.get("LICTOR_KAFKA_PASSWORD")
    services = {name for name in found.pids if name in PRINCIPALS}
    assert services == {"sensor", "streams", "enforcer", "sink"}
    assert users == {name: name if name in services else None for name in found.pids}
    given = {name: secret for name, secret in passwords.items() if secret is not None}
    assert set(given) == services
    assert len(set(given.values())) == len(services)
    for pid in found.pids.values():
        said = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        assert not any(secret in said for secret in given.values())
    logs = "".join(path.read_text(errors="replace") for path in (live.state / "logs").iterdir())
    assert not any(secret in logs for secret in given.values())


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [((), "may not enter: use sudo"), (("--bootstrap",), "whether it asks for kafka_protocol")],
)
def test_another_user_is_told_why_there_is_nothing_to_see(
    live: LiveStack, flags: tuple[str, ...], sentence: str
) -> None:
    nobody = account.find("nobody")
    if nobody is None:
        pytest.skip("there is no user nobody")
    where = (*flags, live.kafka.bootstrap) if flags else ()
    how = launch(
        ("lictor", *where, "events", "--from-beginning", "--no-follow"),
        become=nobody,
        reader=nobody,
        mount_point=live.state.parent / "program",
    )
    become = (
        () if how.account is None else ("setpriv", f"--reuid={nobody.uid}", "--regid=65534", "--clear-groups")
    )
    done = subprocess.run(
        [*become, *how.argv],
        cwd=how.cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": os.environ["PATH"], "LICTOR_STATE": str(live.state), "COLUMNS": "500"},
    )
    assert done.returncode != 0
    assert done.stdout == ""
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
