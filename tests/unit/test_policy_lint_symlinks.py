"""The trap of symbolic links: which rules never match on which images, and what to write instead."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from policy.documents import read_documents
from policy.lint import Circumstances, Finding, Layout, LintCode, Severity, lint
from tests.fixtures.policies import document

E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741
MERGED, SPLIT, ALPINE, UNKNOWN = Layout.MERGED_USR, Layout.SPLIT_USR, Layout.ALPINE, Layout.UNKNOWN

THE_SAMPLE = """\
apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: {name: allow-specific-process, namespace: dvwa}
spec:
  action: Allow
  severity: 1
  selector: {matchLabels: {app: dvwa-web, tier: frontend}}
  file:
    matchDirectories: [{dir: /, recursive: true}]
  process:
    matchPaths:
    - {path: /bin/bash}
    - {path: /bin/ping, fromSource: [{path: /bin/dash}]}
    - {path: /bin/sh, fromSource: [{path: /usr/sbin/apache2}]}
    - {path: /usr/sbin/apache2}
"""


def traps(text: str, layout: Layout = UNKNOWN) -> list[Finding]:
    result = read_documents(text, "p.yaml")
    assert not result.problems
    return [one for one in lint([result], Circumstances(layout=layout)) if one.code is LintCode.SYMLINK_TRAP]


def of_rules(section: str, group: str, *rules: dict[str, Any], layout: Layout = UNKNOWN) -> list[Finding]:
    spec = {"severity": 1, "action": "Block", section: {group: list(rules)}}
    return traps(msgspec.json.encode(document(spec)).decode(), layout)


def of_program(path: str, layout: Layout = UNKNOWN) -> list[Finding]:
    return of_rules("process", "matchPaths", {"path": path}, layout=layout)


def test_the_sample_that_started_this() -> None:
    findings = traps(THE_SAMPLE)
    assert [(one.line, one.field) for one in findings] == [
        (12, "spec.process.matchPaths[0].path"),
        (13, "spec.process.matchPaths[1].path"),
        (13, "spec.process.matchPaths[1].fromSource[0].path"),
        (14, "spec.process.matchPaths[2].path"),
    ]
    assert {one.severity for one in findings} == {W}
    assert [one.sentence.rpartition("write ")[2] for one in findings] == [
        "/usr/bin/bash",
        "/usr/bin/ping",
        "/usr/bin/dash",
        "/usr/bin/dash (Debian, Ubuntu), /usr/bin/bash (Fedora, RHEL) or /bin/busybox (Alpine)",
    ]


def test_the_sample_on_each_layout() -> None:
    def told(layout: Layout) -> list[tuple[int, Severity]]:
        return [(one.line, one.severity) for one in traps(THE_SAMPLE, layout)]

    assert told(MERGED) == [(12, E), (13, E), (13, E), (14, E)]
    # bash is listed for uses of its own, and is sh on some images.
    assert told(SPLIT) == [(14, W)]
    assert told(ALPINE) == [(13, E), (14, E)]


def test_the_policy_that_is_shipped_has_no_trap() -> None:
    shipped = Path(__file__).parents[2] / "lictor" / "sample" / "documents" / "policy.yaml"
    for layout in (UNKNOWN, MERGED):
        result = read_documents(shipped.read_text(encoding="utf-8"), "policy.yaml")
        findings = lint([result], Circumstances(layout=layout))
        assert {one.code for one in findings} == {LintCode.ALLOW_LIST_MODE}
        assert {one.severity for one in findings} == {I}


@pytest.mark.parametrize(
    ("path", "instead"),
    [
        ("/bin/ping", "/usr/bin/ping"),
        ("/sbin/ip", "/usr/sbin/ip"),
        ("/lib/x/y.so", "/usr/lib/x/y.so"),
        ("/lib64/ld.so", "/usr/lib64/ld.so"),
        ("//bin//ping", "/usr/bin/ping"),
        ("/var/run/x", "/run/x"),
        ("/var/lock/x", "/run/lock/x"),
        ("/usr/bin/sh", "/usr/bin/dash (Debian, Ubuntu)"),
        ("/bin/awk", "/usr/bin/mawk or /usr/bin/gawk"),
        ("/usr/bin/vi", "/usr/bin/vim.basic or /usr/bin/vim.tiny"),
        ("/usr/bin/python3", "/usr/bin/python3.*"),
        ("/usr/bin/java", "/usr/lib/jvm/*/bin/java"),
        ("/sbin/modprobe", "/usr/bin/kmod"),
    ],
)
def test_programs(path: str, instead: str) -> None:
    (finding,) = of_program(path)
    assert finding.severity is W
    assert f"write {instead}" in finding.sentence


@pytest.mark.parametrize(
    "path",
    ["/usr/bin/ping", "/binary/x", "/usr/lib/x", "/usr/bin/python3.11", "/opt/bin/sh", "/usr/local/bin/awk"],
)
def test_programs_that_are_no_links(path: str) -> None:
    assert not of_program(path)


def test_what_is_certain_on_a_layout_is_an_error_and_what_is_usual_a_warning() -> None:
    assert [of_program("/bin/ping", one)[0].severity for one in (MERGED, ALPINE)] == [E, E]
    assert not of_program("/bin/ping", SPLIT)
    assert [of_program("/usr/bin/awk", one)[0].severity for one in (MERGED, SPLIT)] == [W, W]
    assert [of_program("/usr/bin/awk", one)[0].severity for one in (ALPINE,)] == [E]
    assert not of_program("/bin/bash", ALPINE)
    assert of_program("/bin/sh", SPLIT)[0].sentence.endswith(
        "/bin/dash (Debian, Ubuntu) or /bin/bash (Fedora, RHEL)"
    )
    assert of_program("/bin/modprobe", SPLIT)[0].sentence.endswith("write /bin/kmod")


def test_what_leads_into_a_process_is_a_link_everywhere() -> None:
    for layout in Layout:
        (finding,) = of_rules("file", "matchPaths", {"path": "/proc/self/environ"}, layout=layout)
        assert finding.sentence.endswith("write the pattern /proc/*/environ")
    assert not of_rules("file", "matchPaths", {"path": "/proc/selfish"})


def test_directories_and_patterns() -> None:
    (folder,) = of_rules("process", "matchDirectories", {"dir": "/bin/"})
    assert folder.sentence.endswith("write /usr/bin/")
    (below,) = of_rules("file", "matchDirectories", {"dir": "/var/run/secrets/", "recursive": True})
    assert below.sentence.endswith("write /run/secrets/")
    (glob,) = of_rules("process", "matchPatterns", {"pattern": "/bin/*grep"})
    assert glob.sentence.endswith("write /usr/bin/*grep")
    (literal,) = of_rules("process", "matchPatterns", {"pattern": "/bin/sh"})
    assert "/usr/bin/dash" in literal.sentence
    for pattern in ("/bin*", "/**/bin/x", "/usr/bin/*", "/{bin,usr/bin}/x", "*"):
        assert not of_rules("process", "matchPatterns", {"pattern": pattern}), pattern


def test_a_base_name_is_the_resolved_one_too() -> None:
    (shell,) = of_rules("process", "matchPaths", {"execname": "sh"})
    assert "write dash (Debian, Ubuntu), bash (Fedora, RHEL) or busybox (Alpine)" in shell.sentence
    (awk,) = of_rules("process", "matchPaths", {"execname": "awk"})
    assert "write mawk or gawk" in awk.sentence
    assert not of_rules("process", "matchPaths", {"execname": "ping"})
    assert not of_rules("process", "matchPaths", {"execname": "java"})


def test_sources_of_every_section() -> None:
    source = {"fromSource": [{"path": "/usr/sbin/apache2"}, {"path": "/bin/ping"}]}
    for section, group, rule in (
        ("file", "matchPaths", {"path": "/etc/x"}),
        ("network", "matchProtocols", {"protocol": "tcp"}),
        ("network", "matchDNSQueries", {"domain": "example.com"}),
        ("capabilities", "matchCapabilities", {"capability": "chown"}),
        ("syscalls", "matchSyscalls", {"syscall": ["unlink"]}),
    ):
        (finding,) = of_rules(section, group, rule | source)
        assert finding.field == f"spec.{section}.{group}[0].fromSource[1].path"
    (folder,) = of_rules(
        "syscalls",
        "matchSyscalls",
        {"syscall": ["unlink"], "fromSource": [{"dir": "/bin/", "recursive": True}]},
    )
    assert folder.field == "spec.syscalls.matchSyscalls[0].fromSource[0].dir"


def test_both_spellings_are_only_told() -> None:
    both = of_rules("process", "matchPaths", {"path": "/bin/ping"}, {"path": "/usr/bin/ping"}, layout=MERGED)
    assert [(one.severity, one.field) for one in both] == [(I, "spec.process.matchPaths[0].path")]
    assert "/usr/bin/ping is listed as well" in both[0].sentence
    (other,) = of_rules(
        "process", "matchPaths", {"path": "/bin/ping"}, {"path": "/usr/bin/ping", "action": "Audit"}
    )
    assert other.severity is W
    (version,) = of_rules(
        "process", "matchPaths", {"path": "/usr/bin/python3"}, {"path": "/usr/bin/python3.12"}
    )
    assert version.severity is I
    (sources,) = of_rules(
        "process",
        "matchPaths",
        {"path": "/usr/bin/x", "fromSource": [{"path": "/bin/sh"}, {"path": "/usr/bin/dash"}]},
    )
    assert sources.severity is I
    (elsewhere,) = of_rules(
        "process", "matchPaths", {"path": "/usr/bin/dash", "fromSource": [{"path": "/bin/sh"}]}
    )
    assert elsewhere.severity is W


def test_dash_beside_sh_is_what_is_meant_and_bash_may_be() -> None:
    def beside_sh(path: str) -> Severity:
        return of_rules("process", "matchPaths", {"path": "/bin/sh"}, {"path": path}, layout=MERGED)[
            0
        ].severity

    assert [beside_sh(path) for path in ("/usr/bin/dash", "/usr/bin/bash", "/usr/bin/zsh")] == [I, W, E]


@pytest.mark.parametrize("path", ["/bin/[", "/bin/{", "/bin/[z-a]", "/bin/" + "x" * 190, "/bin/\\"])
def test_paths_that_are_no_globs(path: str) -> None:
    both = of_rules("process", "matchPaths", {"path": path}, {"path": f"/usr{path}"}, layout=MERGED)
    assert [one.severity for one in both] == [I]


def test_what_is_done_to_a_link_itself_is_a_files_own_business() -> None:
    for path in ("/usr/bin/awk", "/etc/localtime", "/etc/os-release"):
        (finding,) = of_rules("file", "matchPaths", {"path": path}, layout=MERGED)
        assert finding.severity is I
    assert not of_program("/etc/localtime")
