import logging

from wire.client_log import Seldom


def line(text: str) -> logging.LogRecord:
    return logging.LogRecord("lictor.kafka", logging.ERROR, "", 0, text, (), None)


def test_a_line_is_repeated_only_after_a_while_and_says_how_often_it_was_left_out() -> None:
    now = 0.0
    seldom = Seldom(30, lambda: now)
    assert seldom.filter(line("broker 1: refused after 5ms"))
    assert not seldom.filter(line("broker 1: refused after 7ms"))
    assert not seldom.filter(line("broker 2: refused after 0ms"))
    assert seldom.filter(line("authentication failed"))
    now = 31.0
    again = line("broker 1: refused after 6ms")
    assert seldom.filter(again)
    assert again.getMessage() == "broker 1: refused after 6ms (2 more like it)"


def test_memory_is_bounded() -> None:
    seldom = Seldom(30, lambda: 0.0)
    for number in range(10_000):
        seldom.filter(line("x" * (number % 3000)))
    assert len(seldom._seen) <= 256
