from __future__ import annotations

import os
from pathlib import Path

import pytest

from workloads.cgroup_paths import CgroupPaths, NoCgroup2Error, find_cgroup2


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    folder = tmp_path / "cgroup"
    folder.mkdir()
    return folder


def make(mount: Path, path: str) -> int:
    folder = mount / path.lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.stat().st_ino


def process(tmp_path: Path, pid: int, cgroup: bytes) -> None:
    folder = tmp_path / "proc" / str(pid)
    folder.mkdir(parents=True)
    (folder / "cgroup").write_bytes(b"4:memory:/elsewhere\n0::" + cgroup + b"\n")


def test_root_and_nested(mount: Path) -> None:
    deep = make(mount, "/a/b/c")
    paths = CgroupPaths(mount)
    assert paths.path(mount.stat().st_ino) == "/"
    assert paths.path(deep) == "/a/b/c"


def test_new_cgroup_is_found_and_walks_are_paced(mount: Path) -> None:
    clock = Clock()
    paths = CgroupPaths(mount, clock=clock)
    assert paths.path(1) is None
    inode = make(mount, "/late")
    assert paths.path(inode) is None, "walked again at once"
    clock.now += 1
    assert paths.path(inode) == "/late"


def test_removed_cgroup_is_still_known(mount: Path) -> None:
    inode = make(mount, "/gone")
    paths = CgroupPaths(mount)
    assert paths.path(inode) == "/gone"
    (mount / "gone").rmdir()
    assert paths.path(inode) == "/gone"


def test_never_seen_and_gone_is_unknown(mount: Path) -> None:
    inode = make(mount, "/gone")
    (mount / "gone").rmdir()
    assert CgroupPaths(mount).path(inode) is None


def test_process_is_asked_without_a_walk(mount: Path, tmp_path: Path) -> None:
    clock = Clock()
    paths = CgroupPaths(mount, proc=tmp_path / "proc", clock=clock)
    assert paths.path(1) is None  # uses up the walk
    inode = make(mount, "/web")
    process(tmp_path, 42, b"/web")
    assert paths.path(inode, 42) == "/web"


def test_process_that_moved_away_is_not_believed(mount: Path, tmp_path: Path) -> None:
    clock = Clock()
    paths = CgroupPaths(mount, proc=tmp_path / "proc", clock=clock)
    make(mount, "/other")
    process(tmp_path, 42, b"/other")
    assert paths.path(999_999_999, 42) is None
    process(tmp_path, 43, b"/not-there (deleted)")
    assert paths.path(999_999_999, 43) is None


def test_names_that_are_not_utf8_or_hold_backslashes(mount: Path) -> None:
    raw = mount / os.fsdecode(b"x\xff")
    raw.mkdir()
    escaped = make(mount, "/system-x\\x2dy.slice")
    paths = CgroupPaths(mount)
    assert paths.path(raw.stat().st_ino) == "/x\\xff"
    assert paths.path(escaped) == "/system-x\\\\x2dy.slice"


def test_bounded_and_shallow_first(mount: Path) -> None:
    shallow = [make(mount, f"/s{i}") for i in range(3)]
    for i in range(20):
        make(mount, f"/s0/made/{i}")
    paths = CgroupPaths(mount, known=5)
    assert [paths.path(inode) for inode in shallow] == ["/s0", "/s1", "/s2"]
    assert len(paths._paths) <= 5


def test_path_of_process(mount: Path, tmp_path: Path) -> None:
    process(tmp_path, 42, b"/web")
    paths = CgroupPaths(mount, proc=tmp_path / "proc")
    assert paths.path_of_process(42) == "/web"
    assert paths.path_of_process(43) is None


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw", "/sys/fs/cgroup/unified"),
        ("41 31 0:38 / /sys/fs/cgroup rw shared:1 - cgroup2 none rw", "/sys/fs/cgroup"),
        ("41 31 0:38 / /mnt/a\\040b rw - cgroup2 none rw", "/mnt/a b"),
    ],
)
def test_find_cgroup2(tmp_path: Path, line: str, found: str) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(f"30 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n{line}\n")
    assert find_cgroup2(mountinfo) == Path(found)


def test_no_cgroup2(tmp_path: Path) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text("30 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n")
    with pytest.raises(NoCgroup2Error, match="mount -t cgroup2"):
        find_cgroup2(mountinfo)


def test_this_process_on_this_machine() -> None:
    try:
        mount = find_cgroup2()
    except NoCgroup2Error as error:
        pytest.skip(str(error))
    paths = CgroupPaths(mount)
    own = paths.path_of_process(os.getpid())
    assert own is not None
    folder = mount / own.lstrip("/")
    if not folder.is_dir():
        pytest.skip("this process's cgroup lies outside the cgroup namespace's mount")
    assert paths.path(folder.stat().st_ino, os.getpid()) == own
