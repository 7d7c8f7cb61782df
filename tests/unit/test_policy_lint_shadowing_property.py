"""What lint says of shadowed rules, held against the judge: such a rule never decides, and is not missed."""

import copy
from typing import Any, NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.changes import Change, NamespaceChanged, PolicyApplied, SettingsChanged
from policy.documents import read_documents
from policy.documents.locate import place_of
from policy.documents.problems import field_path
from policy.events import (
    CapabilityEvent,
    DnsEvent,
    Event,
    Executable,
    FileEvent,
    NetworkEvent,
    SyscallEvent,
)
from policy.judge import judge
from policy.lint import lint
from policy.lint.linted import Linted
from policy.lint.shadowing import Shadow, shadows
from policy.policy_set import PolicySet
from policy.verdict import RuleReference, Verdict
from policy.workload import Workload
from tests.fixtures.policies import document, execution, pod, policy_set

# Few of each, so that rules meet: most of what is drawn is about the same handful of paths.
PATHS = ["/a/b/c", "/a/b/c", "/a/b", "/b/c"]
DIRECTORIES = ["/", "/a/", "/a/b/", "/b/"]
PATTERNS = ["/a/**", "/a/b/*", "/a/b/c", "/a/b/**", "/**", "**", "/{a,b}/c", "/a/{b/c,b/d}", "/a/[b]/c"]
SOURCES = ["/s", "/t"]
LABELS: list[dict[str, Any]] = [
    {},
    {"matchLabels": {"app": "web"}},
    {"matchLabels": {"app": "web", "tier": "front"}},
    {"matchLabels": {"kubearmor.io/container.name": "[web]"}},
    {"matchExpressions": [{"key": "label", "operator": "In", "values": ["app=web", "app=db"]}]},
    {"matchExpressions": [{"key": "label", "operator": "NotIn", "values": ["app=db"]}]},
]
CLUSTER: list[dict[str, Any]] = [
    {},
    {"matchExpressions": [{"key": "namespace", "operator": "In", "values": ["ns", "other"]}]},
    {"matchExpressions": [{"key": "namespace", "operator": "NotIn", "values": ["other"]}]},
    {"matchExpressions": [{"key": "label", "operator": "In", "values": ["app=web"]}]},
]
WORKLOADS = [
    pod(id="n/1", labels={"app": "web", "tier": "front"}),
    pod(id="n/2", labels={"app": "web"}, container="side"),
    pod(id="n/3", labels={"app": "db"}),
    pod(id="n/4", labels={}),
]

rarely = st.sampled_from([True, False, False, False])


@st.composite
def entries(draw: st.DrawFn, group: str, section: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"action": draw(st.sampled_from(["Allow", "Block", "Block", "Audit"]))}
    if group == "matchDirectories":
        rule |= {"dir": draw(st.sampled_from(DIRECTORIES)), "recursive": draw(st.booleans())}
    elif group == "matchPatterns":
        rule["pattern"] = draw(st.sampled_from(PATTERNS))
    elif section == "process" and draw(rarely):
        rule["execname"] = draw(st.sampled_from(["c", "b"]))
    else:
        rule["path"] = draw(st.sampled_from(PATHS))
    if draw(rarely):
        rule["ownerOnly"] = True
    if section == "file" and draw(rarely):
        rule["readOnly"] = True
    if group == "matchPatterns":
        return rule
    if draw(rarely):
        rule["pts"] = False
    if group == "matchPaths" and section == "process" and draw(rarely):
        rule["allowedArgs"] = draw(st.lists(st.sampled_from(["x", "y"]), min_size=1, max_size=2))
    return rule | draw(sources())


@st.composite
def sources(draw: st.DrawFn) -> dict[str, Any]:
    if not draw(st.sampled_from([True, False, False])):
        return {}
    chosen = draw(st.lists(st.sampled_from(SOURCES), min_size=1, max_size=2))
    return {"fromSource": [{"path": path} for path in chosen]}


@st.composite
def terms(draw: st.DrawFn, field: str, known: list[str]) -> dict[str, Any]:
    action = draw(st.sampled_from(["Allow", "Block", "Audit"]))
    return {"action": action, field: draw(st.sampled_from(known))} | draw(sources())


