"""Structured logs of the services, to standard error: text for people or JSON a line for machines."""

import logging
import sys
from typing import Literal

import structlog

from wire.client_log import client_log
from wire.text import printable


def configure(level: str, form: Literal["text", "json"], client_level: int = logging.WARNING) -> None:
    """Set up structlog, and the standard library's loggers (Faust's among them) to end in it.

    `client_level` is what is logged of the Kafka client library.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if form == "json"
        else [_harmless, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    client_log.setLevel(client_level)
    # They log every request at info.
    for name in ("elastic_transport.transport", "faust", "mode", "aiokafka"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def configure_for_commands() -> None:
    """Set up logs of commands that people run: only what went wrong, on standard error."""
    configure("error", "text", client_level=logging.CRITICAL)


def _harmless(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Values may be what an attacker chose: no terminal escapes from them."""
    del logger, method
    return {
        key: printable(value) if isinstance(value, str) and key != "exception" else value
        for key, value in event.items()
    }
