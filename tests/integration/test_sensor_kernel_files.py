"""Where the kernel programs say that an executable lies: mounts, roots, and files without a name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.kernel_events import KernelEvents, kernel_events, needs_kernel, private_mounts

pytestmark = needs_kernel

PYTHON = os.path.realpath(sys.executable)
TRUE = os.path.realpath("/bin/true")
OVERLAYFS = 0x794C7630
TMPFS = 0x01021994
CANNOT_MOUNT = 77
RUN_UNLINKED = """
import os, sys
program = os.open(sys.argv[1], os.O_RDONLY)
os.unlink(sys.argv[1])
os.execve(program, ["unlinked"], {})
"""


@pytest.fixture(scope="module")
def events() -> Iterator[KernelEvents]:
    with kernel_events() as collected:
        yield collected


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A copy of true(1) of the test's own."""
    return Path(shutil.copy2(TRUE, tmp_path / "program"))


def test_symbolic_link_is_resolved(events: KernelEvents, program: Path) -> None:
    link = program.with_name("link")
    link.symlink_to(program)
    (ran,) = events.run([link])
    assert ran.file.path == os.fsencode(program)
    assert ran.filename == os.fsencode(link)
    found = program.stat()
    assert (ran.file.device, ran.file.inode) == (found.st_dev, found.st_ino)


def test_owner_is_the_files(events: KernelEvents, program: Path) -> None:
    os.chown(program, 12345, 0)
    (ran,) = events.run([program])
    assert ran.file.owner_uid == 12345
    assert ran.uid == 0


def test_path_need_not_be_text(events: KernelEvents, program: Path) -> None:
    odd = os.fsencode(program.parent) + b"/\xff\n\x1b[31m[bold]"
    program.rename(os.fsdecode(odd))
    (ran,) = events.run([odd])
    assert ran.file.path == odd


def test_deleted_program_is_marked(events: KernelEvents, program: Path) -> None:
    *_, ran = events.run([PYTHON, "-I", "-c", RUN_UNLINKED, program])
    assert ran.file.path == os.fsencode(program)
    assert ran.file.unlinked


def test_deleted_name_of_a_file_with_another_is_marked(events: KernelEvents, program: Path) -> None:
    os.link(program, program.with_name("other"))
    *_, ran = events.run([PYTHON, "-I", "-c", RUN_UNLINKED, program])
    assert ran.file.path == os.fsencode(program)
    assert ran.file.unlinked


def test_memory_file_is_marked(events: KernelEvents) -> None:
    script = (
        "import os, sys\n"
        "fd = os.memfd_create('anonymous')\n"
        "os.write(fd, open(sys.argv[1], 'rb').read())\n"
        "os.execve(fd, ['x'], {})\n"
    )
    *_, ran = events.run([PYTHON, "-I", "-c", script, TRUE])
    assert ran.file.path == b"/memfd:anonymous"
    assert (ran.file.unlinked, ran.file.truncated) == (True, False)
    assert ran.file.filesystem == TMPFS
    assert ran.filename.startswith(b"/dev/fd/")


def test_chroot_does_not_shorten_the_path(events: KernelEvents, tmp_path: Path) -> None:
    *_, ran = events.run(private_mounts("mount --bind / $1; exec chroot $1 /usr/bin/true", tmp_path))
    assert ran.file.path == os.fsencode(tmp_path) + os.fsencode(TRUE)
    assert ran.cwd == os.fsencode(tmp_path)
    assert ran.filename == b"/usr/bin/true"


def test_new_root_starts_the_path(events: KernelEvents, tmp_path: Path) -> None:
    script = (
        "mount --rbind / $1; cd $1; pivot_root . mnt; cd /; umount -l /mnt; cd /usr/bin; exec /usr/bin/true"
    )
    *_, ran = events.run(private_mounts(script, tmp_path))
    assert ran.file.path == os.fsencode(TRUE)
    assert ran.cwd == b"/usr/bin"
    assert not ran.file.truncated


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_bind_mount_is_where_it_was_reached(
    events: KernelEvents, program: Path, tmp_path: Path, kind: str
) -> None:
    if kind == "directory":
        there = tmp_path / "there"
        there.mkdir()
        ran = events.run(private_mounts("mount --bind $1 $2; exec $2/program", tmp_path, there))[-1]
        assert ran.file.path == os.fsencode(there / "program")
    else:
        there = tmp_path / "there"
        there.touch()
        ran = events.run(private_mounts("mount --bind $1 $2; exec $2", program, there))[-1]
        assert ran.file.path == os.fsencode(there)
    found = program.stat()
    assert (ran.file.device, ran.file.inode) == (found.st_dev, found.st_ino)


def test_mount_in_a_mount(events: KernelEvents, tmp_path: Path) -> None:
    script = (
        "mount -t tmpfs none $1; mkdir -p $1/a/b; mount -t tmpfs none $1/a/b; mkdir $1/a/b/c;"
        " cp $2 $1/a/b/c/program; cd $1/a/b; exec c/program"
    )
    ran = events.run(private_mounts(script, tmp_path, TRUE))[-1]
    assert ran.file.path == os.fsencode(tmp_path / "a/b/c/program")
    assert ran.cwd == os.fsencode(tmp_path / "a/b")
    assert ran.filename == b"c/program"
    assert ran.file.filesystem == TMPFS


