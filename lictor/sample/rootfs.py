"""The root file system of the sample's container: a web server and a few programs, and the sample's site.

The programs (Apache, ping, dash, bash, coreutils) are packages of the host's own distribution.
:func:`build_rootfs` unpacks Debian packages with mmdebstrap (variant ``extract``: no maintainer script runs),
lays the site over them and puts the result in place with one rename. Its folder is named after the recipe:
a changed recipe is another folder, and what stands there is complete. About 5 to 15 s, below 100 MB.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from lictor.sample.apt_sources import distribution_codename, distribution_sources, fetch_options
from lictor.sample.errors import SampleError

PACKAGES = ("apache2-bin", "base-files", "bash", "coreutils", "dash", "iputils-ping")
"""What is unpacked, with hard dependencies. ``apache2`` itself would add a configuration that is not used."""

SITE = {
    "apache2.conf": ("etc/apache2/apache2.conf", 0o644),
    "index.html": ("var/www/html/index.html", 0o644),
    "ping": ("usr/lib/cgi-bin/ping", 0o755),
}
"""Package data under ``site/`` to its path in the root file system, with its mode."""

TRIMMED = (
    "usr/share/doc",
    "usr/share/i18n",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/perl*",
    "usr/share/zoneinfo",
    "usr/lib/*/gconv",
    "usr/lib/*/perl*",
    "usr/bin/perl*",
    "var/cache/*",
    "var/lib/apt",
    "var/lib/dpkg",
)
"""Removed: nobody reads manuals in there, and perl is a dependency of Apache's maintainer tools only."""

ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/usr/sbin/nologin\n"
    "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nwww-data:x:33:\n",
    "etc/hosts": "127.0.0.1 localhost dvwa-web\n",
    "etc/hostname": "dvwa-web\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
"""Written as they are: maintainer scripts, which would have made the accounts, do not run."""

MOUNT_POINTS = ("dev", "proc", "run", "sys", "tmp", "var/log/apache2")

REVISION = 1
"""Raised when what :func:`build_rootfs` does changes without its data changing."""

BUILD_TIMEOUT_S = 600.0

Log = Callable[[str], None]


def cache_folder() -> Path:
    """Where built things are kept: ``LICTOR_CACHE``, else ``/var/cache/lictor``."""
    return Path(os.environ.get("LICTOR_CACHE") or "/var/cache/lictor")


def build_rootfs(log: Log, *, cache: Path | None = None) -> Path:
    """Return the folder of a complete root file system of the present recipe, built if it is not there yet.

    ``log`` receives one line of progress at a time. Two callers at once build once. Raises
    :class:`SampleError` without root or mmdebstrap, without usable apt sources, and when unpacking fails.
    """
    folder = cache or cache_folder()
    codename = distribution_codename()
    place = folder / f"sample-rootfs-{_recipe_hash(codename)}"
    if place.is_dir():
        return place
    if os.geteuid() != 0:
        raise SampleError("the sample's root file system can only be built by root")
    if shutil.which("mmdebstrap") is None:
        raise SampleError(
            "mmdebstrap is not installed: `make setup` installs it, or `apt-get install mmdebstrap`"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with _building_lock(folder):
        if place.is_dir():
            return place
        _remove_unfinished(folder)
        unfinished = Path(tempfile.mkdtemp(prefix="sample-rootfs-unfinished-", dir=folder))
        try:
            root = unfinished / "root"
            _unpack(root, codename, log)
            _trim(root)
            _lay_site(root)
            root.rename(place)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    log(f"the sample's root file system is ready: {place}")
    return place


def _recipe_hash(codename: str) -> str:
    """Name what would be built: any change of packages, site, accounts or distribution changes it."""
    digest = hashlib.sha256()
    recipe = (
        REVISION,
        codename,
        PACKAGES,
        TRIMMED,
        MOUNT_POINTS,
        sorted(ACCOUNTS.items()),
        sorted(SITE.items()),
    )
    digest.update(repr(recipe).encode())
    for name in sorted(SITE):
        digest.update(_site_file(name))
    return digest.hexdigest()[:16]


def _site_file(name: str) -> bytes:
    return (resources.files("lictor.sample") / "site" / name).read_bytes()


@contextmanager
def _building_lock(folder: Path) -> Iterator[None]:
    with (folder / "sample-rootfs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def remove_rootfs(cache: Path) -> None:
    """Remove every root file system that was built into this cache, of older recipes too."""
    for folder in cache.glob("sample-rootfs-*"):
        shutil.rmtree(folder)
    (cache / "sample-rootfs.lock").unlink(missing_ok=True)


def _remove_unfinished(folder: Path) -> None:
    """Remove what a killed builder left. The caller holds the building lock, so none of it is in use."""
    for leftover in folder.glob("sample-rootfs-unfinished-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _unpack(root: Path, codename: str, log: Log) -> None:
    sources = distribution_sources()
    command = [
        "mmdebstrap",
        "--mode=root",
        "--variant=extract",
        "--format=directory",
        f"--include={','.join(PACKAGES)}",
        *(f"--aptopt={option}" for option in ('Acquire::Languages "none"', *fetch_options())),
    ]
    if Path("/bin").is_symlink():
        command.append("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr")
    command += [codename, str(root), *sources]
    log(f"unpacking {', '.join(PACKAGES)} from the {codename} package archive (once)")
    with tempfile.TemporaryFile() as output:
        try:
            finished = subprocess.run(
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=BUILD_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            raise SampleError(f"mmdebstrap did not finish within {BUILD_TIMEOUT_S:.0f} s") from None
        if finished.returncode != 0:
            output.seek(0)
            tail = output.read().decode(errors="replace").strip().splitlines()[-12:]
            raise SampleError(
                "mmdebstrap could not unpack the sample's packages; does `apt-get update` work here? "
                "It said:\n  " + "\n  ".join(tail)
            )


def _trim(root: Path) -> None:
    for pattern in TRIMMED:
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _lay_site(root: Path) -> None:
    for relative in MOUNT_POINTS:
        _make_folder(root / relative)
    for relative, text in ACCOUNTS.items():
        _write(root / relative, text.encode(), 0o644)
    for name, (relative, mode) in SITE.items():
        _write(root / relative, _site_file(name), mode)


def _make_folder(path: Path) -> None:
    """Make what is missing of it, readable for www-data whatever the umask of this process."""
    if not path.is_dir():
        _make_folder(path.parent)
        path.mkdir()
        path.chmod(0o755)


def _write(path: Path, content: bytes, mode: int) -> None:
    _make_folder(path.parent)
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
