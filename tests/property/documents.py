"""Random documents. Few words of each kind, so that several rules meet at one event."""

from itertools import product
from typing import Any

from hypothesis import strategies as st

PATHS = [*(["/a/b/c"] * 8), "/a/b", "/ab/c", "//b//c", "/a/b\\c"]
DIRECTORIES = ["/", "/a/", "/a/b/", "/a/b/", "/a//b/", "/a/b/c/", "/ab/"]
PATTERNS = ["/a/b/*", "/a/**", "/**/c", "/{a,b}/b/[bc]", "/a?/c", "/a/b/[!c]", "/a/*/c"]
PROTOCOLS = ["tcp", "tcp", "TCP", "udp", "icmp", "stream", "raw", "all", "tcp, udp", "ICMP,,raw", "all,tcp"]
DOMAINS = ["a.test", "a.test", "A.Test.", "b.a.test", "test", "svc.cluster.local", "local"]
CAPABILITIES = ["net_raw", "net_raw", "chown", "net_raw, chown", "kill,net_raw"]
SYSCALLS = ["unlink", "unlink", "unlinkat", "chown"]
PRESETS = ["protectEnv", "filelessExec", "exec", "protectProc", "anonymousMapExec"]

SECTIONS = {
    "process": "process",
    "file": "file",
    "network": "network",
    "dns": "network",
    "capability": "capabilities",
    "syscall": "syscalls",
    "memory": "presets",
}
"""Where rules about each kind of event stand."""

ABSENT = None

seldom = st.sampled_from([True, False, False, False])
often = st.sampled_from([True, True, True, False])


def some(draw: st.DrawFn, values: list[Any], least: int = 0, most: int = 2) -> list[Any]:
    return draw(st.lists(st.sampled_from(values), min_size=least, max_size=most, unique=True))