@pytest.mark.parametrize("layer", ["lower", "upper"])
def test_overlay_is_one_tree(events: KernelEvents, tmp_path: Path, layer: str) -> None:
    for name in ("lower", "upper", "work", "merged"):
        (tmp_path / name).mkdir()
    shutil.copy2(TRUE, tmp_path / "lower" / "program")
    script = (
        "cd $1; mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none merged"
        f" || exit {CANNOT_MOUNT};"
        " if [ $2 = upper ]; then touch merged/program; fi; cd /; exec $1/merged/program"
    )
    child = subprocess.Popen(private_mounts(script, tmp_path, layer))
    if child.wait() == CANNOT_MOUNT:
        pytest.skip("no overlay file system here")
    assert child.returncode == 0
    ran = events.execs_of(child.pid)[-1]
    assert ran.file.path == os.fsencode(tmp_path / "merged" / "program")
    assert ran.file.filesystem == OVERLAYFS
    assert not ran.file.unlinked


def test_unmounted_tree_leads_to_no_root(events: KernelEvents, tmp_path: Path) -> None:
    (tmp_path / "usr").mkdir()
    script = (
        "mount -t tmpfs none $1; mkdir -p $1/usr/bin; cp $2 $1/usr/bin/true; cd $1/usr/bin;"
        " umount -l $1; exec ./true"
    )
    ran = events.run(private_mounts(script, tmp_path, TRUE))[-1]
    assert (ran.file.path, ran.file.truncated) == (b"usr/bin/true", True)
    assert (ran.cwd, ran.cwd_truncated) == (b"usr/bin", True)


def test_tree_that_was_never_mounted_leads_to_no_root(events: KernelEvents, tmp_path: Path) -> None:
    target = tmp_path / "usr/bin"
    target.mkdir(parents=True)
    shutil.copy2(TRUE, target / "true")
    script = (
        "import ctypes, os, sys\n"
        "open_tree, clone, here = 428, 1, -100\n"
        "tree = ctypes.CDLL(None, use_errno=True).syscall(open_tree, here, sys.argv[1].encode(), clone)\n"
        f"if tree < 0: os._exit({CANNOT_MOUNT})\n"
        "os.execve(os.open('usr/bin/true', os.O_PATH, dir_fd=tree), ['true'], {})\n"
    )
    child = subprocess.Popen([PYTHON, "-I", "-c", script, tmp_path])
    if child.wait() == CANNOT_MOUNT:
        pytest.skip("no open_tree(2) here")
    ran = events.execs_of(child.pid)[-1]
    assert ran.file.truncated
    assert ran.file.path == b"usr/bin/true"


def test_long_path_keeps_its_end_and_is_marked(events: KernelEvents, tmp_path: Path) -> None:
    names = [f"{step:03}" * 70 for step in range(7)]
    directory = tmp_path.joinpath(*names)
    directory.mkdir(parents=True)
    program = Path(shutil.copy2(TRUE, directory / "program"))
    assert len(os.fsencode(program)) > 1024
    (ran,) = events.run([program], cwd=directory)
    assert (ran.file.truncated, ran.cwd_truncated) == (True, True)
    assert ran.file.path.endswith(b"/" + names[-1].encode() + b"/program")
    assert os.fsencode(program).endswith(b"/" + ran.file.path)
    assert 1024 <= len(ran.file.path) <= 1024 + 256
    assert os.fsencode(directory).endswith(b"/" + ran.cwd)
    assert ran.filename == os.fsencode(program)[:1023]
    assert ran.filename_truncated


def test_longest_names_are_whole(events: KernelEvents, tmp_path: Path) -> None:
    program = Path(shutil.copy2(TRUE, tmp_path / ("n" * 255)))
    (ran,) = events.run([program])
    assert (ran.file.path, ran.file.truncated) == (os.fsencode(program), False)


def test_deep_path_is_marked(events: KernelEvents, tmp_path: Path) -> None:
    directory = tmp_path.joinpath(*["d"] * 70)
    directory.mkdir(parents=True)
    program = Path(shutil.copy2(TRUE, directory / "program"))
    (ran,) = events.run([program])
    assert ran.file.truncated
    assert ran.file.path == b"/".join([b"d"] * 63 + [b"program"])


def test_parent_and_source_come_with_their_paths(events: KernelEvents, program: Path, tmp_path: Path) -> None:
    shell = Path(shutil.copy2(os.path.realpath("/bin/sh"), tmp_path / "shell"))
    events.run([shell, "-c", "$0 forked; true", program])
    ran = next(r for r in events.records if getattr(r, "args", ())[1:] == (b"forked",))
    assert ran.parent == ran.source  # type: ignore[union-attr]
    assert ran.parent.path == os.fsencode(shell)  # type: ignore[union-attr]
    assert ran.parent.inode == shell.stat().st_ino  # type: ignore[union-attr]
