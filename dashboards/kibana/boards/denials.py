"""What was denied, by what and where, and how fast it was stopped."""

from dashboards.kibana import subjects
from dashboards.kibana.measures import Count, Last, Of, OverTime, Percentile, Top
from dashboards.kibana.panels import Board, Chart, Listing, Note, Number, Place, Share, Table
from dashboards.kibana.searches import DENIALS
from dashboards.kibana.views import VERDICTS

EXEC_TO_KILL = "lictor.outcome.exec_to_kill_ms"

BOARD = Board(
    id="lictor-denials",
    title="[Lictor] Denials",
    description="Denials over time, by workload, rule, program and source; what became of them, how fast.",
    controls=(
        ("Namespace", VERDICTS, "orchestrator.namespace"),
        ("Workload", VERDICTS, "lictor.workload.id"),
        ("Rule", VERDICTS, "rule.id"),
        ("Node", VERDICTS, "host.name"),
    ),
    panels=(
        Note(
            id="about",
            title="About this board",
            place=Place(x=0, y=0, w=48, h=4),
            text=(
                "**What was denied under the policies in force, and was it stopped?** Counts are verdicts, "
                "one for each denied event; outcomes, of orders to terminate, are counted apart. Only the "
                "start of a program leads to an order: other denials are evidence.\n\n"
                "To look into one workload or process, filter for it here and go on to "
                "[Investigate](#/view/lictor-investigate)."
            ),
        ),
        Number(
            id="denied",
            title="Denied",
            description="Events that the policies in force deny, enforced or not.",
            place=Place(x=0, y=4, w=12, h=6),
            view=VERDICTS,
            where=subjects.DENIALS,
            measures=(Count(label="Denials"),),
        ),
        Number(
            id="workloads",
            title="Workloads denied",
            description="How many distinct workloads had something denied.",
            place=Place(x=12, y=4, w=12, h=6),
            view=VERDICTS,
            where=subjects.DENIALS,
            measures=(Of(label="Workloads", what="unique_count", field="lictor.workload.id"),),
        ),
        Number(
            id="exec-to-kill",
            title="Exec to kill (p95)",
            description="From the exec to the moment its signal was sent, on the node's own clock.",
            place=Place(x=24, y=4, w=12, h=6),
            view=VERDICTS,
            where=subjects.TERMINATED,
            measures=(Percentile(label="p95", field=EXEC_TO_KILL, percent=95, unit="ms"),),
        ),
        Number(
            id="not-stopped",
            title="Orders without a kill",
            description="The denial stood, nothing was ended: gone already, expired, protected, unverified.",
            place=Place(x=36, y=4, w=12, h=6),
            view=VERDICTS,
            where=subjects.NOT_STOPPED,
            measures=(Count(label="Without a kill"),),
            may_be_empty=True,
        ),
        Chart(
            id="over-time",
            title="Denials over time, by namespace",
            description="One for each denied event.",
            place=Place(x=0, y=10, w=32, h=12),
            view=VERDICTS,
            where=subjects.DENIALS,
            kind="bar_stacked",
            x=OverTime(),
            split=Top(label="Namespace", field="orchestrator.namespace", size=8, other=True, missing=True),
            measures=(Count(label="Denials"),),
        ),
        Share(
            id="outcomes",
            title="Outcomes of orders",
            description="What became of the orders to terminate that denials led to.",
            place=Place(x=32, y=10, w=16, h=12),
            view=VERDICTS,
            where=subjects.OUTCOMES,
            by=(Top(label="Outcome", field="lictor.outcome.result", size=10),),
            measures=(Count(label="Orders"),),
        ),
        Table(
            id="by-workload",
            title="By workload",
            description="Which workloads are denied most, and for how many different programs.",
            place=Place(x=0, y=22, w=24, h=13),
            view=VERDICTS,
            where=subjects.DENIALS,
            rows=(
                Top(label="Namespace", field="orchestrator.namespace", size=5, other=True, missing=True),
                Top(label="Workload", field="lictor.workload.id", size=10),
            ),
            measures=(
                Count(label="Denials"),
                Of(label="Programs", what="unique_count", field="process.executable"),
                Last(label="Latest", field="@timestamp"),
            ),
        ),
        Table(
            id="by-rule",
            title="By rule",
            description="Which rule or default posture denies most. One that denies everywhere may be wrong.",
            place=Place(x=24, y=22, w=24, h=13),
            view=VERDICTS,
            where=subjects.DENIALS,
            rows=(
                Top(label="Rule", field="rule.id", size=15),
                Top(label="Reason", field="lictor.reason", size=3),
            ),
            measures=(
                Count(label="Denials"),
                Of(label="Workloads", what="unique_count", field="lictor.workload.id"),
                Of(label="Worst severity", what="max", field="event.severity"),
            ),
        ),
        Chart(
            id="by-executable",
            title="By program",
            description="The programs that were executed, or that did what was denied.",
            place=Place(x=0, y=35, w=24, h=12),
            view=VERDICTS,
            where=subjects.DENIALS,
            kind="bar_horizontal",
            x=Top(label="Program", field="process.executable", size=10),
            measures=(Count(label="Denials"),),
        ),
        Chart(
            id="by-source",
            title="Executed by",
            description="The program that executed the denied one: a web server here is an intruder's trace.",
            place=Place(x=24, y=35, w=24, h=12),
            view=VERDICTS,
            where=subjects.DENIALS,
            kind="bar_horizontal",
            x=Top(label="Source", field="lictor.exec.source.executable", size=10),
            measures=(Count(label="Denials"),),
        ),
        Chart(
            id="exec-to-kill-over-time",
            title="Exec to kill over time",
            description="How long denied programs ran, in milliseconds, at four percentiles.",
            place=Place(x=0, y=47, w=48, h=12),
            view=VERDICTS,
            where=subjects.TERMINATED,
            kind="line",
            x=OverTime(),
            measures=tuple(
                Percentile(label=f"p{percent}", field=EXEC_TO_KILL, percent=percent, unit="ms")
                for percent in (50, 90, 95, 99)
            ),
        ),
        Listing(
            id="latest",
            title="The latest denials, and why",
            description="Each with the sentence that says what was judged, and by what.",
            place=Place(x=0, y=59, w=48, h=20),
            search=DENIALS,
        ),
    ),
)