@st.composite
def calls(draw: st.DrawFn, *, on_path: bool) -> dict[str, Any]:
    rule: dict[str, Any] = {"syscall": draw(st.sampled_from([["unlink"], ["unlink", "rmdir"]]))}
    if on_path:
        rule |= {"path": draw(st.sampled_from(["/a/", "/a/b/", "/a/b/c"])), "recursive": draw(st.booleans())}
    if draw(rarely):
        rule["fromSource"] = [draw(st.sampled_from([{"path": "/s"}, {"dir": "/"}, {"dir": "/x/"}]))]
    return rule


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    for section in draw(st.sampled_from([["process"], ["file"], ["process", "file"], []])):
        spec[section] = {
            group: draw(st.lists(entries(group, section), max_size=3))
            for group in ("matchPaths", "matchDirectories", "matchPatterns")
        }
    if spec and draw(st.booleans()):
        return spec
    protocols = ["tcp", "udp", "stream", "all", "tcp,udp", "icmp"]
    spec["network"] = {
        "matchProtocols": draw(st.lists(terms("protocol", protocols), max_size=3)),
        "matchDNSQueries": draw(
            st.lists(terms("domain", ["example.com", "a.example.com", "COM"]), max_size=3)
        ),
    }
    spec["capabilities"] = {
        "matchCapabilities": draw(
            st.lists(terms("capability", ["net_raw", "chown", "net_raw,chown"]), max_size=3)
        )
    }
    spec["syscalls"] = {
        "matchSyscalls": draw(st.lists(calls(on_path=False), max_size=2)),
        "matchPaths": draw(st.lists(calls(on_path=True), max_size=2)),
    }
    return spec


class World(NamedTuple):
    around: tuple[Change, ...]
    """Postures and settings."""
    documents: list[dict[str, Any]]

    def policy_set(self) -> PolicySet:
        changes = [PolicyApplied(document=msgspec.Raw(msgspec.json.encode(one))) for one in self.documents]
        return policy_set(*self.around, *changes)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    documents: list[dict[str, Any]] = []
    for number, spec in enumerate(draw(st.lists(specs(), min_size=1, max_size=3))):
        if draw(rarely):
            more = {"kind": "KubeArmorClusterPolicy", "metadata": {"name": f"p{number}"}}
            documents.append(document(spec | {"selector": draw(st.sampled_from(CLUSTER))}, **more))
        else:
            metadata = {"name": f"p{number}", "namespace": "ns"}
            selector = draw(st.sampled_from(LABELS))
            documents.append(document(spec | {"selector": selector}, metadata=metadata))
    posture = draw(st.sampled_from(["audit", "block", "allow"]))
    given_settings = SettingsChanged(
        file_posture=posture,
        network_posture=posture,
        capabilities_posture=posture,
        match_args=draw(st.sampled_from([True, True, False])),
    )
    visible = NamespaceChanged(namespace="ns", annotations={"kubearmor-visibility": "process,file,network"})
    return World((given_settings, visible), documents)


@st.composite
def events(draw: st.DrawFn) -> Event:
    base: dict[str, Any] = {"cpu": 0, "sequence": 0, "time_ns": 0, "boot_ns": 0, "pid": 1, "start_ns": 1}
    source = draw(st.sampled_from([*SOURCES, "/u", None]))
    cut = draw(st.sampled_from([False, False, True]))
    actor = None if source is None else Executable(path=source, truncated=draw(rarely))
    path = draw(
        st.sampled_from([*PATHS, "/a/b/d", "/a/x", "/c", "c", "b/c"] if cut else [*PATHS, "/a/x", "/"])
    )
    who = {"uid": draw(st.sampled_from([0, 7])), "owner_uid": 7, "tty": draw(st.sampled_from(["", "pts0"]))}
    kind = draw(
        st.sampled_from(["process", "process", "file", "file", "network", "dns", "capability", "call"])
    )
    if kind == "process":
        event = execution(
            path,
            executable=Executable(path=path, truncated=cut),
            args=("argv0", *draw(st.lists(st.sampled_from(["x", "y", "z"]), max_size=2))),
            args_redacted=draw(rarely),
            script=draw(st.sampled_from(["", "", "/a/b/c", "/a/../a/b/c"])),
            cwd="/",
            **who,
        )
        return msgspec.structs.replace(event, source=actor)
    if kind == "file":
        access = draw(st.sampled_from(["read", "write", "rename"]))
        new = draw(st.sampled_from(PATHS)) if access == "rename" else ""
        return FileEvent(**base, **who, actor=actor, access=access, path=path, truncated=cut, new_path=new)
    if kind == "network":
        socket, protocol = draw(st.sampled_from([(1, 0), (1, 6), (2, 0), (2, 17), (3, 1), (3, 255), (10, 3)]))
        return NetworkEvent(**base, actor=actor, family=2, type=socket, protocol=protocol)
    if kind == "dns":
        name = draw(st.sampled_from(["example.com", "b.a.example.com", "com", "example.com.cluster.local"]))
        return DnsEvent(**base, actor=actor, name=name)
    if kind == "capability":
        return CapabilityEvent(**base, actor=actor, capability=draw(st.sampled_from(["net_raw", "chown"])))
    syscall = draw(st.sampled_from(["unlink", "rmdir"]))
    return SyscallEvent(**base, actor=actor, syscall=syscall, path=path, truncated=cut)


