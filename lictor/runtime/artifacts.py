"""The servers' files.

Fetched by Maven, checked against the lock file in the repository, unpacked in the cache.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lictor.runtime.errors import ArtifactError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RUNTIME = Path(__file__).resolve().parents[2] / "compose" / "runtime"
POM = RUNTIME / "pom.xml"
LOCK = RUNTIME / "artifacts.sha256"
MAVEN_TIMEOUT_S = 900.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifacts:
    """Unpacked in the cache.

    A folder of Kafka's jars and Elasticsearch's home, each named with its version.
    """

    kafka: Path
    elasticsearch: Path


def sha256(path: Path) -> str:
    """The file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_lock(lock: Path = LOCK) -> dict[str, str]:
    """Relative path to SHA-256, from a file in the form of sha256sum(1)."""
    lines = (line.split(maxsplit=1) for line in lock.read_text(encoding="utf-8").splitlines())
    return {name.strip(): digest for digest, name in lines}


def write_lock(folder: Path, lock: Path = LOCK) -> None:
    """Lock what Maven fetched into `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{sha256(path)}  {path.relative_to(folder)}\n" for path in files]
    lock.write_text("".join(lines), encoding="utf-8")


def verify(folder: Path, expected: Mapping[str, str]) -> None:
    """Raise ArtifactError unless `folder` holds exactly the locked files with the locked content."""
    found = {str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file()}
    wrong = [f"{name}: missing" for name in expected.keys() - found.keys()]
    wrong += [f"{name}: not in the lock file" for name in found.keys() - expected.keys()]
    wrong += [
        f"{name}: sha256 is {found[name]}, the lock file says {expected[name]}"
        for name in expected.keys() & found.keys()
        if found[name] != expected[name]
    ]
    if wrong:
        listed = "\n  ".join(sorted(wrong))
        msg = (
            f"what Maven fetched is not what {LOCK.name} locks, so nothing was installed:\n  {listed}\n"
            "Check the Maven mirror; after an intended change of version run "
            "`python -m lictor.runtime.setup lock` and review the difference"
        )
        raise ArtifactError(msg)


def version_of(expected: Mapping[str, str], pattern: str) -> str:
    """The version in the one locked name that matches."""
    for name in expected:
        if match := re.fullmatch(pattern, name):
            return match.group(1)
    msg = f"{LOCK.name} locks no file like {pattern}: run `python -m lictor.runtime.setup lock`"
    raise ArtifactError(msg)


def places(cache: Path, expected: Mapping[str, str]) -> Artifacts:
    """Where the locked versions are, or will be, in the cache."""
    kafka = version_of(expected, r"kafka/kafka_2\.13-(.+)\.jar")
    elasticsearch = version_of(expected, r"elasticsearch-(.+)\.zip")
    return Artifacts(kafka=cache / f"kafka-{kafka}", elasticsearch=cache / f"elasticsearch-{elasticsearch}")


def stamp(cache: Path) -> Path:
    """The file that says which lock file the cache was filled from."""
    return cache / "artifacts.sha256"


def locate(cache: Path, lock: Path = LOCK) -> Artifacts:
    """The unpacked artifacts; raises ArtifactError when the cache does not hold what is locked."""
    found = places(cache, read_lock(lock))
    filled = stamp(cache)
    if not filled.is_file() or filled.read_bytes() != lock.read_bytes():
        msg = f"Kafka and Elasticsearch are not set up in {cache}: run `make setup`"
        raise ArtifactError(msg)
    return found


def maven(target: Path, say: Callable[[str], None]) -> None:
    """Let Maven copy everything into `target`, with a repository of its own that is removed afterwards."""
    program = shutil.which("mvn")
    if program is None:
        msg = "Maven is not installed: run `make setup` as root, or apt-get install maven"
        raise ArtifactError(msg)
    say("fetching Kafka and Elasticsearch with Maven (about 180 MB)")
    with tempfile.TemporaryDirectory(prefix="maven-", dir=target.parent) as repository:
        command = [program, "-B", "-q", "-f", str(POM), f"-Dmaven.repo.local={repository}"]
        command += [f"-Dlictor.target={target}", "package"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=MAVEN_TIMEOUT_S, check=False, cwd=target
            )
        except subprocess.TimeoutExpired as expired:
            msg = f"Maven did not finish within {MAVEN_TIMEOUT_S:g} s: check the network, then try again"
            raise ArtifactError(msg) from expired
    if done.returncode != 0:
        msg = (
            f"Maven failed; check the network and your Maven settings, then try again:\n{done.stdout[-2000:]}"
        )
        raise ArtifactError(msg)


def unpack(archive: Path, target: Path) -> None:
    """Unpack a zip whose content is one folder, as `target`, with its modes."""
    inner = target.with_name(target.name + ".unpacking")
    with zipfile.ZipFile(archive) as bundle:
        for entry in bundle.infolist():
            path = Path(bundle.extract(entry, inner))
            if mode := entry.external_attr >> 16 & 0o777:
                path.chmod(mode)
    (content,) = inner.iterdir()
    content.rename(target)
    inner.rmdir()


def open_to_all(folder: Path) -> None:
    """Let the unprivileged user read everything, whatever the umask was."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def fetch(cache: Path, say: Callable[[str], None], lock: Path = LOCK) -> Artifacts:
    """Fill the cache if it is not filled yet: all or nothing, never with an unverified file."""
    expected = read_lock(lock)
    found = places(cache, expected)
    if stamp(cache).is_file() and stamp(cache).read_bytes() == lock.read_bytes():
        say(f"Kafka and Elasticsearch are in {cache}")
        return found
    cache.mkdir(parents=True, exist_ok=True)
    cache.chmod(0o755)
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=cache) as scratch:
        target = Path(scratch) / "fetched"
        target.mkdir()
        maven(target, say)
        verify(target, expected)
        say(f"unpacking into {cache}")
        unpack(target / f"{found.elasticsearch.name}.zip", target / found.elasticsearch.name)
        for fresh, place in (
            (target / "kafka", found.kafka),
            (target / found.elasticsearch.name, found.elasticsearch),
        ):
            open_to_all(fresh)
            if place.exists():
                shutil.rmtree(place)
            fresh.rename(place)
    filled = stamp(cache).with_suffix(".fresh")
    shutil.copyfile(lock, filled)
    filled.replace(stamp(cache))
    return found


def remove(cache: Path) -> None:
    """Remove what `fetch` put into the cache, and the folder if nothing else is in it."""
    for path in cache.iterdir():
        if path.is_dir() and path.name.startswith(("kafka-", "elasticsearch-", "fetching-")):
            shutil.rmtree(path)
    stamp(cache).unlink(missing_ok=True)
    if not any(cache.iterdir()):
        cache.rmdir()


def relock(say: Callable[[str], None]) -> None:
    """Fetch what the pom names and lock it: for after a change of version."""
    with tempfile.TemporaryDirectory(prefix="lictor-lock-") as scratch:
        target = Path(scratch) / "fetched"
        target.mkdir()
        maven(target, say)
        write_lock(target)
    say(f"wrote {LOCK}: review the difference before you commit it")
