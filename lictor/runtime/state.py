"""Where the local runtime keeps its things, who may read them, and what is live right now.

The state folder is root's with group `lictor` (mode 0750), so that the unprivileged children can reach
their own folders below it and nobody else can; a project cloned under a closed home folder does not matter
to them::

    lock            held by the one `lictor up` that uses this state folder
    guardians       held by the guardian of every child, so that a run waits until those of the run before
    are gone runtime.json    addresses and pids of what is live, for other commands in other terminals logs/
    one log a child, the run's and the one before keys/           generated credentials, closed to the
    unprivileged user sockets/        Unix sockets between services, which the unprivileged user may create
    kafka/, elasticsearch/, ...   each child's own
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lictor.runtime import leash
from lictor.runtime.account import Account, unprivileged
from lictor.runtime.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNTIME_VERSION = 1
OUTWAIT_S = 30.0


def default_state(environ: Mapping[str, str] = os.environ) -> Path:
    """LICTOR_STATE, else /var/lib/lictor for root and the XDG state folder for others."""
    if chosen := environ.get("LICTOR_STATE"):
        return Path(chosen)
    if os.geteuid() == 0:
        return Path("/var/lib/lictor")
    return Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "lictor"


def default_cache(environ: Mapping[str, str] = os.environ) -> Path:
    """LICTOR_CACHE, else /var/cache/lictor for root and the XDG cache folder for others."""
    if chosen := environ.get("LICTOR_CACHE"):
        return Path(chosen)
    if os.geteuid() == 0:
        return Path("/var/cache/lictor")
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lictor"


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """What a running `lictor up` offers; None for what it does not run itself."""

    pid: int
    start_time: int
    boot_id: str
    bootstrap: str | None
    elasticsearch: str | None
    pids: dict[str, int]
    kafka_secured: bool = False
    """Whether the broker asks for names and passwords, those of `lictor.runtime.kafka_credentials`."""
    elasticsearch_secured: bool = False
    """The same of Elasticsearch, with those of `lictor.runtime.elasticsearch_credentials`."""


def write_atomically(path: Path, text: str, mode: int = 0o640) -> None:
    """Replace a file's content so that a reader sees the old or the new one, never a part."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
        if os.geteuid() == 0:
            os.fchown(file.fileno(), 0, path.parent.stat().st_gid)
    fresh.replace(path)


def boot_id() -> str:
    """This boot of this machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def start_time_of(pid: int) -> int | None:
    """Clock ticks from boot to the process's start; None when it is gone."""
    fields = leash.stat_fields(pid)
    return None if fields is None else fields[1]


class LocalState:
    """A state folder that this process holds; use it as a context manager."""

    def __init__(self, root: Path, account: Account | None) -> None:
        self.root = root
        self.account = account
        self.logs = root / "logs"
        self.keys = root / "keys"
        self.sockets = root / "sockets"
        self._lock: int | None = None

    @classmethod
    def at(cls, root: Path | None = None) -> LocalState:
        """The state in `root` (default: `default_state()`), with the account that its children run as."""
        return cls((root or default_state()).absolute(), unprivileged())

    @property
    def guardians(self) -> Path:
        """The file whose lock every child's guardian holds; give it to the supervisor."""
        return self.root / "guardians"

    def __enter__(self) -> Self:
        if self.root.exists() and not (self.root / "lock").exists() and any(self.root.iterdir()):
            msg = f"{self.root} has other things in it: name a new or empty folder with LICTOR_STATE"
            raise StateError(msg)
        self._make(self.root, 0o750)
        self._lock = self._take_lock()
        try:
            self._outwait_earlier_run()
            self._make(self.logs, 0o750)
            self._make(self.keys, 0o700)
            self._make(self.sockets, 0o750)
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.live_file.unlink(missing_ok=True)
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _make(self, path: Path, mode: int) -> None:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        if self.account is not None:
            os.chown(path, 0, self.account.gid)

    def _take_lock(self) -> int:
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            msg = (
                f"the state folder {self.root} is in use by process {holder or 'unknown'}: stop that one, "
                "or give this one a folder of its own with LICTOR_STATE"
            )
            raise StateError(msg) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return descriptor

    def _outwait_earlier_run(self) -> None:
        """After a crash the guardians end the children of that run; their data must not be opened before."""
        descriptor = os.open(self.guardians, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        deadline = time.monotonic() + OUTWAIT_S
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        msg = f"children of an earlier run on {self.root} did not end within {OUTWAIT_S:g} s"
                        raise StateError(msg) from None
                    time.sleep(0.05)
                else:
                    return
        finally:
            os.close(descriptor)

    def home_of(self, child: str) -> Path:
        """A child's folder: ours, entered but not written by the unprivileged user."""
        path = self.root / child
        self._make(path, 0o750)
        return path

    def folder(self, child: str, name: str, *, fresh: bool = False) -> Path:
        """A folder of the child's own in its home (mode 0700, the unprivileged user's), emptied if `fresh`.

        Never write into it as root afterwards: its owner could have put a link there.
        """
        path = self.home_of(child) / name
        if fresh and path.exists():
            shutil.rmtree(path)
        path.mkdir(mode=0o700, exist_ok=True)
        if self.account is not None:
            self.account.own(path)
        return path

    @property
    def live_file(self) -> Path:
        """Where `publish` writes."""
        return self.root / "runtime.json"

    def publish(
        self,
        *,
        bootstrap: str | None,
        elasticsearch: str | None,
        pids: Mapping[str, int],
        kafka_secured: bool = False,
        elasticsearch_secured: bool = False,
    ) -> None:
        """Tell other commands what is live; taken back when this state is left."""
        live = Live(
            pid=os.getpid(),
            start_time=start_time_of(os.getpid()) or 0,
            boot_id=boot_id(),
            bootstrap=bootstrap,
            elasticsearch=elasticsearch,
            pids=dict(pids),
            kafka_secured=kafka_secured,
            elasticsearch_secured=elasticsearch_secured,
        )
        text = json.dumps({"version": RUNTIME_VERSION, **asdict(live)}, indent=2)
        write_atomically(self.live_file, text + "\n")


def find_live(root: Path | None = None) -> Live | None:
    """What runs on this state folder now; None when nothing does, also after a crash or a reboot."""
    path = (root or default_state()) / "runtime.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if content.pop("version") != RUNTIME_VERSION:
        return None
    live = Live(**content)
    if live.boot_id != boot_id() or start_time_of(live.pid) != live.start_time:
        return None
    return live
