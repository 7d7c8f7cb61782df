"""What is wrong with a document: where, which rule it breaks, and what would be right."""

from enum import StrEnum

import msgspec

from policy.text import shown

Place = tuple[str | int, ...]
"""Keys and indices from a document's top to one of its values."""


class ProblemCode(StrEnum):
    """Which rule a document breaks. Codes are stable; docs/semantics.md lists them all."""

    SYNTAX = "syntax"
    """The text is neither YAML nor JSON."""
    TOO_LARGE = "too-large"
    """The text, or what its aliases stand for, exceeds a limit, or it has too many problems to list."""
    TOO_DEEP = "too-deep"
    """Values are nested deeper than any policy needs."""
    UNSUPPORTED_YAML = "unsupported-yaml"
    """A tag, or another feature of YAML that JSON has no counterpart for."""
    DUPLICATE_KEY = "duplicate-key"
    """A key stands twice in one mapping; YAML would keep the last one."""
    KEY_NOT_TEXT = "key-not-text"
    """A key that is not text."""
    NOT_A_DOCUMENT = "not-a-document"
    """The document is not a mapping."""
    API_VERSION = "api-version"
    """`apiVersion` is not `security.kubearmor.com/v1`, or is missing in a file."""
    UNKNOWN_KIND = "unknown-kind"
    """None of the three kinds."""
    MISSING_FIELD = "missing-field"
    """A field that must be there."""
    UNKNOWN_FIELD = "unknown-field"
    """A field that does not exist there; the nearest one is suggested."""
    MISSING_VALUE = "missing-value"
    """The field is there and has no value."""
    WRONG_TYPE = "wrong-type"
    """A number where text belongs, and the like."""
    BAD_NAME = "bad-name"
    """Not a name that Kubernetes takes."""
    BAD_ACTION = "bad-action"
    """None of Allow, Audit, Block."""
    BAD_SEVERITY = "bad-severity"
    """Not a whole number from 1 to 10."""
    BAD_PATH = "bad-path"
    """Not an absolute path of at most 200 characters without a slash at its end."""
    BAD_DIRECTORY = "bad-directory"
    """Not an absolute path with a slash at its end."""
    BAD_PATTERN = "bad-pattern"
    """A glob that cannot be read."""
    BAD_EXECNAME = "bad-execname"
    """Not a base name."""
    BAD_ARGUMENTS = "bad-arguments"
    """More than 20 arguments, or one that is no text."""
    BAD_PROTOCOL = "bad-protocol"
    """No protocol that policies know."""
    BAD_DOMAIN = "bad-domain"
    """No domain name."""
    BAD_CAPABILITY = "bad-capability"
    """No capability, in lower case and without `cap_`."""
    BAD_SYSCALL = "bad-syscall"
    """No name of a system call."""
    BAD_PRESET = "bad-preset"
    """No preset."""
    BAD_SELECTOR = "bad-selector"
    """A selector that cannot be used."""
    ONE_OF = "one-of"
    """Of two fields exactly one must be there."""
    UNKNOWN_NAME = "unknown-name"
    """A name that stands for nothing: a workload, reason or file of a test."""
    DUPLICATE_NAME = "duplicate-name"
    """Two tests of one document have the same name."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One problem of one document. `str()` gives `file:line:column: field: sentence [code]`."""

    code: ProblemCode
    file: str
    """As it was given to the reader; empty for a document from the policy log."""
    line: int = 0
    """From 1; 0 where the document was not read from a text that people see."""
    column: int = 0
    """From 1, in characters; 0 as for `line`."""
    field: str = ""
    """Such as `spec.process.matchPaths[1].recurive`; empty where the whole document is meant."""
    sentence: str
    """What is wrong and what would be right. Safe to show."""

    def __str__(self) -> str:
        """One line for people."""
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        parts = [part for part in (where, self.field) if part]
        return ": ".join([*parts, f"{self.sentence} [{self.code}]"])


def field_path(place: Place) -> str:
    """`("spec", "matchPaths", 1, "path")` as people write it: `spec.matchPaths[1].path`."""
    path = ""
    for step in place:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step.isidentifier():
            path += f".{step}" if path else step
        else:
            path += f'["{shown(step)}"]'
    return path
