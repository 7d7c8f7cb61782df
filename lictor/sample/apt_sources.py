"""The package archives that this machine already uses, so that the sample comes from them and no other."""

from __future__ import annotations

import platform
import subprocess

from lictor.sample.errors import SampleError

APT_TIMEOUT_S = 60.0


def distribution_codename() -> str:
    """``VERSION_CODENAME`` of the running distribution, as ``bookworm``."""
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME")
    if not codename:
        raise SampleError("/etc/os-release names no VERSION_CODENAME: the sample needs Debian or Ubuntu")
    return codename


def distribution_sources() -> list[str]:
    """One-line apt sources of the distribution's own archives, as apt has them configured and verified.

    Archives of others (a vendor's browser, say) are left out by the ``Origin`` of their signed Release file,
    which is the distribution's name. Raises :class:`SampleError` when none is left.
    """
    distribution = platform.freedesktop_os_release().get("ID", "")
    targets = _apt(
        "apt-get",
        "indextargets",
        "--format",
        "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)",
        "Identifier: Packages",
    )
    components: dict[tuple[str, str], list[str]] = {}
    for line in targets.splitlines():
        origin, uri, release, component = line.split("|", 3)
        if origin.lower() != distribution.lower():
            continue
        found = components.setdefault((uri, release), [])
        if component not in found:
            found.append(component)
    if not components:
        name = distribution or "unknown"
        raise SampleError(
            f"apt knows no package list of the distribution ({name}): run `apt-get update` first"
        )
    return [f"deb {uri} {release} {' '.join(found)}" for (uri, release), found in components.items()]


def fetch_options() -> list[str]:
    """How the host's apt fetches (proxies, certificates), as options for another apt."""
    dump = _apt(
        "apt-config", "dump", "--no-empty", "--format", '%f "%v"%n', "Acquire::http", "Acquire::https"
    )
    return [line for line in dump.splitlines() if line.strip()]


def _apt(*command: str) -> str:
    try:
        finished = subprocess.run(command, check=False, capture_output=True, text=True, timeout=APT_TIMEOUT_S)
    except FileNotFoundError:
        raise SampleError(f"{command[0]} is not installed: the sample needs Debian or Ubuntu") from None
    except subprocess.TimeoutExpired:
        raise SampleError(f"{command[0]} did not answer within {APT_TIMEOUT_S:.0f} s") from None
    if finished.returncode != 0:
        raise SampleError(f"{' '.join(command[:2])} failed: {finished.stderr.strip()}")
    return finished.stdout
