"""Why brokers do not let a client in.

To librdkafka a refused password is one more reason to try again: whoever waits for an answer is told, in
the end, that none came. Here it is asked for by a connection of its own, where an answer was missed.
"""

import time
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from wire.client_log import client_log
from wire.errors import OperatorError
from wire.kafka import Kafka

ASK_S = 3.0
_SLICE_S = 0.25

_NOT_TLS = "connecting to a PLAINTEXT broker listener"
"""librdkafka's guess of why a broker hung up on a TLS handshake."""

_ALERT = "SSL alert number"
"""What a broker says that does not like a client's certificate, or has got none: after the handshake."""


class RefusedError(OperatorError):
    """The brokers are there and do not let this client in; the message says as whom it came."""


def raise_refusal(kafka: Kafka, timeout_s: float = ASK_S) -> None:
    """Return where the brokers let this client in, and where none answers within `timeout_s`.

    A client that has neither a name nor TLS is not told: brokers that want either hang up on it without a
    word, as those do that end.

    Raises:
        RefusedError: they refuse it.
    """
    if kafka.security.protocol == "plaintext":
        return
    refused: list[KafkaError] = []

    def on_error(error: KafkaError) -> None:
        if error.code() in _ADVICE or _NOT_TLS in error.str() or _ALERT in error.str():
            refused.append(error)

    config: dict[str, Any] = {
        "bootstrap.servers": kafka.bootstrap,
        "client.id": kafka.client_id,
        "reconnect.backoff.ms": 50,
        "error_cb": on_error,
        "log_level": 0,
    }
    client = AdminClient(config | kafka.security.client(), logger=client_log)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            client.list_topics(timeout=_SLICE_S)
        except KafkaException:
            client.poll(0)
        else:
            return
        # Twice, so that a broker which goes away in the middle of a handshake refuses nobody.
        if len(refused) > 1:
            raise RefusedError(_sentence(kafka, refused[0]))


def _sentence(kafka: Kafka, error: KafkaError) -> str:
    security = kafka.security
    code = KafkaError._SSL if _ALERT in error.str() else error.code()  # noqa: SLF001  # as below
    advice = _ADVICE.get(code, f"see kafka_protocol, which is {security.protocol}")
    return f"Kafka at {kafka.bootstrap} does not let in {security.subject}: {error.str()}; {advice}"


# librdkafka's own codes have an underscore; they are as public as the broker's.
_ADVICE = {
    KafkaError._AUTHENTICATION: "see kafka_user, kafka_password and kafka_mechanism",  # noqa: SLF001
    KafkaError._SSL: "see kafka_ca, kafka_certificate and kafka_key",  # noqa: SLF001
}
