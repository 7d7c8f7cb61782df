"""Making the access table true on a cluster: the ACLs that are missing, and a word on those beyond it."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from wire.access import Grant, Group, access
from wire.errors import OperatorError
from wire.kafka import Kafka
from wire.refusals import raise_refusal
from wire.topics import Topic, Topics

T = TypeVar("T")

_TIMEOUT_S = 15.0
_ASK_AGAIN_S = 0.02
_ANY_HOST = "*"
_ANY_NAME = "*"


class AccessError(OperatorError):
    """ACLs cannot be made, or rights are missing; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class AccessState:
    """What `create` found and did. `beyond`: ACLs on our topics and groups that are not in the table."""

    created: tuple[AclBinding, ...]
    present: tuple[AclBinding, ...]
    beyond: tuple[AclBinding, ...]


def bindings(
    topics: Topics, *, store_events: bool = False, names: Mapping[str, str] | None = None
) -> tuple[AclBinding, ...]:
    """The table as ACLs.

    `names`: what the cluster calls a principal, where that is not the table's name for it: with client
    certificates it is their subject, unless the brokers shorten it.
    """
    called = names or {}
    return tuple(
        binding
        for grant in access(topics, store_events=store_events)
        for binding in _bindings_of(grant, f"User:{called.get(grant.principal, grant.principal)}")
    )


def create(
    kafka: Kafka, topics: Topics, *, store_events: bool = False, names: Mapping[str, str] | None = None
) -> AccessState:
    """Make the ACLs that are missing. Nothing is taken away.

    Raises:
        AccessError: no broker answered, the cluster keeps no ACLs, or this user may not make them.
        RefusedError: the brokers do not let this user in.
    """
    admin = kafka.admin()
    wanted = bindings(topics, store_events=store_events, names=names)
    found = set(_answer(kafka, admin.describe_acls(_EVERY)))
    missing = [binding for binding in wanted if binding not in found]
    if missing:
        for future in admin.create_acls(missing).values():
            _answer(kafka, future)
        _await(kafka, admin, set(missing))
    table = set(wanted)
    return AccessState(
        created=tuple(missing),
        present=tuple(binding for binding in wanted if binding in found),
        beyond=tuple(sorted(one for one in found - table if _concerns(one, topics))),
    )


def _await(kafka: Kafka, admin: AdminClient, made: set[AclBinding]) -> None:
    """Until the broker goes by ACLs that the controller has made, which it learns a moment later."""
    deadline = time.monotonic() + _TIMEOUT_S
    while not made <= set(_answer(kafka, admin.describe_acls(_EVERY))):
        if time.monotonic() > deadline:
            raise AccessError(f"Kafka at {kafka.bootstrap} does not tell of the ACLs that were made")
        time.sleep(_ASK_AGAIN_S)


def described(binding: AclBinding) -> str:
    """An ACL in words."""
    kind = ResourceType(binding.restype).name.lower()
    prefixed = binding.resource_pattern_type is ResourcePatternType.PREFIXED
    host = "" if binding.host == _ANY_HOST else f" from {binding.host}"
    permission = AclPermissionType(binding.permission_type).name.lower()
    operation = AclOperation(binding.operation).name.lower()
    return (
        f"{binding.principal} {permission} {operation} {kind} {binding.name}{'*' if prefixed else ''}{host}"
    )


def _bindings_of(grant: Grant, principal: str) -> Iterator[AclBinding]:
    for topic in grant.reads:
        yield _allow(principal, ResourceType.TOPIC, topic.name, AclOperation.READ)
    for topic in grant.writes:
        yield _allow(principal, ResourceType.TOPIC, topic.name, AclOperation.WRITE)
    for group in grant.groups:
        yield _allow(principal, ResourceType.GROUP, group.name, AclOperation.READ, prefixed=group.prefixed)


def _allow(
    principal: str, kind: ResourceType, name: str, operation: AclOperation, *, prefixed: bool = False
) -> AclBinding:
    pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
    return AclBinding(kind, name, pattern, principal, _ANY_HOST, operation, AclPermissionType.ALLOW)


_ANYTHING: Any = None
"""In a filter; its types do not know of it."""

_EVERY = AclBindingFilter(
    ResourceType.ANY,
    _ANYTHING,
    ResourcePatternType.ANY,
    _ANYTHING,
    _ANYTHING,
    AclOperation.ANY,
    AclPermissionType.ANY,
)


def _concerns(binding: AclBinding, topics: Topics) -> bool:
    """Whether an ACL is about one of our topics or consumer groups."""
    grants = access(topics, store_events=True)
    if binding.restype is ResourceType.TOPIC:
        return any(_covers(binding, topic) for topic in topics.all())
    if binding.restype is ResourceType.GROUP:
        return any(_overlaps(binding, group) for grant in grants for group in grant.groups)
    return False


def _covers(binding: AclBinding, topic: Topic) -> bool:
    if binding.resource_pattern_type is ResourcePatternType.PREFIXED:
        return topic.name.startswith(binding.name)
    return binding.name in (topic.name, _ANY_NAME)


def _overlaps(binding: AclBinding, group: Group) -> bool:
    if binding.resource_pattern_type is ResourcePatternType.PREFIXED:
        return group.name.startswith(binding.name) or group.covers(binding.name)
    return binding.name == _ANY_NAME or group.covers(binding.name)


def _answer(kafka: Kafka, future: Future[T]) -> T:
    try:
        return future.result(timeout=_TIMEOUT_S)
    except KafkaException as error:
        code = error.args[0].code()
        if code == KafkaError.SECURITY_DISABLED:
            raise AccessError(
                f"Kafka at {kafka.bootstrap} has no authorizer, so everybody may do everything there: set "
                "authorizer.class.name on its brokers and controllers first (docs/security.md)"
            ) from error
        if code == KafkaError.CLUSTER_AUTHORIZATION_FAILED:
            raise AccessError(
                f"{kafka.security.subject} may not make ACLs at {kafka.bootstrap}: come as a super user of "
                "the cluster"
            ) from error
        raise_refusal(kafka)
        raise AccessError(f"no ACLs were made at {kafka.bootstrap}: {error.args[0].str()}") from error
    except TimeoutError as error:
        raise_refusal(kafka)
        raise AccessError(
            f"no broker answered at {kafka.bootstrap} within {_TIMEOUT_S:g} s; see that Kafka runs there, or "
            "give --bootstrap"
        ) from error
