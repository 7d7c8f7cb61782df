"""The shape of alert rules: what Kibana 9 takes as parameters of `.es-query`, and as saved objects."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from dashboards.kibana import views
from dashboards.kibana.conditions import Seen, Silence, Surge, esql
from dashboards.kibana.rules import ALL, Rule, rule_bodies, rule_objects
from dashboards.kibana.where import All, Exists, Is, Not

IDS = {
    "denial-in-block-posture": "bf462179-a0a0-5c70-abf2-8e7c7becfe0e",
    "denials-above-baseline": "e0cd7266-9a76-5147-a286-f3a11aea0c1e",
    "evidence-incomplete": "8d88cf9d-13a7-5a67-9d95-93059f13a4e5",
    "node-silent": "4c18b32a-20d9-53aa-88f1-222401157233",
}
ROOT = Path(__file__).parents[2]
BY_KEY = {rule.key: rule for rule in ALL}


def test_ids_never_change() -> None:
    """Whoever imported a rule and gave it actions gets the same rule again."""
    assert {rule.key: rule.id for rule in ALL} == IDS
    assert all(1 <= (uuid.UUID(rule.id).version or 0) <= 5 for rule in ALL)


def test_rules_are_two_sightings_a_surge_and_a_silence() -> None:
    assert [type(rule.condition) for rule in ALL] == [Seen, Surge, Seen, Silence]


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.key)
def test_parameters_are_what_the_rule_type_takes(rule: Rule) -> None:
    parameters = rule.condition.parameters()
    common = {
        *("searchType", "size", "threshold", "thresholdComparator", "timeWindowSize", "timeWindowUnit"),
        *("aggType", "groupBy", "sourceFields", "excludeHitsFromPreviousRun"),
    }
    if isinstance(rule.condition, Seen):
        assert parameters.keys() == common | {"searchConfiguration", "termField", "termSize"}
        assert parameters["searchType"] == "searchSource"
        assert parameters["groupBy"] == "top"
        assert 0 < parameters["termSize"] <= 1_000
        term = parameters["termField"]
        assert isinstance(term, str) or 2 <= len(term) <= 4
    else:
        assert parameters.keys() == common | {"esqlQuery", "timeField"}
        assert parameters["searchType"] == "esqlQuery"
        assert parameters["groupBy"] == "row"
        assert parameters["timeField"] == "@timestamp"
        assert set(parameters["esqlQuery"]) == {"esql"}
    assert (parameters["thresholdComparator"], parameters["threshold"]) == (">", [0])
    assert parameters["timeWindowUnit"] in {"s", "m", "h", "d"}


def test_a_search_is_over_its_view_in_kql() -> None:
    condition = BY_KEY["evidence-incomplete"].condition
    assert condition.parameters()["searchConfiguration"] == {
        "query": {
            "language": "kuery",
            "query": '(lictor.document : "health") and (lictor.health.complete : false)',
        },
        "index": views.HEALTH.id,
        "filter": [],
    }


def test_a_surge_in_esql() -> None:
    assert BY_KEY["denials-above-baseline"].condition.parameters()["esqlQuery"]["esql"].splitlines() == [
        "FROM logs-lictor.verdicts-*",
        '| WHERE lictor.document == "verdict" AND lictor.candidate == "live" AND lictor.decision == "block"',
        '| EVAL subject = COALESCE(orchestrator.namespace, "(no namespace)")',
        "| EVAL is_recent = CASE(@timestamp > NOW() - 5 minutes, 1, 0)",
        "| STATS recent = SUM(is_recent), in_day = COUNT(*) BY subject",
        "| EVAL usual = (in_day - recent) / 287.0",
        "| WHERE recent >= 5 AND recent > 3 * usual",
        "| KEEP subject, recent, usual",
        "| SORT recent DESC",
    ]


def test_silence_in_esql() -> None:
    assert BY_KEY["node-silent"].condition.parameters()["esqlQuery"]["esql"].splitlines() == [
        "FROM logs-lictor.health-*",
        '| WHERE lictor.document == "health" AND service.name IN ("lictor-sensor", "lictor-enforcer")',
        "| STATS last_seen = MAX(@timestamp) BY host.name, service.name",
        "| WHERE last_seen <= NOW() - 3 minutes",
        "| KEEP host.name, service.name, last_seen",
        "| SORT last_seen",
    ]


@pytest.mark.parametrize("where", [Not(Is("a", 1)), Exists("a"), All(Is("a", 1), Not(Is("b", 2)))])
def test_what_esql_means_otherwise_is_refused(where: Any) -> None:
    with pytest.raises(TypeError, match=r"ES\|QL"):
        esql(where)


def test_saved_objects_are_disabled_and_tell_nobody() -> None:
    made = rule_objects()
    assert [one["id"] for one in made] == [rule.id for rule in ALL]
    for one, rule in zip(made, ALL, strict=True):
        attributes = one["attributes"]
        assert (one["type"], one["managed"]) == ("alert", False)
        assert (attributes["enabled"], attributes["actions"], attributes["apiKey"]) == (False, [], None)
        assert (attributes["alertTypeId"], attributes["consumer"]) == (".es-query", "stackAlerts")
        assert re.fullmatch(r"[1-9]\d*[smhd]", attributes["schedule"]["interval"])
        assert attributes["name"] == rule.name
        assert json.loads(json.dumps(one)) == one


def test_a_saved_object_refers_to_its_view_as_kibana_does() -> None:
    """Kibana keeps no id of a data view in a rule: it stands among the references."""
    for one, rule in zip(rule_objects(), ALL, strict=True):
        if not isinstance(rule.condition, Seen):
            assert one["references"] == []
            continue
        name = "kibanaSavedObjectMeta.searchSourceJSON.index"
        configuration = one["attributes"]["params"]["searchConfiguration"]
        assert "index" not in configuration
        assert configuration["indexRefName"] == name
        assert one["references"] == [
            {"name": f"param:{name}", "type": "index-pattern", "id": rule.condition.view.id}
        ]


def test_bodies_for_the_api_have_the_parameters_as_they_are() -> None:
    made = rule_bodies()
    assert list(made) == [rule.id for rule in ALL]
    for rule in ALL:
        body = made[rule.id]
        assert body["params"] == rule.condition.parameters()
        assert (body["rule_type_id"], body["enabled"], body["actions"]) == (".es-query", False, [])
        assert body.keys() == {
            *("name", "tags", "rule_type_id", "consumer", "schedule", "enabled", "params", "actions")
        }


def test_the_page_shows_a_rule_as_it_is_and_prints_the_bodies() -> None:
    page = (ROOT / "docs" / "kibana.md").read_text(encoding="utf-8")
    assert BY_KEY["denials-above-baseline"].condition.parameters()["esqlQuery"]["esql"] in page
    (command,) = re.findall(r"^python -c '(.+rule_bodies.+)'$", page, re.MULTILINE)
    done = subprocess.run(
        (sys.executable, "-c", command), check=True, capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert json.loads(done.stdout) == rule_bodies()
