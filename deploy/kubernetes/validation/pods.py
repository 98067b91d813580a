"""Rules about pods: their rights, their resources, their probes, their updates and their shutdown."""

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
        yield from (f"{pod.title}: wrong {name}" for name, holds in wanted.items() if not holds)


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
                    yield f"{pod.title}: container {container['name']}: wrong {name}"


@rule
def containers_have_resources(world):
    """A CPU limit would suspend a program in the middle of its work."""
    for pod in world.pods():
        for container in pod.containers:
            given = container.get("resources", {})
            requests, limits = given.get("requests", {}), given.get("limits", {})
            if not {"cpu", "memory"} <= requests.keys() or "memory" not in limits:
                yield f"{pod.title}: needs requests of CPU and memory, and a memory limit"
            if "cpu" in limits:
                yield f"{pod.title}: has a CPU limit"


@rule
def the_memory_alert_fires_before_the_limit(world):
    """The alert fires at four fifths of the limit or below."""
    alert = project.memory_alert_bytes()
    for pod in filter(lambda it: it.is_server, world.pods()):
        for container in pod.containers:
            limit = container.get("resources", {}).get("limits", {}).get("memory", "0Mi")
            if bytes_of(limit) * 4 / 5 < alert:
                yield f"{pod.title}: PayNowMemoryHigh fires at {alert} bytes, above 4/5 of the limit {limit}"


def bytes_of(quantity):
    return int(quantity[:-2]) * BINARY[quantity[-2:]]


@rule
def servers_are_probed(world):
    paths = {"livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    missing = set(paths.values()) - project.probe_paths()
    if missing:
        yield f"the programs do not serve {missing}"
    for pod in filter(lambda it: it.is_server, world.pods()):
        for container in pod.containers:
            for kind, path in paths.items():
                request = container.get(kind, {}).get("httpGet", {})
                if request.get("path") != path:
                    yield f"{pod.title}: {kind} requests {request.get('path')} instead of {path}"
                elif pod.port_number(request["port"]) is None:
                    yield f"{pod.title}: {kind} uses a port that does not exist"


@rule
def the_grace_period_is_longer_than_the_shutdown(world):
    drains = project.drain_seconds()
    for pod in filter(lambda it: it.is_server, world.pods()):
        sleeps = [
            it.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            for it in pod.containers
        ]
        needed = max(sleeps) + drains[pod.name]
        grace = pod.spec.get("terminationGracePeriodSeconds", 30)
        if grace <= needed:
            yield f"{pod.title}: may need {needed} s to shut down, but its grace period is {grace} s"


@rule
def an_update_keeps_receivers_reachable(world):
    """PayNow waits for the answers of receivers, so one must always be reachable; workers answer nobody."""
    strategy = world.named("Deployment", "receiver")["spec"].get("strategy", {})
    if strategy.get("rollingUpdate", {}).get("maxUnavailable") != 0:
        yield "Deployment/receiver: an update stops a receiver before its replacement is ready"
    for container in world.pod("receiver").containers:
        sleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {})
        if sleep.get("seconds", 0) < 1:
            yield "Deployment/receiver: it stops before load balancers know"


@rule
def images_have_a_version(world):
    for pod in world.pods():
        for container in pod.containers:
            name, _, version = container["image"].rpartition("/")[2].partition(":")
            if "@sha256:" not in container["image"] and version in ("", "latest"):
                yield f"{pod.title}: the image {name} has no version"
