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
    KEY_NOT_TEXT = "key-not-text"
    NOT_A_DOCUMENT = "not-a-document"
    """The document is not a mapping."""
    API_VERSION = "api-version"
    UNKNOWN_KIND = "unknown-kind"
    MISSING_FIELD = "missing-field"
    UNKNOWN_FIELD = "unknown-field"
    MISSING_VALUE = "missing-value"
    """The field is there and has no value."""
    WRONG_TYPE = "wrong-type"
    BAD_NAME = "bad-name"
    BAD_ACTION = "bad-action"
    BAD_SEVERITY = "bad-severity"
    BAD_PATH = "bad-path"
    BAD_DIRECTORY = "bad-directory"
    BAD_PATTERN = "bad-pattern"
    BAD_EXECNAME = "bad-execname"
    BAD_ARGUMENTS = "bad-arguments"
    BAD_PROTOCOL = "bad-protocol"
    BAD_DOMAIN = "bad-domain"
    BAD_CAPABILITY = "bad-capability"
    BAD_SYSCALL = "bad-syscall"
    BAD_PRESET = "bad-preset"
    BAD_SELECTOR = "bad-selector"
    ONE_OF = "one-of"
    """Of two fields exactly one must be there."""


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
