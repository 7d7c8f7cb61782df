"""How a workload stands, whatever rules select it: posture, mode, visibility."""

from tests.reference.world import World

KINDS = ["process", "file", "network", "capabilities"]


def posture(world: World, kind: str) -> tuple[str, str]:
    """The default posture of `kind` (file, network, capabilities), and where it was set."""
    if world.workload["kind"] == "host":
        return world.settings.get(f"host_{kind}_posture", "audit"), "global"
    annotations = world.namespaces.get(world.workload["namespace"], {})
    written = annotations.get(f"kubearmor-{kind}-posture", "").lower()
    if written == "audit" or written == "block":  # noqa: PLR1714 - as the page says it
        return written, "namespace"
    return world.settings.get(f"{kind}_posture", "audit"), "global"


def mode(world: World) -> str:
    """enabled, audited or disabled."""
    if world.workload["kind"] == "host":
        return "enabled"
    if world.workload["namespace"] in world.settings.get("untracked_namespaces", ["kube-system", "lictor"]):
        return "audited"
    written = world.workload["annotations"].get("kubearmor-policy", "enabled").lower()
    return written if written in {"audited", "disabled"} else "enabled"


def visible(world: World, kind: str) -> bool:
    """Whether Audit alerts of `kind` are wanted: the nearest that says anything decides."""
    workload = world.workload
    where = [workload["annotations"].get("kubearmor-visibility")]
    if workload["kind"] == "host":
        where.append(",".join(world.settings.get("host_visibility", KINDS)))
    else:
        where.append(world.namespaces.get(workload["namespace"], {}).get("kubearmor-visibility"))
        where.append(",".join(world.settings.get("visibility", KINDS)))
    for written in where:
        words = [word.strip().lower() for word in (written or "").split(",")]
        if any(word in [*KINDS, "none"] for word in words):
            return kind in words
    return False
