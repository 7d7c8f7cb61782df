"""Saved searches: documents to read one by one, newest first."""

from dashboards.kibana import subjects, views
from dashboards.kibana.panels import Search
from dashboards.kibana.where import All, Exists, Is

DENIALS = Search(
    id="lictor-search-denials",
    title="[Lictor] Denials, newest first",
    description="What was denied under the policies in force, with the sentence that says why.",
    view=views.VERDICTS,
    where=subjects.DENIALS,
    columns=(
        "orchestrator.namespace",
        "lictor.workload.id",
        "process.executable",
        "event.action",
        "rule.id",
        "lictor.enforcement",
        "event.reason",
    ),
)

OUTCOMES = Search(
    id="lictor-search-outcomes",
    title="[Lictor] Outcomes of orders, newest first",
    description="What became of each order to end a denied process, and how long that took.",
    view=views.VERDICTS,
    where=subjects.OUTCOMES,
    columns=(
        "host.name",
        "process.executable",
        "process.pid",
        "lictor.outcome.result",
        "lictor.outcome.exec_to_kill_ms",
        "message",
    ),
)

TIMELINE = Search(
    id="lictor-search-timeline",
    title="[Lictor] Verdicts and outcomes of a workload or process",
    description="Everything that was judged worth telling, and what became of it, in the order it happened.",
    view=views.VERDICTS,
    where=subjects.LIVE,
    columns=(
        "lictor.document",
        "lictor.decision",
        "event.action",
        "process.pid",
        "process.executable",
        "user.id",
        "message",
    ),
)

ANCESTRY = Search(
    id="lictor-search-ancestry",
    title="[Lictor] Ancestry of executed programs",
    description="What was executed with which arguments, and the programs above it, the parent first.",
    view=views.VERDICTS,
    where=All(subjects.APPLIED, Is("lictor.kind", "process")),
    columns=(
        "process.command_line",
        "process.parent.executable",
        "lictor.process.ancestors.executable",
        "lictor.exec.source.executable",
        "lictor.exec.entered",
        "process.working_directory",
        "process.entity_id",
    ),
)

EVENTS = Search(
    id="lictor-search-events",
    title="[Lictor] Stored events",
    description="Every event, judged worth telling or not; only where events are stored too.",
    view=views.EVENTS,
    where=Is("lictor.document", "event"),
    columns=(
        "event.action",
        "process.pid",
        "process.executable",
        "process.command_line",
        "file.path",
        "destination.address",
        "dns.question.name",
    ),
    may_be_empty=True,
)

CANDIDATES = Search(
    id="lictor-search-candidates",
    title="[Lictor] A candidate's verdicts, newest first",
    description="What a candidate policy set says of recorded events. Nothing of it was enforced.",
    view=views.VERDICTS,
    where=subjects.CANDIDATE,
    columns=(
        "lictor.candidate",
        "lictor.decision",
        "orchestrator.namespace",
        "process.executable",
        "rule.id",
        "event.reason",
    ),
    may_be_empty=True,
)

INCOMPLETE = Search(
    id="lictor-search-incomplete",
    title="[Lictor] Intervals with incomplete evidence",
    description="When and where something was lost: what happened then may be missing from every board.",
    view=views.HEALTH,
    where=All(subjects.INCOMPLETE, Exists("host.name")),
    columns=(
        "host.name",
        "service.name",
        "service.node.name",
        "event.start",
        "event.end",
        "lictor.health.lost",
        "lictor.health.unpublished",
        "lictor.health.dead_letters",
    ),
    may_be_empty=True,
)

ALL = (DENIALS, OUTCOMES, TIMELINE, ANCESTRY, EVENTS, CANDIDATES, INCOMPLETE)
