r"""What values look like, as JSON Schema: the part of `fields` that editors and API servers can check.

Patterns keep to what ECMA 262 (editors), RE2 (API servers) and Python share: no look-around, `\x00` for NUL.
Case is spelled out, for JSON Schema has no flags.
"""

from typing import Any

from policy.documents.vocabulary import CAPABILITIES, PRESETS, PROTOCOLS

Shape = dict[str, Any]

LONGEST_PATH = 200
MOST_ARGUMENTS = 20
LONGEST_NAME = 253
"""Characters of an object's name, and of a domain without its last dot."""


def _any_case(word: str) -> str:
    return "".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in word.lower())


def _words(words: tuple[str, ...]) -> Shape:
    """One of `words` in any case. They stand as an enumeration too, which editors offer."""
    pattern = "|".join(map(_any_case, words))
    return {"type": "string", "anyOf": [{"enum": list(words)}, {"pattern": f"^({pattern})$"}]}


def _comma_list(words: tuple[str, ...]) -> Shape:
    """At least one of the patterns `words`, with commas between; blank entries do no harm."""
    word = f"({'|'.join(words)})"
    return {"type": "string", "pattern": rf"^[\s,]*{word}(\s*,[\s,]*{word})*[\s,]*$"}


ACTION = _words(("Allow", "Audit", "Block"))
PRESET_ACTION = _words(("Audit", "Block"))
SEVERITY: Shape = {"type": "integer", "minimum": 1, "maximum": 10}
NAME: Shape = {
    "type": "string",
    "pattern": "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
    "maxLength": LONGEST_NAME,
}
FILE_PATH: Shape = {
    "type": "string",
    "pattern": r"^/[^\n\x00]*[^/\n\x00]$",
    "maxLength": LONGEST_PATH,
}
DIRECTORY: Shape = {"type": "string", "pattern": r"^/([^\n\x00]*/)?$", "maxLength": LONGEST_PATH}
FILE_PATH_OR_DIRECTORY: Shape = {
    "type": "string",
    "pattern": r"^/[^\n\x00]*$",
    "maxLength": LONGEST_PATH,
}
EXECNAME: Shape = {"type": "string", "pattern": r"^[^/\n\x00]+$"}
ARGUMENTS: Shape = {"type": "array", "items": {"type": "string"}, "maxItems": MOST_ARGUMENTS}
PROTOCOLS_LIST = _comma_list(tuple(map(_any_case, PROTOCOLS)))
CAPABILITIES_LIST = _comma_list(CAPABILITIES)
DOMAIN_LABEL = "[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?"
DOMAIN: Shape = {
    "type": "string",
    "pattern": rf"^{DOMAIN_LABEL}(\.{DOMAIN_LABEL})*\.?$",
    "maxLength": LONGEST_NAME + 1,
    "anyOf": [{"maxLength": LONGEST_NAME}, {"pattern": r"\.$"}],
}
SYSCALLS: Shape = {
    "type": "array",
    "items": {"type": "string", "pattern": "^[a-z_][a-z0-9_]*$"},
    "minItems": 1,
}
PRESET: Shape = {"type": "string", "enum": list(PRESETS)}
SELECTOR_VALUES: Shape = {"type": "array", "items": {"type": "string"}, "minItems": 1}
LABEL_VALUES: Shape = SELECTOR_VALUES | {"items": {"type": "string", "pattern": "^[^=]+="}}
"""Values as `key=value`."""


def pattern_shape(longest: int) -> Shape:
    """A glob of at most `longest` characters. What stands in it is beyond a schema."""
    return {"type": "string", "minLength": 1, "maxLength": longest}


def exactly_one_of(*names: str) -> Shape:
    """Of the fields `names` exactly one is there."""
    return {"oneOf": [{"required": [name]} for name in names]}
