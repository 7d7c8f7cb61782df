from hypothesis import example, given
from hypothesis import strategies as st

from wire.text import decode, encode, printable


@given(st.binary(max_size=64))
@example(b"\\xff")
@example(b"\xff")
@example(b"\\\\x41\\")
@example("ü\\x\udcff".encode("utf-8", "surrogateescape"))
def test_decoding_loses_nothing(raw: bytes) -> None:
    text, escaped = decode(raw)
    assert encode(text) == raw
    text.encode()
    if not escaped:
        raw.decode()


@given(st.binary(max_size=16), st.binary(max_size=16))
@example(b"/tmp/\xff", b"/tmp/\\xff")
def test_two_byte_strings_never_give_one_text(one: bytes, other: bytes) -> None:
    assert (decode(one)[0] == decode(other)[0]) == (one == other)


@given(st.text(max_size=64))
@example("\x1b]0;owned\x07")
@example("a\u202egpj.exe")
@example("line\nbreak")
def test_what_is_printable_moves_no_cursor(text: str) -> None:
    assert printable(text).isprintable()


def test_ordinary_text_is_shown_as_it_is() -> None:
    assert printable("/usr/bin/ping -c 1 Zürich 東京") == "/usr/bin/ping -c 1 Zürich 東京"
