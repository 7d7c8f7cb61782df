"""Installs the Debian packages that Lictor needs: ``python3 -m lictor.runtime.system_packages``.

Only the standard library, and any Python 3.11: it runs before there is a virtual environment.
"""

from __future__ import annotations

# ruff: noqa: T201 - a command that prints
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

from lictor.runtime import java
from lictor.runtime.errors import NoJdkError, PackageError

APT_TIMEOUT_S = 1800.0
QUERY_TIMEOUT_S = 60.0
JDK_PACKAGES = ("openjdk-21-jdk-headless", "openjdk-25-jdk-headless")
KAFKA_JDK_PACKAGE = "openjdk-17-jdk-headless"


@dataclass(frozen=True, kw_only=True, slots=True)
class SystemPackage:
    """A package and what it is for."""

    name: str
    reason: str


PACKAGES = (
    SystemPackage(name="python3-venv", reason="the virtual environment"),
    SystemPackage(name="python3-bpfcc", reason="the sensor's compiler and loader of eBPF programs"),
    SystemPackage(name="maven", reason="fetches Kafka and Elasticsearch"),
    SystemPackage(name="runc", reason="runs the sample workload"),
    SystemPackage(name="mmdebstrap", reason="makes the sample workload's root file system"),
    SystemPackage(name="openssl", reason="makes the certificates of the local servers"),
    SystemPackage(name="iproute2", reason="the sample workload's network namespace"),
)


def say(text: str) -> None:
    """One line on what is done."""
    print(f"system packages: {text}", flush=True)


def query(*command: str) -> str:
    """Output of a command that only looks, empty when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=QUERY_TIMEOUT_S, check=False)
    return done.stdout if done.returncode == 0 else ""


def is_installed(name: str) -> bool:
    """Whether dpkg has the package in full."""
    return query("dpkg-query", "-W", "-f", "${Status}", name) == "install ok installed"


def is_offered(name: str) -> bool:
    """Whether apt could install the package."""
    lines = query("apt-cache", "policy", name).splitlines()
    return any(line.strip().startswith("Candidate:") and "(none)" not in line for line in lines)


def serves(requirement: java.Requirement) -> bool:
    """Whether a JDK on this machine already does."""
    try:
        java.find(requirement)
    except NoJdkError:
        return False
    return True


def jdk_to_install() -> SystemPackage | None:
    """The JDK to install.

    None if one serves Elasticsearch, else one that will, else one for Kafka if it has none.
    """
    if serves(java.ELASTICSEARCH):
        return None
    for name in JDK_PACKAGES:
        if is_offered(name):
            return SystemPackage(name=name, reason="runs Kafka and Elasticsearch")
    if serves(java.KAFKA):
        return None
    return SystemPackage(name=KAFKA_JDK_PACKAGE, reason="runs Kafka (Elasticsearch needs a newer one)")


def missing() -> list[SystemPackage]:
    """What there is to install; raises PackageError where there is no apt."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-query") is None:
        wanted = ", ".join(f"{package.name} ({package.reason})" for package in PACKAGES)
        msg = f"this machine has no apt: install what corresponds to {wanted} and a JDK 21 or newer by hand"
        raise PackageError(msg)
    absent = [package for package in PACKAGES if not is_installed(package.name)]
    jdk = jdk_to_install()
    return absent if jdk is None else [*absent, jdk]


def apt_get(*arguments: str) -> None:
    """Run apt-get, showing its output; raises PackageError when it fails."""
    command = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, timeout=APT_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        msg = f"`{' '.join(command)}` failed, see above: mend that, then try again"
        raise PackageError(msg)


def install() -> None:
    """Install what is missing, saying what and why; nothing when nothing is."""
    absent = missing()
    if (absent or not serves(java.ELASTICSEARCH)) and not is_offered(PACKAGES[0].name) and os.geteuid() == 0:
        say("apt has no package lists yet, fetching them")
        apt_get("update")
        absent = missing()
    for package in absent:
        say(f"to install: {package.name} ({package.reason})")
    names = [package.name for package in absent]
    if absent and os.geteuid() != 0:
        msg = f"only root may install packages: run `sudo apt-get install {' '.join(names)}`, then try again"
        raise PackageError(msg)
    if absent:
        apt_get("update")
        apt_get("install", "--no-install-recommends", *names)
    else:
        say("nothing to install")
    if not serves(java.ELASTICSEARCH):
        say(f"this distribution has no JDK for Elasticsearch; for it, {java.ELASTICSEARCH.remedy}")


def main() -> int:
    """Install; 3 with a sentence on what to do when that fails."""
    try:
        install()
    except (PackageError, subprocess.TimeoutExpired) as error:
        print(f"system packages: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
