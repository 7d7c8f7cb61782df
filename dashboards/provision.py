"""What a fresh Elasticsearch needs before the sink may write to it: roles, templates and the sink's key."""

import asyncio
import base64
import binascii

from elastic_transport import TransportError
from elasticsearch import ApiError, AsyncElasticsearch, AuthenticationException

from dashboards import access
from dashboards.elastic import Elastic
from dashboards.install import install_all


async def provision(elastic: Elastic, key_name: str, key: str | None) -> str | None:
    """Install roles and templates; a sink's key, encoded: `key` if it counts and has the rights of now.

    None if Elasticsearch is not there for it yet: ask again. `elastic` must be who may do everything.

    Raises:
        AccessError, InstallError: what waiting does not mend.
        elasticsearch.ApiError: likewise.
    """
    client = elastic.client()
    try:
        _, _, found = await asyncio.gather(
            access.install_roles(client), install_all(client), _sink_key(elastic, client, key_name, key)
        )
    except TransportError:
        return None
    except ApiError as error:
        if error.status_code in (408, 429) or error.status_code >= 500:
            return None
        raise
    finally:
        await client.close()
    return found


async def _sink_key(elastic: Elastic, client: AsyncElasticsearch, name: str, key: str | None) -> str:
    if key is not None and await _counts(elastic, client, key):
        return key
    return (await access.make_key(client, name, access.SINK)).encoded


async def _counts(elastic: Elastic, client: AsyncElasticsearch, key: str) -> bool:
    """Whether the server knows the key, and it has the rights that this release's sink needs."""
    try:
        key_id = base64.b64decode(key, validate=True).decode("ascii").partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return False
    own = Elastic(url=elastic.url, api_key=key, ca_certs=elastic.ca_certs).client()
    try:
        await own.security.authenticate()
    except AuthenticationException:
        return False
    finally:
        await own.close()
    return await access.has_rights(client, key_id, access.SINK)