def any_of(**choices: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Each key with one of its values, or left out where that is ABSENT: one draw, however many keys."""
    combined = [
        {key: value for key, value in zip(choices, values, strict=True) if value is not ABSENT}
        for values in product(*choices.values())
    ]
    return st.sampled_from(combined)


def labels(actions: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """What may stand at every level."""
    return any_of(
        action=[ABSENT] * len(actions) + actions,
        severity=[ABSENT, ABSENT, 1, 9],
        message=[ABSENT, ABSENT, "m", ""],
        tags=[ABSENT, ABSENT, ["t"], ["u", "t"], []],
    )


LABELLED = labels(["Allow", "Audit", "Block", "allow", "AUDIT", "block"])
SOURCES = [ABSENT] * 4 + [[{"path": "/s"}], [{"path": "/t/u"}, {"path": "/s"}]]
OWNER_ONLY = [ABSENT] * 3 + [True, True, False]
PTS = [ABSENT] * 3 + [False, False, True]
FROM_SOURCE = any_of(fromSource=SOURCES)
QUALIFIED = {
    "process": any_of(ownerOnly=OWNER_ONLY, pts=PTS, fromSource=SOURCES),
    "file": any_of(ownerOnly=OWNER_ONLY, pts=PTS, fromSource=SOURCES, readOnly=OWNER_ONLY),
}
OF_PATTERN = {
    "process": any_of(ownerOnly=OWNER_ONLY),
    "file": any_of(ownerOnly=OWNER_ONLY, readOnly=OWNER_ONLY),
}
WITH_ARGUMENTS = any_of(allowedArgs=[ABSENT] * 3 + [["x"], ["x", "y"], ["y"], []])
PROGRAM = any_of(path=PATHS)
NAMED: st.SearchStrategy[dict[str, Any]] = st.one_of(PROGRAM, PROGRAM, any_of(execname=["c", "c", "b"]))
DIRECTORY = any_of(dir=DIRECTORIES, recursive=[False, True])


@st.composite
def path_rules(draw: st.DrawFn, section: str, group: str) -> dict[str, Any]:
    """A rule of the process or the file section."""
    labelled = draw(LABELLED)
    if group == "matchPatterns":
        return labelled | {"pattern": draw(st.sampled_from(PATTERNS))} | draw(OF_PATTERN[section])
    if group == "matchDirectories":
        return labelled | draw(DIRECTORY) | draw(QUALIFIED[section])
    if section == "file":
        return labelled | draw(PROGRAM) | draw(QUALIFIED[section])
    return labelled | draw(NAMED) | draw(QUALIFIED[section]) | draw(WITH_ARGUMENTS)


@st.composite
def term_rules(draw: st.DrawFn, name: str, words: list[str]) -> dict[str, Any]:
    """A rule about a protocol, a domain or a capability."""
    return draw(LABELLED) | {name: draw(st.sampled_from(words))} | draw(FROM_SOURCE)


CALLERS = [
    *([ABSENT] * 5),
    [{"path": "/s"}],
    [{"path": "/t/u"}],
    [{"dir": "/t/"}],
    [{"path": "/v"}, {"dir": "/"}],
    [{"dir": "/", "recursive": True}],
]


@st.composite
def syscall_rules(draw: st.DrawFn, group: str) -> dict[str, Any]:
    """A rule of the syscalls section."""
    rule = draw(LABELLED) | {"syscall": some(draw, SYSCALLS, least=1)}
    if group == "matchPaths":
        rule |= draw(any_of(path=[*PATHS[6:], *DIRECTORIES], recursive=[False, True]))
    return rule | draw(any_of(fromSource=CALLERS))


RULES = {
    "process": {
        group: path_rules("process", group) for group in ("matchPaths", "matchDirectories", "matchPatterns")
    },
    "file": {
        group: path_rules("file", group) for group in ("matchPaths", "matchDirectories", "matchPatterns")
    },
    "network": {
        "matchProtocols": term_rules("protocol", PROTOCOLS),
        "matchDNSQueries": term_rules("domain", DOMAINS),
    },
    "capabilities": {"matchCapabilities": term_rules("capability", CAPABILITIES)},
    "syscalls": {group: syscall_rules(group) for group in ("matchSyscalls", "matchPaths")},
}


@st.composite
def presets(draw: st.DrawFn) -> dict[str, Any]:
    """One preset. It has an action of its own: an Allow that it would inherit is refused."""
    own = {"action": draw(st.sampled_from(["Audit", "block", "Block"]))}
    return draw(LABELLED) | own | {"name": draw(st.sampled_from([*PRESETS, "anonymousMapExec"]))}


@st.composite
def specs(draw: st.DrawFn, focus: str) -> dict[str, Any]:
    """What documents of all kinds have in common; rules are mostly about events of the kind `focus`."""
    spec = draw(LABELLED)
    wanted = SECTIONS[focus]
    others = draw(st.sampled_from([[], [], [], *([name] for name in RULES)]))
    for name, groups in RULES.items():
        if name == wanted or name in others:
            least = 1 if name == wanted and draw(often) else 0
            lists = {
                group: draw(st.lists(rules, min_size=least, max_size=3)) for group, rules in groups.items()
            }
            spec = spec | {name: draw(LABELLED) | lists}
    if wanted == "presets" or (wanted in {"process", "file"} and draw(seldom)):
        spec = spec | {"presets": draw(st.lists(presets(), max_size=3))}
    return spec


LABELS = ["app=web", "app=db", "tier=front", "pod-template-hash=h"]


@st.composite
def expressions(draw: st.DrawFn, keys: list[str]) -> list[dict[str, Any]]:
    """Up to three matchExpressions."""
    written = []
    for key in draw(st.lists(st.sampled_from(keys), max_size=3)):
        values = LABELS if key == "label" else ["ns", "ns", "other", "later"]
        operator = draw(st.sampled_from(["In", "In", "NotIn"]))
        written.append({"key": key, "operator": operator, "values": some(draw, values, least=1)})
    return written


POD_LABELS: list[dict[str, str]] = [
    {"app": "web"},
    {"app": "web", "tier": "front"},
    {"app": "db"},
    {"kubearmor.io/container.name": "[web, side]"},
    {"kubearmor.io/container.name": "[side]", "app": "web"},
    {"kubearmor.io/container.name": "[ ,web]"},
    {"kubearmor.io/container.name": "[]"},
    {"pod-template-hash": "h"},
]
NODE_LABELS: list[dict[str, str]] = [
    {"kubernetes.io/hostname": "node-*"},
    {"kubearmor.io/hostname": "x, node-1"},
    {"kubernetes.io/hostname": "*-2,n?de-1"},
    {"kubernetes.io/hostname": "*o*e-1", "app": "web"},
    {"app": "web"},
]


@st.composite
def documents(draw: st.DrawFn, name: str, focus: str, *, for_host: bool) -> dict[str, Any]:
    """One document, mostly of a kind that can select the workload."""
    on_host = draw(st.sampled_from([for_host] * 9 + [not for_host]))
    spec = draw(specs(focus))
    if on_host:
        if draw(seldom):
            spec["nodeSelector"] = {"matchLabels": draw(st.sampled_from(NODE_LABELS))}
        return {"kind": "KubeArmorHostPolicy", "metadata": {"name": name}, "spec": spec}
    if draw(seldom):
        if draw(often):
            spec["selector"] = {"matchExpressions": draw(expressions(["namespace", "label"]))}
        return {"kind": "KubeArmorClusterPolicy", "metadata": {"name": name}, "spec": spec}
    selector: dict[str, Any] = {}
    if draw(seldom):
        selector["matchLabels"] = draw(st.sampled_from(POD_LABELS))
    if draw(seldom):
        selector["matchExpressions"] = draw(expressions(["label"]))
    if draw(st.booleans()) or selector:
        spec["selector"] = selector
    metadata = {
        "name": name,
        "namespace": draw(st.sampled_from(["ns"] * 8 + ["other", "default"])),
    }
    if metadata["namespace"] == "default":
        del metadata["namespace"]
    return {"kind": "KubeArmorPolicy", "metadata": metadata, "spec": spec}
