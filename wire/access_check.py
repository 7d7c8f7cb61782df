"""What a service may do, asked for before it begins.

Without this a right that is missing shows when it is first needed: as a topic that is not there, as a group
that is never joined, or as a record that is refused in the middle of the work.
"""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, wait
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation

from wire.access import Grant
from wire.access_admin import AccessError
from wire.kafka import Kafka
from wire.refusals import raise_refusal

log = structlog.get_logger(__name__)

_ASK_S = 5.0


def see_rights(kafka: Kafka, grant: Grant) -> None:
    """Return if this client may do what `grant` says, or if no broker answers: they are waited for later.

    Topics that are not there yet are left to whoever needs them. Brokers without encryption and names let
    everybody do everything and are not asked.

    Raises:
        RefusedError: the brokers do not let it in.
        AccessError: it lacks a right; all that are missing are named.
    """
    if kafka.security.protocol == "plaintext":
        return
    raise_refusal(kafka)
    started = time.monotonic()
    admin = kafka.admin()
    names = sorted({topic.name for topic in (*grant.reads, *grant.writes)})
    groups = [group.name for group in grant.groups]
    topics_found: Mapping[str, Future[Any]] = admin.describe_topics(
        TopicCollection(names), include_authorized_operations=True
    )
    groups_found: Mapping[str, Future[Any]] = admin.describe_consumer_groups(groups) if groups else {}
    wait((*topics_found.values(), *groups_found.values()), timeout=_ASK_S)
    lacking = [*_of_topics(grant, topics_found), *_of_groups(groups_found)]
    if lacking:
        raise AccessError(
            f"{kafka.security.subject} may not {', '.join(lacking)} at {kafka.bootstrap}, which "
            f"{grant.principal} must: give it these rights (`lictor topics acls`), or come as another"
        )
    log.debug("rights seen", principal=grant.principal, seconds=round(time.monotonic() - started, 3))


def _of_topics(grant: Grant, found: Mapping[str, Future[Any]]) -> Iterator[str]:
    wanted = [(topic.name, AclOperation.READ, "read") for topic in grant.reads]
    wanted += [(topic.name, AclOperation.WRITE, "write") for topic in grant.writes]
    for name, operation, verb in wanted:
        code, description = _result(found[name])
        allowed = None if description is None else description.authorized_operations
        if code == KafkaError.TOPIC_AUTHORIZATION_FAILED or (
            allowed is not None and operation not in allowed
        ):
            yield f"{verb} {name}"


def _of_groups(found: Mapping[str, Future[Any]]) -> Iterator[str]:
    for name, future in found.items():
        code, _ = _result(future)
        if code == KafkaError.GROUP_AUTHORIZATION_FAILED:
            yield f"use the consumer group {name}"


def _result(future: Future[Any]) -> tuple[int | None, Any]:
    """The error's code, or what was described; neither where nobody answered in time."""
    if not future.done():
        return None, None
    try:
        return None, future.result()
    except KafkaException as error:
        return error.args[0].code(), None
