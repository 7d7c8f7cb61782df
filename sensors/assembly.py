"""Kernel records to events: pure but for the clock's offset that it is given."""

from __future__ import annotations

import posixpath

from policy.events import Executable, ExitEvent, Process, ProcessEvent
from sensors.boot_clock import BootClock
from sensors.process_table import ProcessTable
from sensors.redaction import ArgsMode, publishable
from sensors.ring_records import RawExec, RawExit, RawFile
from wire.text import decode


class EventAssembler:
    """Makes events whole: text from bytes, wall time, paths of ancestors, no secrets."""

    def __init__(self, ring: str, clock: BootClock, processes: ProcessTable, args: ArgsMode) -> None:
        """`ring` is the name that the events of this ring carry."""
        self._ring = ring
        self._clock = clock
        self._processes = processes
        self._args = args

    def process_event(self, raw: RawExec) -> ProcessEvent:
        """The event of an exec; the process is known to run that program from now on."""
        executable = _executable(raw.file)
        parent = None if raw.parent is None else _executable(raw.parent)
        ancestors = self._ancestors(raw, parent)
        args, args_redacted = publishable(tuple(decode(argument)[0] for argument in raw.args), self._args)
        self._processes.record(raw.pid, raw.start_ns, executable)
        return ProcessEvent(
            ring=self._ring,
            cpu=raw.cpu,
            sequence=raw.sequence,
            time_ns=self._clock.wall(raw.boot_ns),
            boot_ns=raw.boot_ns,
            pid=raw.pid,
            start_ns=raw.start_ns,
            namespace_pid=raw.namespace_pid,
            executable=executable,
            script=_script(raw) if raw.script else "",
            source=None if raw.source is None else _executable(raw.source),
            ancestors=ancestors,
            ancestors_truncated=raw.ancestors_truncated,
            args=args,
            args_truncated=raw.args_truncated,
            args_redacted=args_redacted,
            cwd=decode(raw.cwd)[0],
            uid=raw.uid,
            gid=raw.gid,
            owner_uid=raw.file.owner_uid,
            tty=decode(raw.tty)[0],
            cgroup_id=raw.cgroup_id,
            namespaces=raw.namespaces,
        )

    def exit_event(self, raw: RawExit) -> ExitEvent:
        """The event of a process's end; it is forgotten."""
        executable = self._processes.executable(raw.pid, raw.start_ns, raw.device, raw.inode)
        last_seen = self._processes.forget(raw.pid, raw.start_ns)
        if executable is None and not raw.inode:
            executable = last_seen  # the kernel could not say which file it ran
        return ExitEvent(
            ring=self._ring,
            cpu=raw.cpu,
            sequence=raw.sequence,
            time_ns=self._clock.wall(raw.boot_ns),
            boot_ns=raw.boot_ns,
            pid=raw.pid,
            start_ns=raw.start_ns,
            executable=executable,
            # task_struct.exit_code is what wait(2) gives: status << 8, or the signal and a core bit.
            exit_code=(raw.code_raw >> 8) & 0xFF,
            signal=raw.code_raw & 0x7F,
            cgroup_id=raw.cgroup_id,
        )

    def _ancestors(self, raw: RawExec, parent: Executable | None) -> tuple[Process, ...]:
        return tuple(
            Process(
                pid=ancestor.pid,
                start_ns=ancestor.start_ns,
                executable=parent
                if depth == 0 and parent is not None
                else self._processes.executable(
                    ancestor.pid, ancestor.start_ns, ancestor.device, ancestor.inode
                ),
            )
            for depth, ancestor in enumerate(raw.ancestors)
        )


def _executable(file: RawFile) -> Executable:
    path, escaped = decode(file.path)
    return Executable(
        path=path,
        device=file.device,
        inode=file.inode,
        filesystem=file.filesystem,
        truncated=file.truncated,
        escaped=escaped,
        unlinked=file.unlinked,
    )


def _script(raw: RawExec) -> str:
    """Where a script is, as it was asked for: the judge must see a `..`, which a link may lead astray.

    A name that was cut begins without a slash, as a truncated executable's path does: no Allow takes it
    for one that it knows.
    """
    path = posixpath.join(decode(raw.cwd)[0], decode(raw.filename)[0])
    return path.lstrip("/") if raw.filename_truncated else path
