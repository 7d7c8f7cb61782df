"""The sample's root file system: built once, complete or absent, small, and what the policy speaks of."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml

from lictor.sample import rootfs
from lictor.sample.documents import POLICY_FILE
from lictor.sample.errors import SampleError
from lictor.sample.rootfs import build_rootfs

needs_mmdebstrap = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mmdebstrap") is None, reason="building needs root and mmdebstrap"
)


def drop(_line: str) -> None:
    """Nobody reads the progress here."""


@needs_mmdebstrap
def test_is_built_once_trimmed_and_with_its_site(tmp_path: Path) -> None:
    lines: list[str] = []
    root = build_rootfs(lines.append, cache=tmp_path)
    assert lines
    built = root.stat().st_ino
    lines.clear()
    assert build_rootfs(lines.append, cache=tmp_path) == root
    assert (root.stat().st_ino, lines) == (built, [])
    assert os.access(root / "usr/lib/cgi-bin/ping", os.X_OK)
    assert (root / "var/www/html/index.html").read_bytes()
    assert not list((root / "usr/share").glob("man*"))
    assert not list((root / "usr/bin").glob("perl*"))
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_dir()] == [root.name]


@needs_mmdebstrap
def test_a_failed_build_leaves_nothing_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        rootfs, "distribution_sources", lambda: [f"deb file://{tmp_path}/no-archive stable main"]
    )
    with pytest.raises(SampleError, match="no-archive"):
        build_rootfs(drop, cache=tmp_path)
    assert not [entry for entry in tmp_path.iterdir() if entry.is_dir()]


@needs_mmdebstrap
def test_what_a_killed_builder_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leftover = tmp_path / "sample-rootfs-unfinished-x" / "root"
    leftover.mkdir(parents=True)
    monkeypatch.setattr(
        rootfs, "distribution_sources", lambda: [f"deb file://{tmp_path}/no-archive stable main"]
    )
    with pytest.raises(SampleError):
        build_rootfs(drop, cache=tmp_path)
    assert not leftover.parent.exists()


def test_a_changed_recipe_is_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    before = rootfs._recipe_hash("bookworm")
    assert rootfs._recipe_hash("trixie") != before
    monkeypatch.setattr(rootfs, "_site_file", lambda _name: b"another page")
    assert rootfs._recipe_hash("bookworm") != before


@pytest.mark.skipif(os.geteuid() != 0, reason="without root another sentence comes first")
def test_without_mmdebstrap_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SampleError, match="apt-get install mmdebstrap"):
        build_rootfs(drop, cache=tmp_path / "cache")


@needs_mmdebstrap
def test_every_path_of_the_policy_is_a_file_and_no_link() -> None:
    root = build_rootfs(drop)
    rules = yaml.safe_load(POLICY_FILE.read_text())["spec"]["process"]["matchPaths"]
    paths = {rule["path"] for rule in rules}
    paths |= {source["path"] for rule in rules for source in rule.get("fromSource", [])}
    assert paths == {"/usr/sbin/apache2", "/usr/lib/cgi-bin/ping", "/usr/bin/dash", "/usr/bin/ping"}
    for path in paths:
        file = root / path.lstrip("/")
        assert file.is_file()
        assert file.resolve() == file
    # What makes the policy that it descends from fail here:
    assert (root / "bin").is_symlink()
    assert (root / "bin/sh").resolve() == root / "usr/bin/dash"
