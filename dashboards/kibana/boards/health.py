"""Whether what the other boards show is all there was."""

from dashboards.kibana import subjects
from dashboards.kibana.measures import Count, Last, Of, OverTime, Split, Top
from dashboards.kibana.panels import Board, Chart, Listing, Note, Number, Place, Table
from dashboards.kibana.searches import INCOMPLETE
from dashboards.kibana.views import HEALTH
from dashboards.kibana.where import Is

NODE = Top(label="Node", field="host.name", size=20, other=True)
SERVICE = Top(label="Service", field="service.name", size=4)
INSTANCE = Top(label="Instance", field="service.node.name", size=20)

BOARD = Board(
    id="lictor-health",
    title="[Lictor] Health",
    description="Events per second, lag, loss, coverage, and whether evidence is complete.",
    since="now-1h",
    controls=(
        ("Node", HEALTH, "host.name"),
        ("Service", HEALTH, "service.name"),
        ("Instance", HEALTH, "service.node.name"),
    ),
    panels=(
        Note(
            id="about",
            title="About this board",
            place=Place(x=0, y=0, w=48, h=4),
            text=(
                "**Can you rely on the other boards for this time range?** Every service tells every few "
                "seconds what it took in, what it lost and what waits; an interval with a loss makes the "
                "evidence of its node incomplete, and a node that says nothing has no evidence at all."
            ),
        ),
        Number(
            id="incomplete",
            title="Incomplete intervals",
            description="Something was lost or not published. Nothing may be concluded from silence then.",
            place=Place(x=0, y=4, w=12, h=6),
            view=HEALTH,
            where=subjects.INCOMPLETE,
            measures=(Count(label="Incomplete"),),
            may_be_empty=True,
        ),
        Number(
            id="lost",
            title="Events lost",
            description="Dropped in the kernel, because a ring was full.",
            place=Place(x=12, y=4, w=12, h=6),
            view=HEALTH,
            where=subjects.health_of("sensor"),
            measures=(Of(label="Lost", what="sum", field="lictor.health.lost"),),
            may_be_empty=True,
        ),
        Number(
            id="nodes",
            title="Nodes that report",
            description="Nodes with a sensor that was heard of.",
            place=Place(x=24, y=4, w=12, h=6),
            view=HEALTH,
            where=subjects.health_of("sensor"),
            measures=(Of(label="Nodes", what="unique_count", field="host.name"),),
        ),
        Number(
            id="dead-letters",
            title="Dead letters",
            description="Records that could not be used, kept aside with the reason.",
            place=Place(x=36, y=4, w=12, h=6),
            view=HEALTH,
            where=subjects.HEALTH,
            measures=(Of(label="Dead letters", what="sum", field="lictor.health.dead_letters"),),
            may_be_empty=True,
        ),
        Chart(
            id="complete",
            title="Is evidence complete?",
            description="Intervals of all services, whole and with a loss.",
            place=Place(x=0, y=10, w=24, h=11),
            view=HEALTH,
            where=subjects.HEALTH,
            kind="bar_stacked",
            x=OverTime(),
            split=Split(
                label="Evidence",
                parts=(
                    ("Complete", Is("lictor.health.complete", True)),
                    ("Incomplete", Is("lictor.health.complete", False)),
                ),
            ),
            measures=(Count(label="Intervals"),),
        ),
        Chart(
            id="loss",
            title="Loss over time",
            description="Events lost in the kernel, and events received but not published.",
            place=Place(x=24, y=10, w=24, h=11),
            view=HEALTH,
            where=subjects.health_of("sensor"),
            kind="bar_stacked",
            x=OverTime(),
            measures=(
                Of(label="Lost in the kernel", what="sum", field="lictor.health.lost"),
                Of(label="Not published", what="sum", field="lictor.health.unpublished"),
            ),
            may_be_empty=True,
        ),
        Chart(
            id="events",
            title="Events per second, from kernel to store",
            description="Seen and kept by sensors, judged by stream workers, documents stored by the sink.",
            place=Place(x=0, y=21, w=24, h=12),
            view=HEALTH,
            where=subjects.HEALTH,
            kind="line",
            x=OverTime(),
            measures=(
                Of(label="Seen", what="sum", field="lictor.health.seen", per="s"),
                Of(label="Published", what="sum", field="lictor.health.published", per="s"),
                Of(label="Judged", what="sum", field="lictor.health.judged", per="s"),
                Of(label="Stored", what="sum", field="lictor.health.stored", per="s"),
            ),
        ),
        Chart(
            id="lag",
            title="Lag by instance",
            description="Records that waited to be read, at most in each interval. Growing: too slow.",
            place=Place(x=24, y=21, w=24, h=12),
            view=HEALTH,
            where=subjects.HEALTH,
            kind="line",
            x=OverTime(),
            split=INSTANCE,
            measures=(Of(label="Records waiting", what="max", field="lictor.health.lag"),),
        ),
        Table(
            id="sensors",
            title="Sensors: coverage and balance",
            description="What each node's sensor collects, and where what it saw went.",
            place=Place(x=0, y=33, w=48, h=12),
            view=HEALTH,
            where=subjects.health_of("sensor"),
            rows=(NODE,),
            measures=(
                Of(label="Seen", what="sum", field="lictor.health.seen"),
                Of(label="Filtered", what="sum", field="lictor.health.filtered"),
                Of(label="Coalesced", what="sum", field="lictor.health.coalesced"),
                Of(label="Published", what="sum", field="lictor.health.published"),
                Of(label="Lost", what="sum", field="lictor.health.lost"),
                Of(label="Not published", what="sum", field="lictor.health.unpublished"),
                Last(label="Covers", field="lictor.health.coverage", text=True, several=True),
                Last(label="Last heard of", field="@timestamp"),
            ),
        ),
        Table(
            id="services",
            title="Services: work, lag, and the policies they use",
            description="Instances with different policy hashes for long do not follow the policy topic.",
            place=Place(x=0, y=45, w=48, h=13),
            view=HEALTH,
            where=subjects.HEALTH,
            rows=(SERVICE, Top(label="Node", field="host.name", size=10), INSTANCE),
            measures=(
                Count(label="Reports"),
                Count(label="Incomplete", where=Is("lictor.health.complete", False)),
                Of(label="Runs", what="unique_count", field="service.ephemeral_id"),
                Of(label="Judged", what="sum", field="lictor.health.judged"),
                Of(label="Terminated", what="sum", field="lictor.health.terminated"),
                Of(label="Stored", what="sum", field="lictor.health.stored"),
                Of(label="Rejected", what="sum", field="lictor.health.rejected"),
                Of(label="Greatest lag", what="max", field="lictor.health.lag"),
                Last(label="Policies", field="lictor.policies.hash", text=True),
                Last(label="Last heard of", field="@timestamp"),
            ),
        ),
        Listing(
            id="incomplete-intervals",
            title="Which intervals are incomplete",
            description="When, where and how much; empty is good.",
            place=Place(x=0, y=58, w=48, h=12),
            search=INCOMPLETE,
        ),
    ),
)
