"""Random documents. Few words of each kind, so that several rules meet at one event."""

from typing import Any

from hypothesis import strategies as st

PATHS = ["/a/b/c", "/a/b/c", "/a/b/c", "/a/b/c", "/a/b", "/ab/c", "//b//c", "/a/b\\c"]
DIRECTORIES = ["/", "/a/", "/a/b/", "/a/b/", "/a//b/", "/a/b/c/", "/ab/"]
PATTERNS = ["/a/b/*", "/a/**", "/**/c", "/{a,b}/b/[bc]", "/a?/c", "/a/b/[!c]", "/a/*/c"]
PROGRAMS = ["/s", "/t/u"]
ARGUMENTS = ["x", "y"]
PROTOCOLS = ["tcp", "tcp", "TCP", "udp", "icmp", "stream", "raw", "all", "tcp, udp", "ICMP,,raw", "all,tcp"]
DOMAINS = ["a.test", "a.test", "A.Test.", "b.a.test", "test", "svc.cluster.local", "local"]
CAPABILITIES = ["net_raw", "net_raw", "chown", "net_raw, chown", "kill,net_raw"]
SYSCALLS = ["unlink", "unlink", "unlinkat", "chown"]
PRESETS = ["protectEnv", "filelessExec", "exec", "protectProc", "anonymousMapExec"]
ACTIONS = ["Allow", "Allow", "allow", "Audit", "AUDIT", "Block", "block"]

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

seldom: st.SearchStrategy[Any] = st.sampled_from([True, False, False, False])
often: st.SearchStrategy[Any] = st.sampled_from([True, True, True, False])


def some(draw: st.DrawFn, values: list[Any], least: int = 0, most: int = 2) -> list[Any]:
    return draw(st.lists(st.sampled_from(values), min_size=least, max_size=most, unique=True))


def labels(draw: st.DrawFn, actions: list[str] = ACTIONS) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if draw(st.booleans()):
        written["action"] = draw(st.sampled_from(actions))
    if draw(seldom):
        written["severity"] = draw(st.integers(1, 10))
    if draw(seldom):
        written["message"] = draw(st.sampled_from(["m", "n", ""]))
    if draw(seldom):
        written["tags"] = some(draw, ["t", "u"])
    return written


def from_source(draw: st.DrawFn) -> dict[str, Any]:
    if not draw(seldom):
        return {}
    return {"fromSource": [{"path": path} for path in some(draw, PROGRAMS, least=1)]}


@st.composite
def path_rules(draw: st.DrawFn, section: str, group: str) -> dict[str, Any]:
    """A rule of the process or the file section."""
    rule = labels(draw)
    if group == "matchDirectories":
        rule["dir"] = draw(st.sampled_from(DIRECTORIES))
        rule["recursive"] = draw(st.booleans())
    elif group == "matchPatterns":
        rule["pattern"] = draw(st.sampled_from(PATTERNS))
    elif section == "process" and draw(seldom):
        rule["execname"] = draw(st.sampled_from(["c", "c", "b"]))
    else:
        rule["path"] = draw(st.sampled_from(PATHS))
    if draw(seldom):
        rule["ownerOnly"] = draw(often)
    if section == "file" and draw(seldom):
        rule["readOnly"] = draw(often)
    if group != "matchPatterns":
        rule |= from_source(draw)
        if draw(seldom):
            rule["pts"] = draw(seldom)
    if section == "process" and group == "matchPaths" and draw(seldom):
        rule["allowedArgs"] = some(draw, ARGUMENTS, least=draw(often))
    return rule


@st.composite
def term_rules(draw: st.DrawFn, name: str, words: list[str]) -> dict[str, Any]:
    """A rule about a protocol, a domain or a capability."""
    return labels(draw) | {name: draw(st.sampled_from(words))} | from_source(draw)


@st.composite
def syscall_rules(draw: st.DrawFn, group: str) -> dict[str, Any]:
    """A rule of the syscalls section."""
    rule = labels(draw) | {"syscall": some(draw, SYSCALLS, least=1)}
    if group == "matchPaths":
        rule["path"] = draw(st.sampled_from([*PATHS[3:], *DIRECTORIES]))
        rule["recursive"] = draw(st.booleans())
    if draw(seldom):
        rule["fromSource"] = [
            draw(
                st.sampled_from(
                    [
                        {"path": "/s"},
                        {"path": "/t/u"},
                        {"dir": "/t/"},
                        {"dir": "/"},
                        {"dir": "/", "recursive": True},
                    ]
                )
            )
        ]
    return rule


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
    """One preset."""
    actions = ["Audit", "block", "Block"]
    # An Allow that it would inherit is refused.
    own = {"action": draw(st.sampled_from(actions))}
    return own | labels(draw, actions) | {"name": draw(st.sampled_from([*PRESETS, "anonymousMapExec"]))}


@st.composite
def specs(draw: st.DrawFn, focus: str) -> dict[str, Any]:
    """What documents of all kinds have in common; rules are mostly about events of the kind `focus`."""
    spec = labels(draw)
    wanted = SECTIONS[focus]
    for name, groups in RULES.items():
        if name != wanted and not draw(st.sampled_from([True] + [False] * 9)):
            continue
        section = labels(draw)
        least = 1 if name == wanted and draw(often) else 0
        for group, rules in groups.items():
            section[group] = draw(st.lists(rules, min_size=least, max_size=3))
        spec[name] = section
    if wanted == "presets" or (wanted in {"process", "file"} and draw(seldom)):
        spec["presets"] = draw(st.lists(presets(), max_size=3))
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
    expected: bool = draw(often)
    on_host = for_host if expected else not for_host
    spec = draw(specs(focus))
    if on_host:
        if draw(st.booleans()):
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
    if selector or draw(st.booleans()):
        spec["selector"] = selector
    metadata = {
        "name": name,
        "namespace": draw(st.sampled_from(["ns"] * 8 + ["other", "default"])),
    }
    if metadata["namespace"] == "default":
        del metadata["namespace"]
    return {"kind": "KubeArmorPolicy", "metadata": metadata, "spec": spec}
