"""Who a client is to Kafka, and that its password is shown to nobody."""

from pathlib import Path

import pytest

from wire.kafka import Kafka
from wire.security import PLAIN_TEXT, Security

SECRET = "hush"
CA, CERTIFICATE, KEY = Path("/ca.pem"), Path("/client.crt"), Path("/client.key")
FILES = {
    "ssl.ca.location": "/ca.pem",
    "ssl.certificate.location": "/client.crt",
    "ssl.key.location": "/client.key",
}
USER = {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "sink", "sasl.password": SECRET}


@pytest.mark.parametrize(
    ("protocol", "settings"),
    [
        ("plaintext", {}),
        ("ssl", {"security.protocol": "ssl"} | FILES),
        ("sasl_plaintext", {"security.protocol": "sasl_plaintext"} | USER),
        ("sasl_ssl", {"security.protocol": "sasl_ssl"} | USER | FILES),
    ],
)
def test_each_protocol_says_what_belongs_to_it(protocol: str, settings: dict[str, str]) -> None:
    security = Security(
        protocol=protocol,  # type: ignore[arg-type]
        user="sink",
        password=SECRET,
        ca=CA,
        certificate=CERTIFICATE,
        key=KEY,
    )
    assert security.client() == settings


def test_a_password_is_not_shown() -> None:
    security = Security(protocol="sasl_ssl", user="sink", password=SECRET)
    assert SECRET not in repr(Kafka(bootstrap="b:1", security=security))
    assert SECRET not in security.subject
    assert security.client()["sasl.password"] == SECRET


def test_who_it_is_in_messages() -> None:
    assert Security(protocol="sasl_ssl", user="sink").subject == "user 'sink'"
    assert Security(protocol="ssl", certificate=CERTIFICATE, key=KEY).subject == "the certificate /client.crt"
    assert PLAIN_TEXT.subject == "a client without a name"


def test_files_of_a_context_must_be_there() -> None:
    assert PLAIN_TEXT.context() is None
    with pytest.raises(OSError, match="No such file"):
        Security(protocol="ssl", ca=Path("/nowhere.pem")).context()
