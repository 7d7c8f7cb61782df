"""What `lictor policy explain` and `diff` are given: policies, postures, workloads.

All that is wrong with them is an error of usage: the exit code 1 of these commands says something else.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, get_args

import msgspec
import typer

from lictor.cli.context import err, fail
from lictor.cli.policy_files import policy_texts, read_file
from lictor.exit_codes import USAGE
from policy.changes import Change, NamespaceChanged, PolicyApplied, SettingsChanged
from policy.described import DescriptionError
from policy.described import workload as described_workload
from policy.documents import Document, Problem, read_documents
from policy.documents.tree import Value
from policy.policy_set import PolicySet
from policy.settings import PostureKind
from policy.verdict import Mode
from policy.workload import HOST, Workload
from wire.text import printable
from workloads.identity_map import IdentityMapError, read_identity_map

Postures = Annotated[
    list[str] | None,
    typer.Option(
        "--posture",
        metavar="[NAMESPACE:]KIND=MODE",
        help="A posture, of a namespace or global: dvwa:file=block. Again for more.",
    ),
]
HostPostures = Annotated[
    list[str] | None,
    typer.Option("--host-posture", metavar="KIND=MODE", help="A posture of hosts: file=block."),
]
WorkloadsFile = Annotated[
    Path | None, typer.Option("--workloads", help="Workloads in YAML, as the sensor's identity map.")
]

KINDS: tuple[PostureKind, ...] = get_args(PostureKind)
MODES: tuple[Mode, ...] = get_args(Mode)


def documents_of(paths: Sequence[Path]) -> list[Document]:
    """The policies of files, folders and standard input; ends the command unless all are right."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for name, text in policy_texts(paths):
        result = read_documents(text, name)
        documents += result.documents
        problems += result.problems
    for problem in problems:
        err.print(printable(str(problem)))
    if problems:
        fail(f"{len(problems)} problem(s) in the policies; put them right first", USAGE)
    return documents


def with_documents(policies: PolicySet, documents: Iterable[Document]) -> PolicySet:
    """A set with documents applied to it."""
    return changed(policies, (PolicyApplied(document=msgspec.Raw(one.canonical)) for one in documents))


def changed(policies: PolicySet, changes: Iterable[Change]) -> PolicySet:
    """A set after changes that no log knows: its offset stays."""
    for change in changes:
        policies = policies.apply(change, policies.offset)
    return policies


def posture_changes(postures: Sequence[str], host_postures: Sequence[str] = ()) -> list[Change]:
    """The changes that flags such as `dvwa:file=block` and `file=block` ask for."""
    changes: list[Change] = []
    for written in postures:
        namespace, colon, rest = written.rpartition(":")
        if colon and not namespace:
            fail(f"{written}: write the namespace before the colon, or no colon", USAGE)
        for kind, mode in _pairs(written, rest):
            if not namespace:
                changes.append(_global(f"{kind}_posture", mode))
            elif mode == "allow":
                fail(f"{written}: a namespace's posture is audit or block; only the global one allows", USAGE)
            else:
                annotations: dict[str, str | None] = {f"kubearmor-{kind}-posture": mode}
                changes.append(NamespaceChanged(namespace=namespace, annotations=annotations))
    for written in host_postures:
        changes += [_global(f"host_{kind}_posture", mode) for kind, mode in _pairs(written, written)]
    return changes


def _global(field: str, mode: str) -> SettingsChanged:
    return msgspec.convert({"change": "settings-changed", field: mode}, SettingsChanged)


def _pairs(written: str, rest: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for part in rest.split(","):
        kind, _, mode = part.partition("=")
        if kind not in KINDS or mode not in MODES:
            wanted = f"KIND=MODE with KIND one of {', '.join(KINDS)} and MODE one of {', '.join(MODES)}"
            fail(f"{written}: give {wanted}; file covers processes too", USAGE)
        pairs.append((kind, mode))
    return pairs


def workloads_in(path: Path) -> list[Workload]:
    """The workloads of a file in the identity map's format."""
    name, text = read_file(path)
    try:
        identities = read_identity_map(text, name)
    except IdentityMapError as error:
        fail(str(error), USAGE)
    return [
        Workload(
            id=f"any-node/{one.container_id}",
            node="any-node",
            kind="container",
            complete=True,
            cgroup=one.cgroup,
            container_id=one.container_id,
            namespace=one.namespace,
            pod=one.pod,
            container=one.container,
            image=one.image,
            labels=one.labels,
            annotations=one.annotations,
        )
        for one in identities.values()
    ]


def workload_given(
    name: str, known: Path | None, container: str, labels: Sequence[str], annotations: Sequence[str]
) -> Workload:
    """The workload that `NAMESPACE/POD`, `host` or `host/NODE` names.

    Where a file of workloads is given, it is one of those; what flags say besides is added to it.
    """
    more = (_mapping("--label", labels), _mapping("--annotation", annotations))
    namespace, slash, pod = name.partition("/")
    if known is not None:
        return _with(_one_of(workloads_in(known), name, container), *more)
    description: dict[str, Value] = {"labels": {**more[0]}, "annotations": {**more[1]}}
    if namespace == HOST:
        description |= {"host": pod or "any-node"}
    elif not namespace or (slash and not pod):
        fail(f"{name}: name the workload as NAMESPACE/POD, or host", USAGE)
    else:
        description |= {"namespace": namespace, "pod": pod or "any-pod", "container": container}
    try:
        return described_workload(description)
    except DescriptionError as error:
        fail(f"--workload {name}: {error}", USAGE)


def _one_of(workloads: Sequence[Workload], name: str, container: str) -> Workload:
    namespace, _, pod = name.partition("/")
    found = [
        one
        for one in workloads
        if one.namespace == namespace and pod in {"", one.pod} and container in {"", one.container}
    ]
    if not found:
        there = ", ".join(sorted({one.title for one in workloads})) or "none"
        fail(f"no workload {name} in the file; there are: {there}", USAGE)
    if len(found) > 1:
        those = ", ".join(sorted(f"{one.title} container {one.container}" for one in found))
        fail(f"{name} may be any of {those}; say which, with --container too", USAGE)
    return found[0]


def _with(workload: Workload, labels: dict[str, str], annotations: dict[str, str]) -> Workload:
    return msgspec.structs.replace(
        workload, labels=workload.labels | labels, annotations=workload.annotations | annotations
    )


def _mapping(option: str, pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            fail(f"{option} {pair}: write KEY=VALUE", USAGE)
        found[key] = value
    return found
