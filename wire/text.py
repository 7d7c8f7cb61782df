"""Text that an observed process chose: decoded without loss, shown without harm."""

from policy.text import printable

__all__ = ["decode", "encode", "printable"]


def decode(raw: bytes) -> tuple[str, bool]:
    r"""Bytes to text, injectively: `\\` is doubled, a byte that is not UTF-8 becomes `\\xNN`.

    Returns the text and whether a byte had to be escaped. `encode` undoes it.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return raw.replace(b"\\", b"\\\\").decode(errors="backslashreplace"), True
    return (text.replace("\\", "\\\\") if "\\" in text else text), False


def encode(text: str) -> bytes:
    """The bytes that `decode` was given.

    Raises:
        ValueError: the text did not come from `decode`.
    """
    if "\\" not in text:
        return text.encode()
    out = bytearray()
    parts = iter(text.split("\\"))
    out += next(parts).encode()
    for part in parts:
        if part.startswith("x") and len(part) >= 3:
            out.append(int(part[1:3], 16))
            out += part[3:].encode()
        elif part == "":
            out += b"\\" + next(parts, "").encode()
        else:
            raise ValueError(f"not an escaped text: {text!r}")
    return bytes(out)
