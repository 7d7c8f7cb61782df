"""Nothing that the lock file does not name is ever installed."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from lictor.runtime import artifacts
from lictor.runtime.errors import ArtifactError


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    """What Maven might have fetched, in small."""
    folder = tmp_path / "fetched"
    (folder / "kafka").mkdir(parents=True)
    (folder / "kafka" / "kafka_2.13-4.4.0.jar").write_bytes(b"jar")
    with zipfile.ZipFile(folder / "elasticsearch-9.5.3.zip", "w") as bundle:
        entry = zipfile.ZipInfo("elasticsearch-9.5.3/bin/elasticsearch")
        entry.external_attr = 0o100700 << 16
        bundle.writestr(entry, "#!/bin/sh\n")
    return folder


@pytest.fixture
def lock(tmp_path: Path, fetched: Path) -> Path:
    path = tmp_path / "artifacts.sha256"
    artifacts.write_lock(fetched, path)
    return path


@pytest.fixture
def maven(monkeypatch: pytest.MonkeyPatch, fetched: Path) -> None:
    """Stands for the network alone."""

    def copy(target: Path, _say: object) -> None:
        shutil.copytree(fetched, target, dirs_exist_ok=True)

    monkeypatch.setattr(artifacts, "maven", copy)


def test_lock_file_is_readable_by_sha256sum(fetched: Path, lock: Path) -> None:
    command = ["sha256sum", "--check", "--quiet", "--strict", str(lock)]
    assert subprocess.run(command, cwd=fetched, check=False, timeout=60).returncode == 0


def test_the_repository_locks_kafka_and_elasticsearch() -> None:
    locked = artifacts.read_lock()
    places = artifacts.places(Path("/cache"), locked)
    pom = artifacts.POM.read_text()
    assert f"<kafka.version>{places.kafka.name.removeprefix('kafka-')}<" in pom
    assert f"<elasticsearch.version>{places.elasticsearch.name.removeprefix('elasticsearch-')}<" in pom
    assert all(len(digest) == 64 for digest in locked.values())


def test_exact_content_passes(fetched: Path, lock: Path) -> None:
    artifacts.verify(fetched, artifacts.read_lock(lock))


def test_changed_file_is_refused_with_both_sums(fetched: Path, lock: Path) -> None:
    expected = artifacts.read_lock(lock)
    jar = fetched / "kafka" / "kafka_2.13-4.4.0.jar"
    jar.write_bytes(b"other jar")
    with pytest.raises(ArtifactError) as refusal:
        artifacts.verify(fetched, expected)
    assert artifacts.sha256(jar) in str(refusal.value)
    assert expected["kafka/kafka_2.13-4.4.0.jar"] in str(refusal.value)
    assert "nothing was installed" in str(refusal.value)


def test_missing_and_unlocked_files_are_both_named(fetched: Path, lock: Path) -> None:
    (fetched / "kafka" / "kafka_2.13-4.4.0.jar").rename(fetched / "kafka" / "surprise.jar")
    with pytest.raises(ArtifactError) as refusal:
        artifacts.verify(fetched, artifacts.read_lock(lock))
    assert "kafka/kafka_2.13-4.4.0.jar: missing" in str(refusal.value)
    assert "kafka/surprise.jar: not in the lock file" in str(refusal.value)


@pytest.mark.usefixtures("maven")
def test_fetch_installs_readable_files_and_is_idempotent(tmp_path: Path, lock: Path) -> None:
    said: list[str] = []
    found = artifacts.fetch(tmp_path / "cache", said.append, lock)
    assert (found.kafka / "kafka_2.13-4.4.0.jar").read_bytes() == b"jar"
    launcher = found.elasticsearch / "bin" / "elasticsearch"
    assert launcher.stat().st_mode & 0o777 == 0o744
    assert found == artifacts.locate(tmp_path / "cache", lock)
    said.clear()
    assert artifacts.fetch(tmp_path / "cache", said.append, lock) == found
    assert said == [f"Kafka and Elasticsearch are in {tmp_path / 'cache'}"]


@pytest.mark.usefixtures("maven")
def test_refused_fetch_leaves_nothing_behind(tmp_path: Path, fetched: Path, lock: Path) -> None:
    (fetched / "kafka" / "surprise.jar").write_bytes(b"")
    with pytest.raises(ArtifactError):
        artifacts.fetch(tmp_path / "cache", lambda _: None, lock)
    assert list((tmp_path / "cache").iterdir()) == []
    with pytest.raises(ArtifactError, match="make setup"):
        artifacts.locate(tmp_path / "cache", lock)


@pytest.mark.usefixtures("maven")
def test_cache_of_another_lock_file_is_not_used(tmp_path: Path, lock: Path) -> None:
    artifacts.fetch(tmp_path / "cache", lambda _: None, lock)
    lock.write_text(lock.read_text().replace(artifacts.read_lock(lock)["elasticsearch-9.5.3.zip"], "0" * 64))
    with pytest.raises(ArtifactError, match="make setup"):
        artifacts.locate(tmp_path / "cache", lock)


@pytest.mark.usefixtures("maven")
def test_removal_leaves_what_is_not_ours(tmp_path: Path, lock: Path) -> None:
    cache = tmp_path / "cache"
    artifacts.fetch(cache, lambda _: None, lock)
    (cache / "somebody-elses").write_text("")
    artifacts.remove(cache)
    assert [path.name for path in cache.iterdir()] == ["somebody-elses"]
