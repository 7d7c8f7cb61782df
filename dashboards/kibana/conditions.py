"""What alert rules look for: as parameters of Kibana's `.es-query` rule type, and as a search. Pure.

The parameters are those of Kibana 9 (`@kbn/response-ops-rule-params`, es_query). Of each group (a
namespace, a node) for which a condition holds, Kibana keeps an alert of its own, and ends it once the
condition does not hold any more.

What compares a group with itself needs ES|QL. An Elasticsearch without it can be asked the same by
`search`, whose answer `fires` reads: so that every condition can be tried without Kibana.
"""

import json
from dataclasses import dataclass
from typing import Any, Protocol

from dashboards.kibana.views import TIME_FIELD, View
from dashboards.kibana.where import All, Is, Query, Where

_GROUPS = 1_000
"""Kibana checks no more groups (MAX_GROUPS of the rule type)."""

_EXAMPLES = 10
"""Documents that an alert carries for those whom its action tells."""

_MINUTES_A_DAY = 24 * 60

Group = tuple[str, ...]


class Condition(Protocol):
    """When an alert is due."""

    @property
    def view(self) -> View:
        """Where it looks."""
        ...

    @property
    def where(self) -> Where:
        """Which documents it looks at."""
        ...

    @property
    def by(self) -> Group:
        """Fields that make a group; an alert is named after their values."""
        ...

    def parameters(self) -> dict[str, Any]:
        """Of the rule type `.es-query`, as its API takes them."""
        ...

    def search(self, now_ms: int) -> dict[str, Any]:
        """The body of a search in the view that asks the same at a time (ms since the epoch)."""
        ...

    def fires(self, answer: dict[str, Any], now_ms: int) -> set[Group]:
        """The groups with an alert, by the answer to `search`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Seen:
    """In the last minutes there is a document such as described, of a group."""

    view: View
    where: Where
    by: tuple[str, ...]
    minutes: int

    def parameters(self) -> dict[str, Any]:
        """A KQL rule over the data view."""
        return {
            "searchType": "searchSource",
            "searchConfiguration": {
                "query": {"language": "kuery", "query": self.where.kql()},
                "index": self.view.id,
                "filter": [],
            },
            "aggType": "count",
            "groupBy": "top",
            "termField": self.by[0] if len(self.by) == 1 else list(self.by),
            "termSize": _GROUPS,
            "threshold": [0],
            "thresholdComparator": ">",
            "timeWindowSize": self.minutes,
            "timeWindowUnit": "m",
            "size": _EXAMPLES,
            "sourceFields": [],
            "excludeHitsFromPreviousRun": False,
        }

    def search(self, now_ms: int) -> dict[str, Any]:
        """Groups with documents."""
        return _grouped(self.by, [self.where.dsl(), _since(now_ms, self.minutes)], {})

    def fires(self, answer: dict[str, Any], now_ms: int) -> set[Group]:
        """Every group that there is."""
        del now_ms
        return {group for group, _ in _groups(answer)}


@dataclass(frozen=True, kw_only=True)
class Surge:
    """In the last minutes there are many more documents of a group than usual.

    Usual is the mean of as many minutes, over the rest of the last day. Documents without the field that
    makes the group are a group of their own.
    """

    view: View
    where: Where
    by: tuple[str, ...]
    minutes: int
    times: int
    """More than so many times the mean."""
    at_least: int
    """And at least so many: a first document ever is no surge."""
    without: str
    """What documents without the field are called."""

    def parameters(self) -> dict[str, Any]:
        """An ES|QL rule with an alert for every row."""
        (field,) = self.by
        return _esql_parameters(
            f"FROM {self.view.pattern}\n"
            f"| WHERE {esql(self.where)}\n"
            f"| EVAL subject = COALESCE({field}, {json.dumps(self.without)})\n"
            f"| EVAL is_recent = CASE({TIME_FIELD} > NOW() - {self.minutes} minutes, 1, 0)\n"
            "| STATS recent = SUM(is_recent), in_day = COUNT(*) BY subject\n"
            f"| EVAL usual = (in_day - recent) / {self._spells:.1f}\n"
            f"| WHERE recent >= {self.at_least} AND recent > {self.times} * usual\n"
            "| KEEP subject, recent, usual\n"
            "| SORT recent DESC"
        )

    def search(self, now_ms: int) -> dict[str, Any]:
        """Groups of the last day, and in each how many documents are recent."""
        (field,) = self.by
        group = {"terms": {"field": field, "size": _GROUPS, "missing": self.without}}
        recent = {"recent": {"filter": _since(now_ms, self.minutes)}}
        return {
            "size": 0,
            "query": {"bool": {"filter": [self.where.dsl(), _since(now_ms, _MINUTES_A_DAY)]}},
            "aggs": {"by": {**group, "aggs": recent}},
        }

    def fires(self, answer: dict[str, Any], now_ms: int) -> set[Group]:
        """Those whose recent documents are too many."""
        del now_ms
        found = set()
        for group, bucket in _groups(answer):
            recent = bucket["recent"]["doc_count"]
            usual = (bucket["doc_count"] - recent) / self._spells
            if recent >= self.at_least and recent > self.times * usual:
                found.add(group)
        return found

    @property
    def _spells(self) -> float:
        """How often the minutes fit into the day before them."""
        return _MINUTES_A_DAY / self.minutes - 1


@dataclass(frozen=True, kw_only=True)
class Silence:
    """A group that had documents in the last day has none in the last minutes."""

    view: View
    where: Where
    by: tuple[str, ...]
    minutes: int

    def parameters(self) -> dict[str, Any]:
        """An ES|QL rule with an alert for every row."""
        by = ", ".join(self.by)
        return _esql_parameters(
            f"FROM {self.view.pattern}\n"
            f"| WHERE {esql(self.where)}\n"
            f"| STATS last_seen = MAX({TIME_FIELD}) BY {by}\n"
            f"| WHERE last_seen <= NOW() - {self.minutes} minutes\n"
            f"| KEEP {by}, last_seen\n"
            "| SORT last_seen"
        )

    def search(self, now_ms: int) -> dict[str, Any]:
        """Groups of the last day, each with its latest time."""
        filters = [self.where.dsl(), _since(now_ms, _MINUTES_A_DAY)]
        return _grouped(self.by, filters, {"last": {"max": {"field": TIME_FIELD}}})

    def fires(self, answer: dict[str, Any], now_ms: int) -> set[Group]:
        """Those whose latest time is too long ago."""
        limit = now_ms - self.minutes * 60_000
        return {group for group, bucket in _groups(answer) if bucket["last"]["value"] <= limit}


def esql(where: Where) -> str:
    """A condition in ES|QL.

    Raises:
        TypeError: one whose meaning differs where a field is missing or has several values.
    """
    match where:
        case Is(field=field, values=values):
            said = ", ".join(json.dumps(value) for value in values)
            return f"{field} == {said}" if len(values) == 1 else f"{field} IN ({said})"
        case All(others=others):
            return " AND ".join(esql(one) for one in others)
        case _:
            raise TypeError(f"{where!r} cannot be said in ES|QL with the same meaning")


def _esql_parameters(query: str) -> dict[str, Any]:
    return {
        "searchType": "esqlQuery",
        "esqlQuery": {"esql": query},
        "timeField": TIME_FIELD,
        "aggType": "count",
        "groupBy": "row",
        "threshold": [0],
        "thresholdComparator": ">",
        "timeWindowSize": 1,
        "timeWindowUnit": "d",
        "size": 0,
        "sourceFields": [],
        "excludeHitsFromPreviousRun": False,
    }


def _since(now_ms: int, minutes: int) -> Query:
    """Documents of the last minutes; the limit itself is outside, as in Kibana's own filter."""
    limits = {"gt": now_ms - minutes * 60_000, "lte": now_ms, "format": "epoch_millis"}
    return {"range": {TIME_FIELD: limits}}


def _grouped(by: tuple[str, ...], filters: list[Query], inner: dict[str, Any]) -> dict[str, Any]:
    """As Kibana groups: terms for one field, multi_terms for several; here nested, which says the same."""
    for field in reversed(by):
        inner = {"by": {"terms": {"field": field, "size": _GROUPS}, **({"aggs": inner} if inner else {})}}
    return {"size": 0, "query": {"bool": {"filter": filters}}, "aggs": inner}


def _groups(answer: dict[str, Any]) -> list[tuple[Group, dict[str, Any]]]:
    """The innermost groups of an answer."""
    found: list[tuple[Group, dict[str, Any]]] = []

    def walk(level: dict[str, Any], names: Group) -> None:
        if "by" not in level:
            found.append((names, level))
            return
        for bucket in level["by"]["buckets"]:
            walk(bucket, (*names, str(bucket["key"])))

    walk(answer["aggregations"], ())
    return found
