"""One workload or process: what it did, where it came from, what it touched."""

from dashboards.kibana import subjects
from dashboards.kibana.measures import Count, Last, Of, OverTime, Split, Top
from dashboards.kibana.panels import Board, Chart, Listing, Note, Number, Place, Table
from dashboards.kibana.searches import ANCESTRY, EVENTS, TIMELINE
from dashboards.kibana.views import EVENTS as EVENTS_VIEW
from dashboards.kibana.views import VERDICTS
from dashboards.kibana.where import All, Exists, Is

DENIED = Count(label="Denied", where=subjects.DENIAL)

BOARD = Board(
    id="lictor-investigate",
    title="[Lictor] Investigate",
    description="One workload or process: timeline, ancestry, files, network.",
    controls=(
        ("Namespace", VERDICTS, "orchestrator.namespace"),
        ("Pod", VERDICTS, "orchestrator.resource.name"),
        ("Workload", VERDICTS, "lictor.workload.id"),
        ("Process", VERDICTS, "process.entity_id"),
    ),
    panels=(
        Note(
            id="about",
            title="About this board",
            place=Place(x=0, y=0, w=48, h=4),
            text=(
                "**What did this workload or process do, what started it, what did it touch?** Choose it "
                "with the controls above, from left to right; a process keeps its id through every "
                "exec.\n\n"
                "Upper panels show what was denied or alerted. Those named *stored events* also show what "
                "passed in silence, and are empty unless events are stored (`LICTOR_STORE_EVENTS`)."
            ),
        ),
        Number(
            id="processes",
            title="Processes",
            description="Distinct processes with a verdict.",
            place=Place(x=0, y=4, w=12, h=6),
            view=VERDICTS,
            where=subjects.APPLIED,
            measures=(Of(label="Processes", what="unique_count", field="process.entity_id"),),
        ),
        Number(
            id="programs",
            title="Programs",
            description="Distinct programs with a verdict.",
            place=Place(x=12, y=4, w=12, h=6),
            view=VERDICTS,
            where=subjects.APPLIED,
            measures=(Of(label="Programs", what="unique_count", field="process.executable"),),
        ),
        Number(
            id="denied",
            title="Denied",
            description="Of the verdicts, the denials.",
            place=Place(x=24, y=4, w=12, h=6),
            view=VERDICTS,
            where=subjects.DENIALS,
            measures=(Count(label="Denied"),),
        ),
        Number(
            id="terminated",
            title="Terminated",
            description="Orders that ended a process.",
            place=Place(x=36, y=4, w=12, h=6),
            view=VERDICTS,
            where=subjects.TERMINATED,
            measures=(Count(label="Terminated"),),
        ),
        Chart(
            id="timeline",
            title="Verdicts over time, by what was done",
            description="Denials and alerts.",
            place=Place(x=0, y=10, w=24, h=11),
            view=VERDICTS,
            where=subjects.APPLIED,
            kind="bar_stacked",
            x=OverTime(),
            split=Top(label="Did", field="event.action", size=10, other=True),
            measures=(Count(label="Verdicts"),),
        ),
        Chart(
            id="events-timeline",
            title="Stored events over time, by what was done",
            description="All that was seen; only where events are stored.",
            place=Place(x=24, y=10, w=24, h=11),
            view=EVENTS_VIEW,
            where=Is("lictor.document", "event"),
            kind="bar_stacked",
            x=OverTime(),
            split=Top(label="Did", field="event.action", size=10, other=True),
            measures=(Count(label="Events"),),
            may_be_empty=True,
        ),
        Listing(
            id="documents",
            title="Verdicts and outcomes, newest first",
            description="Each in one sentence.",
            place=Place(x=0, y=21, w=48, h=15),
            search=TIMELINE,
        ),
        Table(
            id="lineage",
            title="Who executed what",
            description="Parent, the program that called exec, and what it executed.",
            place=Place(x=0, y=36, w=48, h=12),
            view=VERDICTS,
            where=All(subjects.APPLIED, Is("lictor.kind", "process")),
            rows=(
                Top(label="Parent", field="process.parent.executable", size=10, other=True, missing=True),
                Top(label="By", field="lictor.exec.source.executable", size=5, other=True, missing=True),
                Top(label="Program", field="process.executable", size=10),
            ),
            measures=(
                Count(label="Times"),
                DENIED,
                Of(label="Users", what="unique_count", field="user.id"),
                Last(label="Latest command line", field="process.command_line", text=True),
            ),
        ),
        Listing(
            id="ancestry",
            title="Ancestry, the parent first",
            description="The programs above each one that was executed, up to where the sensor looked.",
            place=Place(x=0, y=48, w=48, h=13),
            search=ANCESTRY,
        ),
        Table(
            id="files",
            title="Files",
            description="Files with a verdict, by what was done to them.",
            place=Place(x=0, y=61, w=24, h=13),
            view=VERDICTS,
            where=All(subjects.APPLIED, Exists("file.path")),
            rows=(
                Top(label="File", field="file.path", size=20),
                Top(label="Did", field="event.action", size=5),
            ),
            measures=(Count(label="Times"), DENIED, Last(label="Latest", field="@timestamp")),
            may_be_empty=True,
        ),
        Table(
            id="network",
            title="Network",
            description="Addresses with a verdict, by direction and transport.",
            place=Place(x=24, y=61, w=24, h=13),
            view=VERDICTS,
            where=All(subjects.APPLIED, Exists("destination.address")),
            rows=(
                Top(label="Address", field="destination.address", size=20),
                Top(label="Did", field="event.action", size=5),
                Top(label="Transport", field="network.transport", size=3, other=True, missing=True),
            ),
            measures=(
                Count(label="Times"),
                DENIED,
                Of(label="Ports", what="unique_count", field="destination.port"),
            ),
            may_be_empty=True,
        ),
        Table(
            id="stored-files",
            title="Files in stored events",
            description="Files that were touched, denied or not; only where events are stored.",
            place=Place(x=0, y=74, w=24, h=13),
            view=EVENTS_VIEW,
            where=Exists("file.path"),
            rows=(
                Top(label="File", field="file.path", size=20),
                Top(label="Program", field="process.executable", size=5),
            ),
            measures=(
                Count(label="Times"),
                Count(label="Refused by the kernel", where=Is("event.outcome", "failure")),
                Last(label="Latest", field="@timestamp"),
            ),
            may_be_empty=True,
        ),
        Table(
            id="stored-network",
            title="Network and names in stored events",
            description="Addresses and names that were asked for; only where events are stored.",
            place=Place(x=24, y=74, w=24, h=13),
            view=EVENTS_VIEW,
            where=subjects.ON_THE_NETWORK,
            rows=(
                Top(label="Address", field="destination.address", size=20, other=True, missing=True),
                Top(label="Name", field="dns.question.name", size=10, other=True, missing=True),
            ),
            measures=(Count(label="Times"), Last(label="Latest", field="@timestamp")),
            may_be_empty=True,
        ),
        Chart(
            id="privileges",
            title="Capabilities, system calls and entries from outside",
            description="What an intruder does that a program of the image seldom needs to.",
            place=Place(x=0, y=87, w=48, h=9),
            view=VERDICTS,
            where=subjects.APPLIED,
            kind="bar_stacked",
            x=OverTime(),
            split=Split(
                label="Sign",
                parts=(
                    ("Entered from outside", Is("lictor.exec.entered", True)),
                    ("Program deleted from disk", Is("lictor.process.unlinked", True)),
                    ("Asked for a capability", Exists("lictor.capability")),
                    ("Judged system call", Exists("lictor.syscall")),
                ),
            ),
            measures=(Count(label="Verdicts"),),
            may_be_empty=True,
        ),
        Listing(
            id="events",
            title="Stored events, newest first",
            description="All that was seen; only where events are stored.",
            place=Place(x=0, y=96, w=48, h=15),
            search=EVENTS,
        ),
    ),
)
