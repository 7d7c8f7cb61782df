"""Who a stream worker is to Kafka, as Faust says it to aiokafka."""

from faust import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT

from wire.security import Security


def credentials(security: Security) -> CredentialsT | None:
    """Faust's credentials; None for brokers without encryption and names."""
    if security.names_user:
        return SASLCredentials(
            username=security.user,
            password=security.password,
            mechanism=security.mechanism,
            ssl_context=security.context(),
        )
    if security.encrypts:
        return SSLCredentials(security.context())
    return None
