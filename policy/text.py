"""Text that an observed process or an author chose, shown without harm."""

import unicodedata

LONGEST_SHOWN = 256
"""Characters of one path or name that a sentence shows."""


def printable(text: str) -> str:
    """Text that a terminal shows as it is: control, format and separator characters are spelled out.

    That covers terminal escapes, line breaks, bidirectional overrides and zero-width characters.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _shows(c) else _spell(c) for c in text)


def shown(text: str) -> str:
    """`printable`, and not longer than `LONGEST_SHOWN`: of a longer text the end, which names a file."""
    if len(text) > LONGEST_SHOWN:
        text = "..." + text[3 - LONGEST_SHOWN :]
    return printable(text)


def as_seen(text: str) -> str:
    r"""What a person wrote, in the form in which events carry it: a backslash is doubled (`wire.text`)."""
    return text.replace("\\", "\\\\")


def _shows(character: str) -> bool:
    return character == " " or unicodedata.category(character)[0] not in "CZ"


def _spell(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
