"""Expectations that have been read: cases, and the world in which they hold."""

from dataclasses import dataclass

from policy.changes import Change
from policy.documents.locate import Located
from policy.events import JudgedEvent
from policy.expectations.written import Expected
from policy.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One event of one workload, and what the verdict on it has to be."""

    name: str
    located: Located
    workload: Workload
    event: JudgedEvent
    expected: Expected
    described: str
    """The event as it was written, in one line that is safe to show."""

    @property
    def line(self) -> int:
        """Where it begins in its file, from 1."""
        return self.located.mark(()).line


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One PolicyTest document."""

    name: str
    """Its own, else its file's."""
    located: Located
    policies: tuple[str, ...] | None
    """Files and folders that it names, as written; None: what stands beside it."""
    world: tuple[Change, ...]
    """Settings and namespaces, as changes of the policy log."""
    cases: tuple[Case, ...]

    @property
    def title(self) -> str:
        """Its file, and its name where it has one of its own."""
        file = self.located.file
        return file if self.name == file.rpartition("/")[2] else f"{file}  {self.name}"
