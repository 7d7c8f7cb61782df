"""A candidate policy set's verdicts beside those that were applied."""

from dashboards.kibana import subjects
from dashboards.kibana.measures import Count, Last, Of, OverTime, Split, Top
from dashboards.kibana.panels import Board, Chart, Listing, Note, Number, Place, Table
from dashboards.kibana.searches import CANDIDATES
from dashboards.kibana.views import VERDICTS
from dashboards.kibana.where import All, Not

APPLIED = Count(label="Denied as applied", where=All(subjects.LIVE, subjects.DENIAL))
BY_CANDIDATE = Count(label="Denied by candidate", where=All(Not(subjects.LIVE), subjects.DENIAL))
ALERTS = Count(label="Alerts as applied", where=All(subjects.LIVE, Not(subjects.DENIAL)))
CANDIDATE_ALERTS = Count(label="Alerts by candidate", where=All(Not(subjects.LIVE), Not(subjects.DENIAL)))

BOARD = Board(
    id="lictor-replay",
    title="[Lictor] Replay",
    description="A candidate policy set's verdicts on recorded events beside the applied ones.",
    controls=(
        ("Judged by", VERDICTS, "lictor.candidate"),
        ("Namespace", VERDICTS, "orchestrator.namespace"),
        ("Program", VERDICTS, "process.executable"),
    ),
    panels=(
        Note(
            id="about",
            title="About this board",
            place=Place(x=0, y=0, w=48, h=5),
            text=(
                "**What would change if this candidate were applied?** Verdicts of a replay stand at the "
                "times of the events they are about, so set the time range to what was replayed; nothing of "
                "a candidate was enforced.\n\n"
                "With several candidates stored, choose `live` and one name under *Judged by*. A row with "
                "denials on one side only is a difference; `lictor policy diff` compares two sets without "
                "any events."
            ),
        ),
        Number(
            id="candidates",
            title="Candidates",
            description="Policy sets that were tried on this time range.",
            place=Place(x=0, y=5, w=12, h=6),
            view=VERDICTS,
            where=subjects.CANDIDATE,
            measures=(Of(label="Candidates", what="unique_count", field="lictor.candidate"),),
            may_be_empty=True,
        ),
        Number(
            id="applied",
            title="Denied as applied",
            description="Denials under the policies in force.",
            place=Place(x=12, y=5, w=12, h=6),
            view=VERDICTS,
            where=subjects.DENIALS,
            measures=(Count(label="Denied as applied"),),
        ),
        Number(
            id="by-candidate",
            title="Denied by candidate",
            description="Denials under the candidates chosen, added up.",
            place=Place(x=24, y=5, w=12, h=6),
            view=VERDICTS,
            where=All(subjects.CANDIDATE, subjects.DENIAL),
            measures=(Count(label="Denied by candidate"),),
            may_be_empty=True,
        ),
        Number(
            id="workloads",
            title="Workloads it denies",
            description="How far a candidate's denials reach.",
            place=Place(x=36, y=5, w=12, h=6),
            view=VERDICTS,
            where=All(subjects.CANDIDATE, subjects.DENIAL),
            measures=(Of(label="Workloads", what="unique_count", field="lictor.workload.id"),),
            may_be_empty=True,
        ),
        Chart(
            id="over-time",
            title="Denials over time, applied and by candidate",
            description="Lines on top of each other: nothing changes.",
            place=Place(x=0, y=11, w=32, h=12),
            view=VERDICTS,
            where=All(subjects.VERDICT, subjects.DENIAL),
            kind="line",
            x=OverTime(),
            split=Top(label="Judged by", field="lictor.candidate", size=5),
            measures=(Count(label="Denials"),),
        ),
        Chart(
            id="decisions",
            title="Decisions of each side",
            description="Denials and alerts of each policy set.",
            place=Place(x=32, y=11, w=16, h=12),
            view=VERDICTS,
            where=subjects.VERDICT,
            kind="bar_stacked",
            x=Split(label="Judged by", parts=(("Applied", subjects.LIVE), ("Candidate", Not(subjects.LIVE)))),
            split=Top(label="Decision", field="lictor.decision", size=4),
            measures=(Count(label="Verdicts"),),
        ),
        Table(
            id="by-program",
            title="By namespace and program",
            description="Where the two sides differ is what the candidate changes.",
            place=Place(x=0, y=23, w=48, h=15),
            view=VERDICTS,
            where=subjects.VERDICT,
            rows=(
                Top(label="Namespace", field="orchestrator.namespace", size=10, other=True, missing=True),
                Top(label="Program", field="process.executable", size=20),
            ),
            measures=(
                BY_CANDIDATE,
                APPLIED,
                CANDIDATE_ALERTS,
                ALERTS,
                Last(
                    label="Candidate's latest sentence",
                    field="event.reason",
                    text=True,
                    where=Not(subjects.LIVE),
                ),
            ),
        ),
        Table(
            id="by-rule",
            title="By rule",
            description="Which rules of a candidate decide, and those in force for the same events.",
            place=Place(x=0, y=38, w=24, h=13),
            view=VERDICTS,
            where=subjects.VERDICT,
            rows=(Top(label="Rule", field="rule.id", size=20),),
            measures=(BY_CANDIDATE, APPLIED, CANDIDATE_ALERTS, ALERTS),
        ),
        Table(
            id="by-workload",
            title="By workload",
            description="Which workloads a candidate concerns.",
            place=Place(x=24, y=38, w=24, h=13),
            view=VERDICTS,
            where=subjects.VERDICT,
            rows=(Top(label="Workload", field="lictor.workload.id", size=20),),
            measures=(BY_CANDIDATE, APPLIED, CANDIDATE_ALERTS, ALERTS),
        ),
        Listing(
            id="verdicts",
            title="Candidates' verdicts, newest first",
            description="Each with its sentence.",
            place=Place(x=0, y=51, w=48, h=18),
            search=CANDIDATES,
        ),
    ),
)
