"""What lint says about documents: a code, how bad it is, where it stands, and what to write instead."""

from enum import StrEnum

import msgspec

from policy.documents import Problem, ProblemCode


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """The document does not do what it says."""
    WARNING = "warning"
    """It probably does not do what was meant."""
    INFO = "info"
    """Something to know; nothing has to be changed."""


class LintCode(StrEnum):
    """What lint finds. Codes are stable; docs/semantics.md lists them all."""

    DUPLICATE_POLICY = "duplicate-policy"
    """Two documents of one kind, namespace and name: the later one replaces the earlier."""
    EMPTY_POLICY = "empty-policy"
    """A policy without a rule does nothing."""
    EMPTY_SECTION = "empty-section"
    """A section or list is written and holds no rule."""
    EMPTY_LIST = "empty-list"
    """An empty `fromSource` or `allowedArgs` counts as absent: any program, any argument."""
    IMPLICIT_BLOCK = "implicit-block"
    """No `action` at rule, section or spec: the rule blocks."""
    BLOCK_WITHOUT_SEVERITY = "block-without-severity"
    """A Block rule's denials carry no severity."""
    SYSCALLS_ONLY_AUDIT = "syscalls-only-audit"
    """A rule of `syscalls` says Block or Allow; it is Audit whatever its action says."""
    SELECTOR_NEVER_MATCHES = "selector-never-matches"
    """The selector contradicts itself or asks for what no workload ever has."""
    SELECTOR_MATCHES_NOTHING = "selector-matches-nothing"
    """No known workload is selected (with `--workloads`)."""
    IGNORED_EXPRESSION = "ignored-expression"
    """On one key the operator that stands first decides; a later one of the other kind counts for nothing."""
    CONTAINER_NAME_PATTERN = "container-name-pattern"
    """`kubearmor.io/container.name` compares names as they are; globs and regular expressions never match."""
    SYMLINK_TRAP = "symlink-trap"
    """The path is, or goes through, a symbolic link: the kernel reports what it leads to."""
    UNREACHABLE_PATH = "unreachable-path"
    """No resolved path looks like this: relative, with `/` at its end, or with `.`, `..` or `//` in it."""
    GLOB_IN_PATH = "glob-in-path"
    """`*`, `?` or `{` where a path is compared as it is; `matchPatterns` takes globs."""
    DOUBLED_SLASH = "doubled-slash"
    """A doubled slash counts once."""
    DIRECTORY_ALONE = "directory-alone"
    """A directory in `syscalls` without `recursive` stands for itself and not for what is in it."""
    NARROW_PROTOCOL = "narrow-protocol"
    """`stream`, `dgram` and `raw` leave out sockets that are made for a named protocol."""
    SHADOWED_RULE = "shadowed-rule"
    """Other rules always decide where this one matches."""
    CONTRADICTING_RULES = "contradicting-rules"
    """An Allow and a Block of the same target and source: the Block decides."""
    ALLOW_LIST_MODE = "allow-list-mode"
    """An Allow switches allow-list mode on: posture decides whatever no rule of the section allows."""
    PROCESS_WITHOUT_FILE = "process-without-file"
    """A process allow-list without one of files: here files stay free, and other engines deny them all."""
    FILE_WITHOUT_PROCESS = "file-without-process"
    """A file allow-list without one of processes: any program may still run."""
    NETWORK_WITHOUT_UDP = "network-without-udp"
    """A network allow-list has tcp and not udp, over which names are resolved."""
    SOURCE_IS_ITSELF = "source-is-itself"
    """A process rule's `fromSource` is who executes the program, not the program."""
    SOURCE_NOT_ALLOWED = "source-not-allowed"
    """An Allow is about what a program starts that the same allow-list does not let run."""
    POSTURE_WITHOUT_ALLOW = "posture-without-allow"
    """A posture is block where no Allow rule selects anything: it denies nothing."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. `str()` gives `file:line:column: severity: field: sentence [code]`."""

    code: LintCode | ProblemCode
    severity: Severity
    file: str = ""
    """As it was given to the reader; empty where no document is at fault."""
    line: int = 0
    """From 1; 0 where there is no line."""
    column: int = 0
    """From 1, in characters; 0 as for `line`."""
    field: str = ""
    """Such as `spec.process.matchPaths[1].path`."""
    sentence: str
    """What is wrong and what to write instead. Safe to show."""

    @classmethod
    def of_problem(cls, problem: Problem) -> "Finding":
        """A document that cannot be used, as an error among the findings."""
        return cls(
            code=problem.code,
            severity=Severity.ERROR,
            file=problem.file,
            line=problem.line,
            column=problem.column,
            field=problem.field,
            sentence=problem.sentence,
        )

    def __str__(self) -> str:
        """One line for people."""
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        parts = [part for part in (where, self.severity.value, self.field) if part]
        return ": ".join([*parts, f"{self.sentence} [{self.code}]"])
