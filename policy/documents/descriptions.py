"""One sentence on every field of a document, for editors and for `kubectl explain`."""

FIELDS: dict[str, str] = {
    # of a document
    "apiVersion": "The version of the policy language.",
    "kind": "What the policy is for: pods of one namespace, pods of many, or nodes.",
    "metadata": "The policy's name and, for a KubeArmorPolicy, its namespace.",
    "spec": "What the policy selects and what it says about it.",
    "status": "Reported by an API server; never read.",
    # of metadata
    "Metadata.name": "The policy's name. With kind and namespace it says which policy this replaces.",
    "namespace": "Where a KubeArmorPolicy belongs; `default` if it is left out. The other kinds have none.",
    "labels": "Labels of the policy itself.",
    "annotations": "Annotations of the policy itself.",
    "generateName": "Set by who creates objects; not read.",
    "selfLink": "Set by an API server; not read.",
    "uid": "Set by an API server; not read.",
    "resourceVersion": "Set by an API server; not read.",
    "generation": "Set by an API server; not read.",
    "creationTimestamp": "Set by an API server; not read.",
    "deletionTimestamp": "Set by an API server; not read.",
    "deletionGracePeriodSeconds": "Set by an API server; not read.",
    "ownerReferences": "Set by an API server; not read.",
    "finalizers": "Set by an API server; not read.",
    "managedFields": "Set by an API server; not read.",
    # of spec, section and rule
    "severity": "From 1 to 10, shown in alerts. The value nearest the rule wins; without one there is none.",
    "tags": "Words for alerts. The list nearest the rule replaces those further out.",
    "message": "A sentence for alerts. The one nearest the rule wins.",
    "action": (
        "What becomes of what matches: Allow (then the posture decides on what no rule allows), Audit (an "
        "alert) or Block, in any case. The action nearest the rule wins; without one it is Block."
    ),
    "Preset.action": "Audit (an alert) or Block, in any case. Without one the spec's holds, else Block.",
    # of selectors
    "PodSpec.selector": "Which pods of the namespace; all of them if it is left out.",
    "ClusterSpec.selector": "Which namespaces and pods; all of them if it is left out.",
    "nodeSelector": "Which nodes; all of them if it is left out.",
    "PodSelector.matchLabels": (
        "Labels that a pod has to have, all of them. `kubearmor.io/container.name: '[a,b]'` restricts the "
        "policy to these containers."
    ),
    "NodeSelector.matchLabels": (
        "Labels that a node has to have, all of them. The hostname labels take `*` and comma lists."
    ),
    "matchExpressions": "Conditions that all have to hold.",
    "LabelExpression.key": "What the condition is about: `label`.",
    "ClusterExpression.key": "What the condition is about: `namespace` or `label`.",
    "operator": "In: any value that matches selects. NotIn: any value that matches excludes.",
    "LabelExpression.values": "Labels as key=value.",
    "ClusterExpression.values": "Names of namespaces, or labels as key=value.",
    # sections
    "process": "Rules about programs that are executed.",
    "file": "Rules about files that are accessed.",
    "network": "Rules about sockets and DNS queries.",
    "capabilities": "Rules about capabilities that are used.",
    "syscalls": "System calls to be told about: always Audit, whatever the action says.",
    "presets": "Ready-made protections to switch on.",
    "matchDirectories": "Rules about everything in a directory.",
    "matchPatterns": "Rules about paths that match a glob.",
    "matchProtocols": "Rules about sockets of a protocol.",
    "matchDNSQueries": "Rules about DNS queries.",
    "matchCapabilities": "Rules about capabilities.",
    "matchSyscalls": "System calls by name, on whatever.",
    "ProcessSection.matchPaths": "Rules about single programs.",
    "FileSection.matchPaths": "Rules about single files.",
    "SyscallsSection.matchPaths": "System calls on a file or directory.",
    # rules
    "ProcessPath.path": "The program's path with all links resolved. Either this or execname.",
    "execname": "The program's base name, in whatever directory. Either this or path.",
    "AccessedPath.path": "The file's path with all links resolved.",
    "dir": "A directory's path with all links resolved, / at its end: itself and its direct children.",
    "pattern": "A glob: * within a component, ** across components, ?, [...] and {a,b}.",
    "recursive": "Everything below the directory, not its direct children only.",
    "readOnly": "Reading alone is permitted; writing, creating, removing and renaming are not.",
    "ownerOnly": "Only the file's owner is permitted; root is not special.",
    "pts": "With false, nothing is permitted where a terminal is attached.",
    "fromSource": "Only what these programs do; for a program that is executed, who executes it.",
    "allowedArgs": "Arguments that are permitted, in any order; any other one is not.",
    "Source.path": "The program's path with all links resolved.",
    "protocol": "A protocol or a comma list of them, in any case; `all` is every socket.",
    "domain": "A domain; its subdomains are covered.",
    "capability": "A capability or a comma list of them, in lower case without cap_.",
    "syscall": "Names of system calls, in lower case.",
    "SyscallPathRule.path": "A file's path, or a directory's with / at its end: the directory itself.",
    "SyscallPathRule.recursive": "Everything below the directory too.",
    "SyscallSource.path": "The acting program's path with all links resolved. Either this or dir.",
    "SyscallSource.dir": "A directory of acting programs: its direct children. Either this or path.",
    "Preset.name": "Which protection.",
}
"""By `Model.field` where a field's meaning depends on where it stands, else by `field`."""


def description_of(model: str, field: str) -> str:
    """What `field` of the class `model` is for. Raises KeyError for a field that nobody described."""
    own = FIELDS.get(f"{model}.{field}")
    return FIELDS[field] if own is None else own
