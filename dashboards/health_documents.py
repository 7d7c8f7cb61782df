"""Health records as ECS documents, and what names them in Elasticsearch. Pure."""

import msgspec

from dashboards import ecs, health_fields, own_fields
from dashboards.documents import bounded_id, encode, timestamp
from wire.health import (
    HealthRecord,
    incarnation_of,
    instance_of,
    is_complete,
    node_of,
    service_of,
    summed,
)
from wire.records import NamespaceStanding, SensorHealth, ServiceHealth

_DATASET = "lictor.health"
_DATA_STREAM = ecs.DataStream(type="logs", dataset=_DATASET, namespace="default")
_ECS = ecs.Ecs(version=ecs.ECS_VERSION)


def health_documents(record: HealthRecord) -> list[tuple[str, bytes]]:
    """The documents of one record, each with its `_id`: its health, then a standing for each namespace.

    Ids are made of the record alone, so that a record read twice is stored once.

    Raises:
        DocumentError: a time that Elasticsearch cannot hold.
    """
    identifier = "/".join(
        ("health", node_of(record), service_of(record), incarnation_of(record), str(record.until_ns))
    )
    found = [(bounded_id(identifier), encode(health_document(record)))]
    if isinstance(record, ServiceHealth):
        found += [
            (bounded_id(f"{identifier}/standing/{one.namespace}"), encode(standing_document(record, one)))
            for one in record.namespaces
        ]
    return found


def health_document(record: HealthRecord) -> health_fields.HealthDocument:
    """What people read of a service in an interval.

    Raises:
        DocumentError: a time that Elasticsearch cannot hold.
    """
    told = _of_sensor(record) if isinstance(record, SensorHealth) else _of_service(record)
    own = health_fields.LictorOfHealth(document="health", health=told, policies=_policies(record))
    return _document(record, own)


def standing_document(record: ServiceHealth, standing: NamespaceStanding) -> health_fields.HealthDocument:
    """What people read of a namespace in an interval.

    Raises:
        DocumentError: a time that Elasticsearch cannot hold.
    """
    told = health_fields.LictorStanding(
        file=standing.file,
        network=standing.network,
        capabilities=standing.capabilities,
        enforcement=standing.enforcement,
        workloads=standing.workloads,
        allow_listed=standing.allow_listed,
        judged=standing.judged,
        denied=standing.denied,
        alerted=standing.alerted,
    )
    own = health_fields.LictorOfHealth(document="standing", standing=told, policies=_policies(record))
    return _document(record, own, standing.namespace)


def _of_sensor(record: SensorHealth) -> health_fields.LictorHealth:
    told = health_fields.LictorHealth(complete=is_complete(record), coverage=record.coverage)
    if not record.interval:
        return told
    return msgspec.structs.replace(told, **msgspec.structs.asdict(summed(record.interval.values())))


def _of_service(record: ServiceHealth) -> health_fields.LictorHealth:
    return health_fields.LictorHealth(
        complete=is_complete(record),
        lag=sum(record.lag.values()) if record.lag else None,
        lags=record.lag,
        judged=record.counts.get("judged"),
        denied=record.counts.get("denied"),
        alerted=record.counts.get("alerted"),
        terminated=record.counts.get("terminated"),
        stored=record.counts.get("stored"),
        rejected=record.counts.get("rejected"),
        dead_letters=record.counts.get("dead_letters"),
    )


def _policies(record: HealthRecord) -> own_fields.LictorPolicies | None:
    if isinstance(record, SensorHealth) or record.policies is None:
        return None
    return own_fields.LictorPolicies(offset=record.policies.offset, hash=record.policies.hash)


def _document(
    record: HealthRecord, own: health_fields.LictorOfHealth, namespace: str = ""
) -> health_fields.HealthDocument:
    end = timestamp(record.until_ns)
    return health_fields.HealthDocument(
        timestamp=end,
        ecs=_ECS,
        data_stream=_DATA_STREAM,
        event=health_fields.HealthEvent(
            kind="metric",
            module="lictor",
            dataset=_DATASET,
            start=timestamp(record.from_ns),
            end=end,
            duration=max(0, record.until_ns - record.from_ns),  # the wall clock may have been set back
        ),
        host=health_fields.HealthHost(name=node_of(record)),
        service=health_fields.Service(
            name=f"lictor-{service_of(record)}",
            node=health_fields.ServiceNode(name=instance_of(record)),
            ephemeral_id=incarnation_of(record),
        ),
        orchestrator=ecs.Orchestrator(type="kubernetes", namespace=namespace) if namespace else None,
        lictor=own,
    )
