"""Makes the distribution's bcc importable here: ``python -m lictor.runtime.bcc_link``.

bcc comes with the distribution, beside its compiler libraries; the package of that name on PyPI is
something else. One link shows that one package to the virtual environment, and no other.
"""

from __future__ import annotations

# ruff: noqa: T201 - a command that prints
import sys
import sysconfig
from pathlib import Path

DISTRIBUTION = Path("/usr/lib/python3/dist-packages/bcc")


def link(target: Path, place: Path) -> str:
    """Point `place` at `target`, whatever link stood there; returns what was done."""
    if not target.is_dir():
        return f"no {target}: the sensor cannot run here, everything else can (Debian: python3-bpfcc)"
    if place.is_symlink():
        if place.readlink() == target:
            return f"{place} already leads to {target}"
        place.unlink()
    elif place.exists():
        return f"{place} is not a link of ours: left as it is; remove it if it is PyPI's bcc"
    place.symlink_to(target)
    return f"{place} leads to {target}"


def main() -> int:
    """Link into the environment of the running interpreter."""
    if sys.prefix == sys.base_prefix:
        print("setup: bcc_link is for a virtual environment; run it with .venv/bin/python", file=sys.stderr)
        return 2
    print(f"setup: {link(DISTRIBUTION, Path(sysconfig.get_path('purelib')) / 'bcc')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
