"""What all saved objects have in common."""

import json

from dashboards.kibana.columns import Json
from dashboards.kibana.views import View

CORE_MIGRATION = "8.8.0"
"""Of the envelope: the last change of it in Kibana 8 and 9. A Kibana that is newer migrates from here on."""


def saved_object(
    kind: str, id_: str, attributes: Json, references: list[Json], *, migration: str | None
) -> Json:
    """One object of an export. `migration` is the version of Kibana whose attributes these are."""
    envelope: Json = {
        "id": id_,
        "type": kind,
        "attributes": attributes,
        "references": references,
        "coreMigrationVersion": CORE_MIGRATION,
        "managed": False,
    }
    if migration is not None:
        envelope["typeMigrationVersion"] = migration
    return envelope


def view_reference(view: View, name: str) -> Json:
    """A reference to a data view, under the name by which the attributes mean it."""
    return {"id": view.id, "name": name, "type": "index-pattern"}


def packed(value: object) -> str:
    """JSON within JSON, as Kibana keeps what only browsers read."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
