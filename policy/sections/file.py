"""The file section: which files may be accessed, by whom, and how."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from msgspec import structs

from policy.documents import Document
from policy.events import FileEvent
from policy.rule import source_paths
from policy.ruling import PERMITTED, Answer, Qualified
from policy.sections.judging import Find, Known, SectionJudge, by_whom, seen_program, who
from policy.sections.paths import PathQuestion, PathRule, PathRules, owner_and_terminal
from policy.sections.section import Section, written_in
from policy.settings import VisibleKind
from policy.target import Placed, SeenPath, directory_target, path_target, pattern_target
from policy.text import shown
from policy.verdict import Verdict

READING = "read"

_DOING = {
    "read": "Reading",
    "write": "Writing",
    "create": "Creating",
    "unlink": "Removing",
    "rename": "Renaming",
    "rmdir": "Removing the directory",
    "mkdir": "Making the directory",
    "chmod": "Changing the mode of",
    "chown": "Changing the owner of",
    "link": "Linking to",
    "symlink": "Making a symbolic link to",
    "truncate": "Truncating",
    "mount": "Mounting on",
}
_NAMING = {"rename": "Renaming a file to", "link": "Linking a file as", "symlink": "Making the symbolic link"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRule(PathRule):
    """A compiled rule of the file section."""

    read_only: bool = False


def rules_of(document: Document) -> tuple[FileRule, ...]:
    """The file rules of a document, in its order."""
    section = document.policy.spec.file
    paths = [
        FileRule(
            **base,
            sources=source_paths(rule.from_source),
            target=path_target(rule.path),
            owner_only=rule.owner_only,
            read_only=rule.read_only,
            without_terminal=not rule.pts,
        )
        for rule, base in written_in(document, section, "file", "match_paths")
    ]
    directories = [
        FileRule(
            **base,
            sources=source_paths(rule.from_source),
            target=directory_target(rule.dir, recursive=rule.recursive),
            owner_only=rule.owner_only,
            read_only=rule.read_only,
            without_terminal=not rule.pts,
        )
        for rule, base in written_in(document, section, "file", "match_directories")
    ]
    patterns = [
        FileRule(
            **base,
            sources=(),
            target=pattern_target(rule.pattern),
            owner_only=rule.owner_only,
            read_only=rule.read_only,
        )
        for rule, base in written_in(document, section, "file", "match_patterns")
    ]
    return (*paths, *directories, *patterns)


class FileRules(PathRules[FileRule]):
    """All file rules that select a workload."""

    def __init__(self, rules: Sequence[FileRule]) -> None:
        """`rules` in the order in which their policies were applied."""
        super().__init__(rules)
        self.by_access = any(rule.read_only for rule in rules)


class Accessing(PathQuestion, frozen=True, kw_only=True):
    """One access to one path."""

    reading: bool


class FileJudge(SectionJudge[FileEvent, Accessing, FileRule]):
    """Judges the file accesses of one workload."""

    index: FileRules
    visible: ClassVar[VisibleKind | None] = "file"

    def key(self, event: FileEvent) -> tuple[Any, ...]:
        """Path and access, and of the rest what a rule can ask about."""
        index = self.index
        actor = event.actor if index.by_source else None
        return (
            event.path,
            event.access,
            event.truncated,
            event.new_path,
            event.new_truncated,
            who(actor),
            index.by_owner and event.uid == event.owner_uid,
            index.by_terminal and bool(event.tty),
        )

    def from_memory(self, known: Known, find: Find[FileEvent]) -> Callable[[FileEvent], Verdict]:
        """Without what only a second name, or rules that are not there, would add to the key."""
        index = self.index
        usual = super().from_memory(known, find)
        if index.by_terminal:
            return usual
        by_source, by_owner = index.by_source, index.by_owner

        def of_one_name(event: FileEvent) -> Verdict:
            if event.new_path:
                return usual(event)
            actor = event.actor if by_source else None
            asked = (
                event.path,
                event.access,
                event.truncated,
                actor and actor.path,
                actor and actor.truncated,
                by_owner and event.uid == event.owner_uid,
            )
            return known(asked) or find(event, asked)

        return of_one_name

    def questions(self, event: FileEvent) -> tuple[Accessing, ...]:
        """The file, and for what gives it another name that name too."""
        source = seen_program(event.actor) if self.index.by_source else None
        old = Accessing(
            subject=f"{_DOING[event.access]} {_name(event.path, truncated=event.truncated)}{by_whom(source)}",
            path=SeenPath(event.path, event.truncated, exact=not event.truncated),
            exact=not event.truncated,
            source=source,
            is_owner=event.uid == event.owner_uid,
            terminal=bool(event.tty),
            reading=event.access == READING,
        )
        if not event.new_path or event.access not in _NAMING:
            return (old,)
        new_name = _name(event.new_path, truncated=event.new_truncated)
        new = structs.replace(
            old,
            subject=f"{_NAMING[event.access]} {new_name}{by_whom(source)}",
            path=SeenPath(event.new_path, event.new_truncated, exact=not event.new_truncated),
            exact=not event.new_truncated,
        )
        return (old, new)

    def matching(self, question: Accessing) -> Iterable[Placed[FileRule]]:
        """Rules on the path, its directories and its globs."""
        return self.index.targets.matching(question.path)

    def deciding(self, question: Accessing) -> Iterable[Placed[FileRule]]:
        """Those of them that can decide."""
        return self.index.targets.deciding(question.path, question.source)

    def qualified(self, rule: FileRule, question: Accessing) -> Iterable[Qualified]:
        """`ownerOnly`, `pts`, `readOnly`."""
        if not rule.read_only:
            return owner_and_terminal(rule, question)
        read_only = PERMITTED if question.reading else Qualified(Answer.FORBIDS, "it is not only read")
        return (*owner_and_terminal(rule, question), read_only)


def _name(path: str, *, truncated: bool) -> str:
    return shown(f"...{path}" if truncated else path)


FILE = Section(name="file", events=(FileEvent,), rules_of=rules_of, index_of=FileRules, judge_of=FileJudge)
