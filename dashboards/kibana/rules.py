"""Alert rules: what people want to be told of, and the objects that make Kibana look for it.

They come disabled and without actions: whom to tell, and by what connector, is the operator's to say.
Kibana runs a rule with the rights of whoever enables it, so these need rights to read the data streams.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from dashboards.kibana import subjects
from dashboards.kibana.conditions import Condition, Seen, Silence, Surge
from dashboards.kibana.views import HEALTH, VERDICTS
from dashboards.kibana.where import All, Is

_NAMES = uuid.UUID("5a5e7e0c-2d4b-4b52-9d0b-6c1e35c7f1a4")
"""Ids are made in it. Kibana takes only UUIDs as ids of rules, of the versions 1 to 5."""

_TYPE = ".es-query"
_CONSUMER = "stackAlerts"
_WRITTEN = "2026-01-01T00:00:00.000Z"
"""Kibana wants times of creation; a fixed one keeps the same rules the same bytes."""

_INDEX_REFERENCE = "kibanaSavedObjectMeta.searchSourceJSON.index"
"""Kibana's name for the data view of a search; rules put `param:` before it."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An alert rule. `key` never changes: the rule's id is made of it."""

    key: str
    name: str
    description: str
    """When it fires and where to look then, for docs/kibana.md: rules of Kibana 9.0 have no place for it."""
    condition: Condition
    every: str = "1m"

    @property
    def id(self) -> str:
        """Of its saved object, the same for ever."""
        return str(uuid.uuid5(_NAMES, self.key))


ALL: tuple[Rule, ...] = (
    Rule(
        key="denial-in-block-posture",
        name="Lictor: a denial in a namespace in block posture",
        description=(
            "Something was done that no policy of the namespace allows, and its posture is block. One alert a"
            " namespace; it ends five minutes after the last such denial. See the dashboard Denials."
        ),
        condition=Seen(
            view=VERDICTS,
            where=All(*subjects.DENIALS.others, Is("lictor.posture.mode", "block")),
            by=("orchestrator.namespace",),
            minutes=5,
        ),
    ),
    Rule(
        key="denials-above-baseline",
        name="Lictor: more denials than usual",
        description=(
            "In the last five minutes a namespace had at least five denials, and more than three times as"
            " many as in five minutes of the day before on average. See the dashboard Denials."
        ),
        condition=Surge(
            view=VERDICTS,
            where=subjects.DENIALS,
            by=("orchestrator.namespace",),
            minutes=5,
            times=3,
            at_least=5,
            without="(no namespace)",
        ),
    ),
    Rule(
        key="evidence-incomplete",
        name="Lictor: evidence incomplete",
        description=(
            "A service lost events, or could not publish or store something, in the last five minutes: what"
            " the dashboards show of that time is not all that happened. See the dashboard Health."
        ),
        condition=Seen(
            view=HEALTH,
            where=subjects.INCOMPLETE,
            by=("host.name", "service.name"),
            minutes=5,
        ),
    ),
    Rule(
        key="node-silent",
        name="Lictor: a node is silent",
        description=(
            "The sensor or the enforcer of a node reported within the last day and has not for three minutes."
            " Services report every ten seconds, however little happens. The alert of a node that was removed"
            " on purpose ends a day after its last report."
        ),
        condition=Silence(
            view=HEALTH,
            where=All(subjects.HEALTH, Is("service.name", "lictor-sensor", "lictor-enforcer")),
            by=("host.name", "service.name"),
            minutes=3,
        ),
    ),
)


def rule_objects() -> list[dict[str, Any]]:
    """The rules as Kibana exports them: saved objects of type `alert`, disabled."""
    return [_saved_object(rule) for rule in ALL]


def rule_bodies() -> dict[str, dict[str, Any]]:
    """The rules for Kibana's API: the body of `POST /api/alerting/rule/{id}`, by id."""
    return {
        rule.id: {
            "name": rule.name,
            "tags": ["lictor"],
            "rule_type_id": _TYPE,
            "consumer": _CONSUMER,
            "schedule": {"interval": rule.every},
            "enabled": False,
            "params": rule.condition.parameters(),
            "actions": [],
        }
        for rule in ALL
    }


def _saved_object(rule: Rule) -> dict[str, Any]:
    """Of model version 1 (`raw_rule/v1`), which every Kibana 9 takes and brings up to its own."""
    parameters, references = _referring(rule.condition.parameters())
    return {
        "id": rule.id,
        "type": "alert",
        "attributes": {
            "name": rule.name,
            "tags": ["lictor"],
            "enabled": False,
            "alertTypeId": _TYPE,
            "consumer": _CONSUMER,
            "schedule": {"interval": rule.every},
            "params": parameters,
            "actions": [],
            "throttle": None,
            "notifyWhen": None,
            "legacyId": None,
            "apiKey": None,
            "apiKeyOwner": None,
            "apiKeyCreatedByUser": None,
            "scheduledTaskId": None,
            "createdBy": None,
            "updatedBy": None,
            "createdAt": _WRITTEN,
            "updatedAt": _WRITTEN,
            "muteAll": False,
            "mutedInstanceIds": [],
            "revision": 0,
            "running": False,
            "executionStatus": {
                "status": "pending",
                "lastExecutionDate": _WRITTEN,
                "error": None,
                "warning": None,
            },
        },
        "references": references,
        "coreMigrationVersion": "8.8.0",
        "typeMigrationVersion": "10.1.0",
        "managed": False,
    }


def _referring(parameters: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """A data view stands in a saved object as a reference, so that an import can give it another id."""
    if parameters["searchType"] != "searchSource":
        return parameters, []
    configuration = dict(parameters["searchConfiguration"])
    view = configuration.pop("index")
    configuration["indexRefName"] = _INDEX_REFERENCE
    reference = {"name": f"param:{_INDEX_REFERENCE}", "type": "index-pattern", "id": view}
    return {**parameters, "searchConfiguration": configuration}, [reference]
