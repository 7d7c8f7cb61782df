"""Setting up and taking back, without touching what the machine has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lictor.runtime import account, setup, system_packages
from lictor.runtime.errors import StateError
from lictor.runtime.java import ELASTICSEARCH, KAFKA, Requirement
from lictor.runtime.state import LocalState


@pytest.fixture
def other_account(monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"lictor-test-{os.getpid()}"
    monkeypatch.setattr(account, "NAME", name)
    monkeypatch.setattr(account, "ENFORCER", f"{name}-enforcer")
    monkeypatch.setattr(account.find, "__defaults__", (name,))
    return name


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes users")
def test_account_is_made_once_without_login_and_taken_back(
    other_account: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        setup.make_accounts()
        setup.make_accounts()
        found = account.find(other_account)
        enforcer = account.find(account.ENFORCER)
        assert found is not None
        assert found.uid < 1000
        assert found.groups == (found.gid,)
        assert enforcer is not None
        assert enforcer.uid != found.uid
        assert enforcer.gid == found.gid
    finally:
        setup.remove_accounts()
    assert account.find(other_account) is None
    said = capsys.readouterr().out
    assert f"making the system user {other_account}" in said
    assert f"the system user {other_account} exists" in said
    assert f"removing the system user {other_account}" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes users")
def test_account_that_setup_did_not_make_stays(other_account: str) -> None:
    subprocess.run(["useradd", "--system", other_account], check=True, timeout=60)
    try:
        setup.remove_accounts()
        assert account.find(other_account) is not None
    finally:
        subprocess.run(["userdel", other_account], check=True, timeout=60)


@pytest.mark.usefixtures("other_account")
def test_clean_removes_the_state_unless_it_is_in_use(tmp_path: Path) -> None:
    root = tmp_path / "state"
    with LocalState(root, None), pytest.raises(StateError, match="in use"):
        setup.clean(tmp_path / "no-cache", root)
    assert (root / "lock").exists()
    setup.clean(tmp_path / "no-cache", root)
    assert not root.exists()


@pytest.mark.usefixtures("other_account")
def test_clean_removes_what_tests_put_into_the_cache_and_leaves_others_things(tmp_path: Path) -> None:
    (tmp_path / "cache" / setup.TEST_TOOLS / "kql").mkdir(parents=True)
    (tmp_path / "cache" / "somebody-elses").write_text("")
    setup.clean(tmp_path / "cache", tmp_path / "no-state")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["somebody-elses"]


@pytest.mark.usefixtures("other_account")
def test_clean_refuses_a_folder_that_is_no_state_folder(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(StateError, match="has other things in it"):
        setup.clean(tmp_path / "no-cache", tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_machine_without_apt_is_told_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lictor.runtime.system_packages"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "this machine has no apt: install what corresponds to" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("served", "offered", "chosen"),
    [
        ({"Kafka", "Elasticsearch"}, {"openjdk-21-jdk-headless"}, None),
        ({"Kafka"}, {"openjdk-21-jdk-headless", "openjdk-17-jdk-headless"}, "openjdk-21-jdk-headless"),
        ({"Kafka"}, {"openjdk-25-jdk-headless"}, "openjdk-25-jdk-headless"),
        ({"Kafka"}, {"openjdk-17-jdk-headless"}, None),
        (set(), {"openjdk-17-jdk-headless"}, "openjdk-17-jdk-headless"),
    ],
)
def test_jdk_is_installed_only_where_it_helps(
    monkeypatch: pytest.MonkeyPatch, served: set[str], offered: set[str], chosen: str | None
) -> None:
    def serves(requirement: Requirement) -> bool:
        assert requirement in (KAFKA, ELASTICSEARCH)
        return requirement.server in served

    monkeypatch.setattr(system_packages, "serves", serves)
    monkeypatch.setattr(system_packages, "is_offered", offered.__contains__)
    package = system_packages.jdk_to_install()
    assert (None if package is None else package.name) == chosen
