"""Finds a JDK that fits: Kafka needs 17, Elasticsearch 9 needs 21 with the incubating vector module."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lictor.runtime.errors import NoJdkError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

JVM_FOLDER = Path("/usr/lib/jvm")
VECTOR_MODULE = "jdk.incubator.vector"
RUN_TIMEOUT_S = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Jdk:
    """An installed JDK: its folder, feature version (17, 21, ...), full version and modules."""

    home: Path
    version: int
    full_version: str
    modules: frozenset[str]

    @property
    def java(self) -> Path:
        """The launcher."""
        return self.home / "bin" / "java"


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """What a server needs of its JDK."""

    server: str
    version: int
    modules: frozenset[str] = frozenset()
    remedy: str

    def missing(self, jdk: Jdk) -> str | None:
        """Why this JDK does not do; None when it does."""
        if jdk.version < self.version:
            return f"is version {jdk.version}"
        absent = sorted(self.modules - jdk.modules)
        return f"lacks {', '.join(absent)}" if absent else None


KAFKA = Requirement(
    server="Kafka",
    version=17,
    remedy="apt-get install openjdk-17-jdk-headless, or use a broker of your own with --bootstrap HOST:PORT",
)
ELASTICSEARCH = Requirement(
    server="Elasticsearch",
    version=21,
    modules=frozenset({VECTOR_MODULE}),
    remedy="install one (openjdk-21-jdk-headless where the distribution has it, else a build from "
    "adoptium.net), point LICTOR_JAVA_HOME at it, or use a server of your own with --elasticsearch URL",
)


def feature_version(text: str) -> int | None:
    """The feature version in a version string: '17.0.15' is 17, '1.8.0_402' is 8, '25-ea' is 25."""
    match = re.match(r"(?:1\.)?(\d+)", text)
    return int(match.group(1)) if match else None


def parse_release(text: str) -> tuple[str, frozenset[str]] | None:
    """Full version and modules from a JDK's `release` file; None when it does not name both."""
    fields = dict(re.findall(r'^([A-Z_]+)="?([^"\n]*)"?$', text, flags=re.MULTILINE))
    if "JAVA_VERSION" not in fields or "MODULES" not in fields:
        return None
    return fields["JAVA_VERSION"], frozenset(fields["MODULES"].split())


def ask(java: Path) -> tuple[str, frozenset[str]] | None:
    """Full version and modules by running the launcher; None when it does not run."""
    try:
        version = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=True
        )
        modules = subprocess.run(
            [java, "--list-modules"], capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "([^"]+)"', version.stderr + version.stdout)
    if match is None:
        return None
    return match.group(1), frozenset(line.partition("@")[0] for line in modules.stdout.split())


def inspect(home: Path) -> Jdk | None:
    """The JDK in this folder; None when there is none."""
    java = home / "bin" / "java"
    if not java.is_file() or not os.access(java, os.X_OK):
        return None
    release = home / "release"
    facts = (
        parse_release(release.read_text(encoding="utf-8", errors="replace")) if release.is_file() else None
    )
    facts = facts or ask(java)
    if facts is None:
        return None
    version = feature_version(facts[0])
    if version is None:
        return None
    return Jdk(home=home, version=version, full_version=facts[0], modules=facts[1])


def candidates(environ: Mapping[str, str], jvm_folder: Path = JVM_FOLDER) -> list[Path]:
    """Folders to look into: LICTOR_JAVA_HOME alone if set.

    Else JAVA_HOME, then the distribution's JVM folder.
    """
    if chosen := environ.get("LICTOR_JAVA_HOME"):
        return [Path(chosen)]
    homes = [Path(environ["JAVA_HOME"])] if environ.get("JAVA_HOME") else []
    if jvm_folder.is_dir():
        homes.extend(sorted(jvm_folder.iterdir()))
    return homes


def installed(homes: Iterable[Path]) -> list[Jdk]:
    """Every JDK in these folders, in their order, each once however many links lead to it."""
    found = {home.resolve(): inspect(home.resolve()) for home in homes}
    return [jdk for jdk in found.values() if jdk is not None]


def find(
    requirement: Requirement, environ: Mapping[str, str] = os.environ, jvm_folder: Path = JVM_FOLDER
) -> Jdk:
    """The first JDK that fits, JAVA_HOME before the newest of the JVM folder.

    Raises NoJdkError, which names every JDK seen and why it does not do.
    """
    jdks = installed(candidates(environ, jvm_folder))
    preferred = environ.get("JAVA_HOME")
    jdks.sort(key=lambda jdk: (preferred is None or jdk.home != Path(preferred).resolve(), -jdk.version))
    for jdk in jdks:
        if requirement.missing(jdk) is None:
            return jdk
    needs = f"Java {requirement.version} or newer" + "".join(
        f" with {module}" for module in requirement.modules
    )
    seen = "; ".join(f"{jdk.home} {requirement.missing(jdk)}" for jdk in jdks) or "none found"
    msg = f"{requirement.server} needs {needs} ({seen}): {requirement.remedy}"
    raise NoJdkError(msg)
