"""How the signaller is started: socket first, then down to two capabilities, then it serves.

`python -m enforcer.signaller --socket PATH --enforcer-uid UID` as root, or with the socket
inherited (`--listen-fd`). It ends with SIGTERM or SIGINT.
"""

import argparse
import logging
import os
import signal
import socket
import stat
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from enforcer.kill import KILLS_PER_WINDOW, Killer
from enforcer.protected import RUNTIMES, Protection, identity, resolved
from enforcer.signaller_loop import Signaller
from wire.privileges import Capability, PrivilegeError, drop_privileges

log = logging.getLogger("lictor.signaller")

EXIT_OK = 0
EXIT_INFRASTRUCTURE = 3

KEPT = (Capability.KILL, Capability.SYS_PTRACE)


class SignallerStartError(Exception):
    """The signaller cannot start; the message says what to do."""


def listen(path: Path, enforcer_uid: int) -> socket.socket:
    """A bound socket that only `enforcer_uid` (and root) can connect to, in place of a dead one's.

    Raises:
        SignallerStartError: another signaller listens there, or something else is there.
    """
    if path.exists():
        _remove_dead(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    before = os.umask(0o177)
    try:
        listener.bind(os.fspath(path))
        os.chown(path, enforcer_uid, -1)
    except OSError as error:
        listener.close()
        raise SignallerStartError(
            f"{path} cannot be made: {error.strerror}; see that its folder exists"
        ) from error
    finally:
        os.umask(before)
    return listener


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a signaller; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        _serve(options, stop)
    except (SignallerStartError, PrivilegeError, OSError, LookupError) as error:
        log.error("%s", error)
        return EXIT_INFRASTRUCTURE
    return EXIT_OK


def _serve(options: argparse.Namespace, stop: threading.Event) -> None:
    _check_clock()
    inherited: int | None = options.listen_fd
    with (
        listen(options.socket, options.enforcer_uid) if inherited is None else socket.socket(fileno=inherited)
    ) as listener:
        if options.user:
            drop_privileges(options.user, KEPT)
        protection = Protection(
            patterns=resolved((*RUNTIMES, *options.protect)),
            own=frozenset(map(identity, (os.getpid(), os.getppid()))),
            own_pids_file=options.own_pids_file,
        )
        killer = Killer(protection, options.kills_per_minute)
        if problem := killer.rehearse():
            raise SignallerStartError(f"the signaller cannot check processes: {problem}")
        log.info("listening, at most %d kills a minute", options.kills_per_minute)
        Signaller(listener, killer, options.enforcer_uid).serve(stop)


def _remove_dead(path: Path) -> None:
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise SignallerStartError(f"{path} is there and is not a socket; remove it, or give another --socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise SignallerStartError(f"a signaller listens on {path} already; stop it, or give another --socket")


def _check_clock() -> None:
    """Start times in /proc are shifted inside a time namespace; events carry the node's own."""
    try:
        offsets = Path("/proc/self/timens_offsets").read_text(encoding="ascii")
    except FileNotFoundError:
        return  # this kernel has no time namespaces
    for line in offsets.splitlines():
        clock, seconds, nanoseconds = line.split()
        if clock in ("boottime", "7") and (int(seconds), int(nanoseconds)) != (0, 0):
            raise SignallerStartError("the signaller must run in the node's own time namespace")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m enforcer.signaller", description=__doc__)
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--socket", type=Path, metavar="PATH", help="Unix socket to make")
    place.add_argument("--listen-fd", type=int, metavar="FD", help="bound SOCK_SEQPACKET socket, inherited")
    parser.add_argument("--enforcer-uid", type=int, required=True, help="the only user that is answered")
    parser.add_argument(
        "--user",
        default="",
        help="unprivileged user to become, keeping CAP_KILL and CAP_SYS_PTRACE; empty: stay as started",
    )
    parser.add_argument("--kills-per-minute", type=_positive, default=KILLS_PER_WINDOW)
    parser.add_argument(
        "--protect",
        action="append",
        default=[],
        metavar="GLOB",
        help="path of a program on the node to never kill",
    )
    parser.add_argument(
        "--own-pids-file", type=Path, metavar="FILE", help="lines of `PID START` of Lictor's services"
    )
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


if __name__ == "__main__":
    sys.exit(main())
