"""Every finding about one policy: found where it is due, and not found on a near miss."""

from typing import Any, NamedTuple

import pytest

from policy.lint import LintCode, Severity
from tests.fixtures.linting import (
    ALLOW_ALL_FILES,
    PROGRAMS,
    about,
    allowing,
    executing,
    glob,
    of_spec,
    sockets,
)


class Case(NamedTuple):
    code: LintCode
    field: str
    severity: Severity
    bad: dict[str, Any]
    near: dict[str, Any]


E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741
CASES = [
    Case(LintCode.EMPTY_POLICY, "spec", W, {}, executing()),
    Case(LintCode.EMPTY_POLICY, "spec", W, {"process": {}, "presets": []}, {"presets": [{"name": "exec"}]}),
    Case(LintCode.EMPTY_SECTION, "spec.file", W, executing() | {"file": {"matchPaths": []}}, executing()),
    Case(LintCode.EMPTY_SECTION, "spec.presets", W, executing() | {"presets": []}, {"process": {}}),
    Case(
        LintCode.EMPTY_LIST,
        "spec.process.matchPaths[0].fromSource",
        W,
        executing(fromSource=[]),
        executing(fromSource=[{"path": "/usr/bin/y"}]),
    ),
    Case(
        LintCode.EMPTY_LIST,
        "spec.process.matchPaths[0].allowedArgs",
        W,
        executing(allowedArgs=[]),
        executing(allowedArgs=["-l"]),
    ),
    Case(
        LintCode.SYSCALLS_ONLY_AUDIT,
        "spec.syscalls.action",
        W,
        {"syscalls": {"action": "Block", "matchSyscalls": [{"syscall": ["unlink"]}]}},
        {"syscalls": {"action": "Audit", "matchSyscalls": [{"syscall": ["unlink"]}]}},
    ),
    Case(
        LintCode.SYSCALLS_ONLY_AUDIT,
        "spec.syscalls.matchSyscalls[0].action",
        W,
        {"syscalls": {"matchSyscalls": [{"syscall": ["unlink"], "action": "Allow"}]}},
        {"syscalls": {"action": "Audit", "matchSyscalls": [{"syscall": ["unlink"], "action": "Audit"}]}},
    ),
    Case(
        LintCode.SYSCALLS_ONLY_AUDIT,
        "spec.syscalls",
        I,
        {"syscalls": {"matchSyscalls": [{"syscall": ["unlink"]}]}},
        {"action": "Audit", "syscalls": {"matchSyscalls": [{"syscall": ["unlink"]}]}},
    ),
    Case(
        LintCode.SELECTOR_NEVER_MATCHES,
        "spec.selector",
        E,
        executing() | {"selector": {"matchLabels": {"pod-template-hash": "1"}}},
        executing() | {"selector": {"matchLabels": {"pod-template": "1"}}},
    ),
    Case(
        LintCode.SELECTOR_NEVER_MATCHES,
        "spec.selector",
        E,
        executing()
        | {
            "selector": {
                "matchExpressions": [{"key": "label", "operator": "In", "values": ["pod-template-hash=1"]}]
            }
        },
        executing()
        | {
            "selector": {
                "matchExpressions": [
                    {"key": "label", "operator": "In", "values": ["pod-template-hash=1", "app=web"]}
                ]
            }
        },
    ),
    Case(
        LintCode.SELECTOR_NEVER_MATCHES,
        "spec.selector",
        E,
        executing()
        | {
            "selector": {
                "matchLabels": {"app": "web"},
                "matchExpressions": [{"key": "label", "operator": "In", "values": ["app=db"]}],
            }
        },
        executing()
        | {
            "selector": {
                "matchLabels": {"app": "web"},
                "matchExpressions": [{"key": "label", "operator": "In", "values": ["app=db", "tier=x"]}],
            }
        },
    ),
    Case(
        LintCode.SELECTOR_NEVER_MATCHES,
        "spec.selector",
        E,
        executing()
        | {
            "selector": {
                "matchLabels": {"app": "web"},
                "matchExpressions": [{"key": "label", "operator": "NotIn", "values": ["app=web"]}],
            }
        },
        executing()
        | {
            "selector": {
                "matchLabels": {"app": "web"},
                "matchExpressions": [{"key": "label", "operator": "NotIn", "values": ["app=db"]}],
            }
        },
    ),
    Case(
        LintCode.IGNORED_EXPRESSION,
        "spec.selector.matchExpressions[1]",
        W,
        executing()
        | {
            "selector": {
                "matchExpressions": [
                    {"key": "label", "operator": "In", "values": ["app=web"]},
                    {"key": "label", "operator": "NotIn", "values": ["tier=x"]},
                ]
            }
        },
        executing()
        | {
            "selector": {
                "matchExpressions": [
                    {"key": "label", "operator": "In", "values": ["app=web"]},
                    {"key": "label", "operator": "In", "values": ["tier=x"]},
                ]
            }
        },
    ),
    Case(
        LintCode.IGNORED_EXPRESSION,
        "spec.selector.matchExpressions[0]",
        W,
        executing()
        | {
            "selector": {
                "matchExpressions": [
                    {"key": "label", "operator": "NotIn", "values": ["controller-revision-hash=1"]}
                ]
            }
        },
        executing()
        | {"selector": {"matchExpressions": [{"key": "label", "operator": "NotIn", "values": ["a=1"]}]}},
    ),
    Case(
        LintCode.CONTAINER_NAME_PATTERN,
        'spec.selector.matchLabels["kubearmor.io/container.name"]',
        E,
        executing() | {"selector": {"matchLabels": {"kubearmor.io/container.name": ".*"}}},
        executing() | {"selector": {"matchLabels": {"kubearmor.io/container.name": "[]"}}},
    ),
    Case(
        LintCode.CONTAINER_NAME_PATTERN,
        'spec.selector.matchLabels["kubearmor.io/container.name"]',
        W,
        executing() | {"selector": {"matchLabels": {"kubearmor.io/container.name": "[web, db*]"}}},
        executing() | {"selector": {"matchLabels": {"kubearmor.io/container.name": "[web, db-1]"}}},
    ),
    *(
        Case(LintCode.UNREACHABLE_PATH, "spec.process.matchPaths[0].path", E, about(bad), about(near))
        for bad, near in (("/usr/./x", "/usr/.x"), ("/usr/../x", "/usr/..x"), ("/.", "/..."))
    ),
    Case(
        LintCode.UNREACHABLE_PATH,
        "spec.process.matchPaths[0].fromSource[0].path",
        E,
        executing(fromSource=[{"path": "/a/../b"}]),
        executing(fromSource=[{"path": "/a/b"}]),
    ),
    *(
        Case(LintCode.UNREACHABLE_PATH, "spec.file.matchPatterns[0].pattern", E, glob(bad), glob(near))
        for bad, near in (
            ("*.txt", "**.txt"),
            ("usr/**", "/usr/**"),
            ("/usr/", "/usr/*"),
            ("/usr//x*", "/usr/x*"),
            ("/**/../x", "/**/x"),
            ("{a,b}/**", "/{a,b}/**"),
            ("[/]a", "/[/./]"),
            ("*", "**"),
            ("*/passwd", "**/passwd"),
        )
    ),
    Case(
        LintCode.UNREACHABLE_PATH,
        "spec.file.matchPatterns[0].pattern",
        W,
        glob("{/a,b}/**"),
        glob("{/a,/b}/**"),
    ),
    Case(LintCode.GLOB_IN_PATH, "spec.process.matchPaths[0].path", W, about("/usr/*"), about("/usr/[")),
    Case(
        LintCode.GLOB_IN_PATH,
        "spec.process.matchPaths[0].execname",
        W,
        {"process": {"matchPaths": [{"execname": "apt*"}]}},
        {"process": {"matchPaths": [{"execname": "apt"}]}},
    ),
    Case(
        LintCode.GLOB_IN_PATH,
        "spec.file.matchDirectories[0].dir",
        W,
        {"file": {"matchDirectories": [{"dir": "/home/*/"}]}},
        glob("/home/*/*"),
    ),
    Case(LintCode.DOUBLED_SLASH, "spec.process.matchPaths[0].path", I, about("/usr//x"), about("/usr/x")),
    Case(
        LintCode.DIRECTORY_ALONE,
        "spec.syscalls.matchPaths[0].path",
        W,
        {"syscalls": {"matchPaths": [{"path": "/etc/", "syscall": ["unlink"]}]}},
        {"syscalls": {"matchPaths": [{"path": "/etc/", "recursive": True, "syscall": ["unlink"]}]}},
    ),
    *(
        Case(
            LintCode.NARROW_PROTOCOL,
            "spec.network.matchProtocols[0].protocol",
            severity,
            {"network": sockets(*bad)},
            {"network": sockets(*near)},
        )
        for severity, bad, near in (
            (W, ("STREAM",), ("stream", "tcp")),
            (W, ("dgram,icmp",), ("dgram,udp",)),
            (I, ("raw",), ("raw", "all")),
        )
    ),
    Case(
        LintCode.ALLOW_LIST_MODE,
        "spec.process.matchPaths[0]",
        I,
        allowing(process=PROGRAMS),
        {"action": "Audit", "process": PROGRAMS},
    ),
    Case(
        LintCode.ALLOW_LIST_MODE,
        "spec.process.matchPaths[1]",
        W,
        {"process": {"matchPaths": [{"path": "/usr/bin/x"}, {"path": "/usr/bin/y", "action": "Allow"}]}},
        {"process": {"matchPaths": [{"path": "/usr/bin/x"}, {"path": "/usr/bin/y", "action": "Audit"}]}},
    ),
    Case(
        LintCode.ALLOW_LIST_MODE,
        "spec.process.matchPaths[0]",
        W,
        executing(action="Allow", fromSource=[{"path": "/usr/bin/y"}]),
        executing(fromSource=[{"path": "/usr/bin/y"}]),
    ),
    Case(
        LintCode.PROCESS_WITHOUT_FILE,
        "spec.process.matchPaths[0]",
        W,
        allowing(process=PROGRAMS),
        allowing(process=PROGRAMS, file=ALLOW_ALL_FILES),
    ),
    Case(
        LintCode.FILE_WITHOUT_PROCESS,
        "spec.file.matchDirectories[0]",
        W,
        allowing(file=ALLOW_ALL_FILES),
        allowing(process=PROGRAMS, file=ALLOW_ALL_FILES),
    ),
    *(
        Case(
            LintCode.NETWORK_WITHOUT_UDP,
            "spec.network.matchProtocols[0]",
            W,
            allowing(network=sockets("tcp")),
            allowing(network=sockets(near)),
        )
        for near in ("tcp,udp", "all", "icmp")
    ),
    Case(
        LintCode.SOURCE_IS_ITSELF,
        "spec.process.matchPaths[0].fromSource[0].path",
        W,
        executing(fromSource=[{"path": "/usr/bin/x"}]),
        executing(fromSource=[{"path": "/usr/bin/x"}, {"path": "/usr/bin/y"}]),
    ),
    Case(
        LintCode.SOURCE_NOT_ALLOWED,
        "spec.process.matchPaths[0].fromSource[0].path",
        I,
        executing(action="Allow", fromSource=[{"path": "/usr/bin/y"}]),
        {
            "process": {
                "matchPaths": [
                    {"path": "/usr/bin/x", "action": "Allow", "fromSource": [{"path": "/usr/bin/y"}]}
                ],
                "matchPatterns": [{"pattern": "/usr/bin/y*", "action": "Allow"}],
            }
        },
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.field}")
def test_found_and_not_on_a_near_miss(case: Case) -> None:
    findings = [one for one in of_spec(case.bad) if one.code is case.code]
    assert [(one.field, one.severity) for one in findings] == [(case.field, case.severity)]
    near = [one for one in of_spec(case.near) if one.code is case.code]
    assert not [one for one in near if (one.field, one.severity) == (case.field, case.severity)]
