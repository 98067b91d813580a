"""Rules about pods: what they may do, what they get, how they begin and end."""

import project
from rule import rule

BINARY = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3}


@rule
def pods_are_confined(world):
    for pod in world.pods():
        context = pod.spec.get("securityContext", {})
        wanted = {
            "runAsNonRoot": context.get("runAsNonRoot") is True,
            "runAsUser": context.get("runAsUser") == 65532,
            "seccompProfile": context.get("seccompProfile") == {"type": "RuntimeDefault"},
            "automountServiceAccountToken": pod.spec.get("automountServiceAccountToken") is False,
            "enableServiceLinks": pod.spec.get("enableServiceLinks") is False,
            "hostNetwork": "hostNetwork" not in pod.spec,
            "hostPath": not any("hostPath" in it for it in pod.spec.get("volumes", [])),
        }
        yield from (f"{pod.title}: {name}" for name, holds in wanted.items() if not holds)


@rule
def containers_are_confined(world):
    for pod in world.pods():
        for container in pod.containers:
            context = container.get("securityContext", {})
            wanted = {
                "allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is False,
                "readOnlyRootFilesystem": context.get("readOnlyRootFilesystem") is True,
                "capabilities": context.get("capabilities") == {"drop": ["ALL"]},
                "privileged": not context.get("privileged"),
                "runAsUser": "runAsUser" not in context,
            }
            for name, holds in wanted.items():
                if not holds:
                    yield f"{pod.title}: container {container['name']}: {name}"


@rule
def containers_have_resources(world):
    """A limit of CPU would stop a program in the middle of its work."""
    for pod in world.pods():
        for container in pod.containers:
            given = container.get("resources", {})
            requests, limits = given.get("requests", {}), given.get("limits", {})
            if not {"cpu", "memory"} <= requests.keys() or "memory" not in limits:
                yield f"{pod.title}: wants requests of CPU and memory, and a limit of memory"
            if "cpu" in limits:
                yield f"{pod.title}: has a limit of CPU"


@rule
def memory_is_told_before_it_ends(world):
    """The alert is at four fifths of the limit or below."""
    alert = project.memory_alert_bytes()
    for pod in filter(lambda it: it.is_server, world.pods()):
        for container in pod.containers:
            limit = container.get("resources", {}).get("limits", {}).get("memory", "0Mi")
            if bytes_of(limit) * 4 / 5 < alert:
                yield f"{pod.title}: PayNowMemoryHigh fires at {alert}, and {limit} is the end"


def bytes_of(quantity):
    return int(quantity[:-2]) * BINARY[quantity[-2:]]


@rule
def servers_are_probed(world):
    paths = {"livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    missing = set(paths.values()) - project.probe_paths()
    if missing:
        yield f"the programs do not answer {missing}"
    for pod in filter(lambda it: it.is_server, world.pods()):
        for container in pod.containers:
            for kind, path in paths.items():
                asked = container.get(kind, {}).get("httpGet", {})
                if asked.get("path") != path:
                    yield f"{pod.title}: {kind} asks {asked.get('path')} and not {path}"
                elif pod.port_number(asked["port"]) is None:
                    yield f"{pod.title}: {kind} asks a port that is not there"


@rule
def the_grace_is_longer_than_the_drain(world):
    drains = project.drain_seconds()
    for pod in filter(lambda it: it.is_server, world.pods()):
        sleeps = [
            it.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            for it in pod.containers
        ]
        needed = max(sleeps) + drains[pod.name]
        grace = pod.spec.get("terminationGracePeriodSeconds", 30)
        if grace <= needed:
            yield f"{pod.title}: may need {needed} s to end, and gets {grace} s"


@rule
def an_update_leaves_the_way_in_open(world):
    """Nobody but PayNow waits for an answer, and it waits for the receiver's."""
    strategy = world.named("Deployment", "receiver")["spec"].get("strategy", {})
    if strategy.get("rollingUpdate", {}).get("maxUnavailable") != 0:
        yield "Deployment/receiver: an update takes one away before the next is ready"
    for container in world.pod("receiver").containers:
        sleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {})
        if sleep.get("seconds", 0) < 1:
            yield "Deployment/receiver: it ends before balancers know"


@rule
def images_have_a_version(world):
    for pod in world.pods():
        for container in pod.containers:
            name, _, version = container["image"].rpartition("/")[2].partition(":")
            if "@sha256:" not in container["image"] and version in ("", "latest"):
                yield f"{pod.title}: which {name} is meant is not said"