def linted(world: World) -> list[Linted]:
    texts = [read_documents(msgspec.json.encode(one).decode(), "file") for one in world.documents]
    assert not [problem for text in texts for problem in text.problems]
    return [Linted(text.documents[0], text.located[0]) for text in texts]


def without(world: World, shadow: Shadow) -> World:
    """The world less one rule."""
    documents = copy.deepcopy(world.documents)
    (changed,) = (one for one in documents if one["metadata"]["name"] == shadow.entry.linted.document.name)
    *way, group, number = place_of(shadow.entry.path)
    holder: Any = changed
    for step in way:
        holder = holder[step]
    del holder[group][number]
    return World(world.around, documents)


def told(verdict: Verdict, less: Shadow | None) -> Verdict:
    """A verdict less what may differ: its sentence, which names the acting program only where some rule asks
    for it, and the document's hash; and the places of rules after one that was taken out."""
    by = verdict.decided_by
    if isinstance(by, RuleReference):
        place = place_of(by.place)
        if less is not None and by.policy == less.entry.linted.document.name:
            gone = place_of(less.entry.path)
            if place[:-1] == gone[:-1] and int(place[-1]) > int(gone[-1]):
                place = (*place[:-1], int(place[-1]) - 1)
        by = msgspec.structs.replace(by, hash="", place=field_path(place))
    return msgspec.structs.replace(verdict, sentence="", decided_by=by)


def verdicts(current: PolicySet, asked: list[Event], workload: Workload) -> list[Verdict]:
    rules = current.for_workload(workload)
    return [judge(event, rules) for event in asked]


def is_whole(event: Event) -> bool:
    actor = getattr(event, "actor", None) or getattr(event, "source", None)
    executable = getattr(event, "executable", None)
    return not (
        getattr(event, "truncated", False)
        or getattr(event, "script", "")
        or (executable is not None and executable.truncated)
        or (actor is not None and actor.truncated)
    )


def is_credited(verdict: Verdict, shadow: Shadow) -> bool:
    by = verdict.decided_by
    return (
        isinstance(by, RuleReference)
        and by.policy == shadow.entry.linted.document.name
        and by.place == shadow.entry.path
    )


@settings(max_examples=80, deadline=None)
@given(worlds(), st.lists(events(), min_size=10, max_size=25))
def test_a_shadowed_rule_never_decides_and_removing_it_changes_nothing(
    world: World, asked: list[Event]
) -> None:
    current = world.policy_set()
    for shadow in shadows(linted(world)):
        less = without(world, shadow).policy_set() if shadow.inert else None
        for workload in WORKLOADS:
            before = verdicts(current, asked, workload)
            for event, verdict in zip(asked, before, strict=True):
                if is_whole(event) or not shadow.only_whole:
                    assert not is_credited(verdict, shadow), (shadow.entry.path, shadow.by.path, event)
            if less is not None:
                after = [told(verdict, None) for verdict in verdicts(less, asked, workload)]
                assert after == [told(verdict, shadow) for verdict in before], shadow.entry.path


@settings(max_examples=50, deadline=None)
@given(worlds())
def test_lint_never_raises_on_anything_that_can_be_read(world: World) -> None:
    texts = [read_documents(msgspec.json.encode(one).decode(), "file") for one in world.documents]
    assert all(finding.line and str(finding).isprintable() for finding in lint(texts))
