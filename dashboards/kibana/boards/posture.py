"""How namespaces stand, and what would change if they stood stricter."""

from dashboards.kibana import subjects
from dashboards.kibana.measures import Count, Last, Of, OverTime, Top
from dashboards.kibana.panels import Board, Chart, Note, Number, Place, Share, Table
from dashboards.kibana.views import HEALTH, VERDICTS
from dashboards.kibana.where import Is

NAMESPACE = Top(label="Namespace", field="orchestrator.namespace", size=50, other=True, missing=True)

BOARD = Board(
    id="lictor-posture",
    title="[Lictor] Posture",
    description="Namespaces by posture and enforcement, workloads in allow-list mode, what would be denied.",
    controls=(("Namespace", HEALTH, "orchestrator.namespace"), ("Node", HEALTH, "host.name")),
    panels=(
        Note(
            id="about",
            title="About this board",
            place=Place(x=0, y=0, w=48, h=4),
            text=(
                "**Which namespaces are held to what, and is it safe to hold them to more?** The table says "
                "how each namespace stands; the lower half lists what passed and would be denied under "
                "block posture with enforcement, to be allowed or accepted before you switch.\n\n"
                "A row without a namespace is the nodes themselves: processes outside of Kubernetes."
            ),
        ),
        Number(
            id="namespaces",
            title="Namespaces seen",
            description="Namespaces in which something ran.",
            place=Place(x=0, y=4, w=12, h=6),
            view=HEALTH,
            where=subjects.STANDING,
            measures=(Of(label="Namespaces", what="unique_count", field="orchestrator.namespace"),),
        ),
        Number(
            id="enforced",
            title="Namespaces enforced",
            description="Namespaces where a denied program is terminated.",
            place=Place(x=12, y=4, w=12, h=6),
            view=HEALTH,
            where=subjects.STANDING,
            measures=(
                Of(
                    label="Enforced",
                    what="unique_count",
                    field="orchestrator.namespace",
                    where=Is("lictor.standing.enforcement", "terminate"),
                ),
            ),
        ),
        Number(
            id="blocking",
            title="In block posture",
            description="Namespaces where what no rule allows is denied, in at least one section.",
            place=Place(x=24, y=4, w=12, h=6),
            view=HEALTH,
            where=subjects.STANDING,
            measures=(
                Of(
                    label="In block posture",
                    what="unique_count",
                    field="orchestrator.namespace",
                    where=subjects.BLOCK_POSTURE,
                ),
            ),
        ),
        Number(
            id="would-be-denied",
            title="Would be denied",
            description="What passed only because of audit posture, audit mode, or enforcement that is off.",
            place=Place(x=36, y=4, w=12, h=6),
            view=VERDICTS,
            where=subjects.WOULD_BE_DENIED,
            measures=(Count(label="Would be denied"),),
            may_be_empty=True,
        ),
        Table(
            id="standing",
            title="How each namespace stands",
            description=(
                "Default posture of each section and enforcement as last heard; the workloads that did "
                "something in one interval of one stream worker, at most."
            ),
            place=Place(x=0, y=10, w=48, h=13),
            view=HEALTH,
            where=subjects.STANDING,
            rows=(NAMESPACE,),
            measures=(
                Of(label="Judged", what="sum", field="lictor.standing.judged"),
                Of(label="Denied", what="sum", field="lictor.standing.denied"),
                Of(label="Alerted", what="sum", field="lictor.standing.alerted"),
                Of(label="Workloads", what="max", field="lictor.standing.workloads"),
                Of(label="In allow-list mode", what="max", field="lictor.standing.allow_listed"),
                Last(label="Files", field="lictor.standing.file", text=True),
                Last(label="Network", field="lictor.standing.network", text=True),
                Last(label="Capabilities", field="lictor.standing.capabilities", text=True),
                Last(label="Enforcement", field="lictor.standing.enforcement", text=True),
            ),
        ),
        Share(
            id="by-posture",
            title="By posture and enforcement",
            description="By posture of files. A namespace that changed counts in each way it stood.",
            place=Place(x=0, y=23, w=16, h=13),
            view=HEALTH,
            where=subjects.STANDING,
            by=(
                Top(label="File posture", field="lictor.standing.file", size=3),
                Top(label="Enforcement", field="lictor.standing.enforcement", size=2),
            ),
            measures=(Of(label="Namespaces", what="unique_count", field="orchestrator.namespace"),),
        ),
        Chart(
            id="allow-listed",
            title="Workloads in allow-list mode",
            description="Those that an Allow rule selects, by namespace; at most in one interval.",
            place=Place(x=16, y=23, w=32, h=13),
            view=HEALTH,
            where=subjects.STANDING,
            kind="area_stacked",
            x=OverTime(),
            split=NAMESPACE,
            measures=(Of(label="Workloads", what="max", field="lictor.standing.allow_listed"),),
        ),
        Chart(
            id="would-be-denied-over-time",
            title="What would be denied, over time",
            description="Falling to nothing and staying there: the namespace is ready for block posture.",
            place=Place(x=0, y=36, w=24, h=13),
            view=VERDICTS,
            where=subjects.WOULD_BE_DENIED,
            kind="bar_stacked",
            x=OverTime(),
            split=NAMESPACE,
            measures=(Count(label="Would be denied"),),
            may_be_empty=True,
        ),
        Table(
            id="allow-list-misses",
            title="What allow-lists miss, by workload",
            description="What workloads in allow-list mode did without a rule that allows it.",
            place=Place(x=24, y=36, w=24, h=13),
            view=VERDICTS,
            where=subjects.ALLOW_LIST,
            rows=(
                Top(label="Workload", field="lictor.workload.id", size=15),
                Top(label="Section", field="lictor.posture.section", size=3),
            ),
            measures=(
                Count(label="Misses"),
                Count(label="Denied", where=subjects.DENIAL),
                Of(label="Programs", what="unique_count", field="process.executable"),
                Last(label="Latest", field="@timestamp"),
            ),
            may_be_empty=True,
        ),
        Table(
            id="would-be-denied-by-program",
            title="What would be denied, by program",
            description="What to allow, or to accept as denied, before the namespace is switched.",
            place=Place(x=0, y=49, w=48, h=15),
            view=VERDICTS,
            where=subjects.WOULD_BE_DENIED,
            rows=(
                Top(label="Namespace", field="orchestrator.namespace", size=10, other=True, missing=True),
                Top(label="Program", field="process.executable", size=10),
                Top(label="Did", field="event.action", size=5),
            ),
            measures=(
                Count(label="Times"),
                Of(label="Workloads", what="unique_count", field="lictor.workload.id"),
                Last(label="Reason of the latest", field="event.reason", text=True),
                Last(label="Latest", field="@timestamp"),
            ),
            may_be_empty=True,
        ),
    ),
)
