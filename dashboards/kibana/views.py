"""Kibana's data views: which indices a panel looks into, and which field is the time."""

from dataclasses import dataclass

TIME_FIELD = "@timestamp"


@dataclass(frozen=True, kw_only=True)
class View:
    """A data view. `id` is its saved object's, stable for ever: dashboards of users point to it."""

    id: str
    pattern: str
    """Index pattern, over all of the data stream's namespaces."""
    name: str


VERDICTS = View(
    id="lictor-view-verdicts", pattern="logs-lictor.verdicts-*", name="Lictor verdicts and outcomes"
)
EVENTS = View(id="lictor-view-events", pattern="logs-lictor.events-*", name="Lictor events")
HEALTH = View(id="lictor-view-health", pattern="logs-lictor.health-*", name="Lictor health and standing")

ALL = (VERDICTS, EVENTS, HEALTH)
