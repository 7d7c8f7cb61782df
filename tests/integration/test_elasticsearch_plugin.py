"""The plugin that the index of API keys needs, compiled against the real distribution."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from lictor.runtime import artifacts, elasticsearch_plugin, java
from lictor.runtime.errors import ArtifactError, NoJdkError
from lictor.runtime.java import Jdk
from lictor.runtime.state import default_cache


@pytest.fixture
def jdk() -> Jdk:
    try:
        return java.find(java.ELASTICSEARCH)
    except NoJdkError as error:
        pytest.skip(str(error))


@pytest.fixture
def distribution(tmp_path: Path) -> Path:
    """A folder that is the distribution as far as the plugin sees it."""
    try:
        found = artifacts.locate(default_cache()).elasticsearch
    except ArtifactError as error:
        pytest.skip(str(error))
    folder = tmp_path / found.name
    (folder / "plugins").mkdir(parents=True)
    (folder / "lib").symlink_to(found / "lib")
    return folder


def test_plugin_is_compiled_once_and_again_after_a_change(distribution: Path, jdk: Jdk) -> None:
    umask = os.umask(0o077)
    try:
        folder = elasticsearch_plugin.ensure(distribution, jdk)
    finally:
        os.umask(umask)
    (jar,) = folder.glob("*.jar")
    descriptor = (folder / "plugin-descriptor.properties").read_text()
    assert f"elasticsearch.version={distribution.name.removeprefix('elasticsearch-')}\n" in descriptor
    assert {path.stat().st_mode & 0o444 for path in (folder, *folder.iterdir())} == {0o444}
    before = jar.stat()
    assert elasticsearch_plugin.ensure(distribution, jdk) == folder
    assert jar.stat() == before
    jar.rename(folder / "of-another-release.jar")
    elasticsearch_plugin.ensure(distribution, jdk)
    assert [path.name for path in folder.glob("*.jar")] == [jar.name]
    assert sorted(path.name for path in distribution.iterdir()) == ["lib", "plugins"]


def test_what_cannot_be_compiled_is_said(distribution: Path, jdk: Jdk, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="whole JDK"):
        elasticsearch_plugin.ensure(distribution, replace(jdk, home=tmp_path))
    (distribution / "lib").unlink()
    (distribution / "lib").mkdir()
    with pytest.raises(ArtifactError, match="does not compile"):
        elasticsearch_plugin.ensure(distribution, jdk)
    assert list((distribution / "plugins").iterdir()) == []


def test_a_distribution_that_cannot_be_written_sends_to_setup(distribution: Path, jdk: Jdk) -> None:
    (distribution / "plugins").rmdir()
    (distribution / "plugins").touch()
    with pytest.raises(ArtifactError, match="Run `make setup`"):
        elasticsearch_plugin.ensure(distribution, jdk)
    assert sorted(path.name for path in distribution.iterdir()) == ["lib", "plugins"]
