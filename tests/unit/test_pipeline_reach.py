"""Whether another user can read the program, and how a service is started where that one cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lictor.pipeline import reach
from lictor.pipeline.reach import launch, reaches
from lictor.runtime.account import Account, find
from tests.fixtures.runtime import state_folder

STRANGER = Account(name="stranger", uid=54_321, gid=54_321, groups=(54_321,))

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting and becoming another user need root")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter."""
    with state_folder() as made:
        made.mkdir()
        made.chmod(0o755)
        yield made


@pytest.mark.parametrize(("mode", "enters"), [(0o755, True), (0o711, True), (0o710, False), (0o700, False)])
def test_others_enter_by_the_last_three_bits(folder: Path, mode: int, enters: bool) -> None:
    inner = folder / "inner"
    inner.mkdir()
    folder.chmod(mode)
    assert reaches(STRANGER, inner) is enters


@as_root
def test_owner_and_group_enter_by_their_own_bits(folder: Path) -> None:
    os.chown(folder, STRANGER.uid, 0)
    folder.chmod(0o077)
    assert not reaches(STRANGER, folder)
    folder.chmod(0o100)
    assert reaches(STRANGER, folder)
    os.chown(folder, 0, STRANGER.gid)
    folder.chmod(0o707)
    assert not reaches(STRANGER, folder)
    folder.chmod(0o010)
    assert reaches(STRANGER, folder)


def test_where_the_program_can_be_read_it_is_started_where_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "ROOT", folder)
    for become, reader in ((STRANGER, STRANGER), (None, STRANGER), (None, None)):
        how = launch(("lictor", "sink"), become=become, reader=reader, mount_point=folder / "unused")
        assert how.argv == (sys.executable, "-m", "lictor", "sink")
        assert how.cwd == folder
        assert how.account is become
    assert not (folder / "unused").exists()


def test_nobody_but_oneself_needs_to_read_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.chmod(0o700)
    monkeypatch.setattr(reach, "ROOT", folder)
    how = launch(("lictor", "sink"), become=None, reader=None, mount_point=folder / "unused")
    assert how.argv == (sys.executable, "-m", "lictor", "sink")


@as_root
@pytest.mark.parametrize("drop", [True, False])
def test_from_a_closed_folder_it_is_read_through_a_mount_that_nobody_else_sees(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, drop: bool
) -> None:
    nobody = find("nobody")
    if nobody is None:
        pytest.skip("there is no user nobody")
    closed = folder / "closed"
    program = closed / "program"
    program.mkdir(parents=True)
    (program / "whoami.py").write_text(
        "import os, sys, pathlib\n"
        "print(os.getuid(), os.getgid(), os.getgroups(), pathlib.Path(__file__).parent, sys.argv[1:])\n"
    )
    closed.chmod(0o700)
    mount_point = folder / "mounted"
    monkeypatch.setattr(reach, "ROOT", program)
    how = launch(
        ("whoami", "one", "two words"),
        become=nobody if drop else None,
        reader=nobody,
        mount_point=mount_point,
    )
    assert how.account is None
    done = subprocess.run(how.argv, cwd=how.cwd, stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    who = f"{nobody.uid} {nobody.gid} []" if drop else f"0 0 {os.getgroups()}"
    assert done.stdout == f"{who} {mount_point} ['one', 'two words']\n"
    assert list(mount_point.iterdir()) == []
    assert str(mount_point) not in Path("/proc/self/mountinfo").read_text()
