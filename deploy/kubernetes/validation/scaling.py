"""Rules about numbers of pods, and about what watches them."""

import project
from rule import rule
from world import selects, title

# The desk and two for housekeeping, see ops/capacity.md.
CONNECTIONS_BESIDE_LANES = 3
# Half of PostgreSQL's default: game backends, paynowctl and backups want some too.
CONNECTIONS_MAX = 50


def scalers(world):
    """Each scaler with what it scales, and its bounds."""
    for it in world.of("HorizontalPodAutoscaler"):
        spec = it["spec"]
        yield it, spec["scaleTargetRef"]["name"], spec["minReplicas"], spec["maxReplicas"]
    for it in world.of("ScaledObject"):
        spec = it["spec"]
        yield it, spec["scaleTargetRef"]["name"], spec["minReplicaCount"], spec["maxReplicaCount"]


@rule
def who_is_scaled_has_no_number_of_its_own(world):
    scaled = {target for _scaler, target, _low, _high in scalers(world)}
    for deployment in world.of("Deployment"):
        name, has_number = deployment["metadata"]["name"], "replicas" in deployment["spec"]
        if has_number == (name in scaled):
            yield f"{title(deployment)}: {'two say' if has_number else 'nobody says'} how many"


@rule
def scalers_keep_two(world):
    for scaler, target, low, high in scalers(world):
        if world.named("Deployment", target) is None:
            yield f"{title(scaler)}: there is no {target}"
        if not 2 <= low < high:
            yield f"{title(scaler)}: from {low} to {high}"
    for scaler in world.of("ScaledObject"):
        fallback = scaler["spec"].get("fallback", {}).get("replicas", 0)
        if not scaler["spec"]["minReplicaCount"] <= fallback <= scaler["spec"]["maxReplicaCount"]:
            yield f"{title(scaler)}: falls back to {fallback}"


@rule
def workers_leave_connections_to_others(world):
    worker = world.pod("worker")
    lanes = int(world.variables(worker.containers[0]).get("WORKER_LANES", 0))
    most = [high for _it, target, _low, high in scalers(world) if target == "worker"]
    workers = max(most + [worker.owner["spec"].get("replicas", 0)])
    surge = worker.owner["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    connections = (workers + surge) * (lanes + CONNECTIONS_BESIDE_LANES)
    if lanes == 0 or connections > CONNECTIONS_MAX:
        yield f"{workers} workers of {lanes} lanes: {connections} connections to the database"


@rule
def the_queue_counts_with_what_is_in_hand(world):
    """KEDA counts unacknowledged messages over HTTP only, and unless it is told not to."""
    queues = project.text("crates/shared/src/topology.rs")
    for scaler in world.of("ScaledObject"):
        for trigger in scaler["spec"]["triggers"]:
            told = trigger["metadata"]
            if (told.get("protocol"), told.get("mode")) != ("http", "QueueLength"):
                yield f"{title(scaler)}: counts ready messages only"
            if told.get("excludeUnacknowledged", "false") != "false":
                yield f"{title(scaler)}: leaves out unacknowledged messages"
            if f'"{told["queueName"]}"' not in queues:
                yield f"{title(scaler)}: there is no queue {told['queueName']}"
            name = trigger["authenticationRef"]["name"]
            if world.named("TriggerAuthentication", name) is None:
                yield f"{title(scaler)}: there is no TriggerAuthentication/{name}"


@rule
def a_node_can_be_emptied(world):
    budgets = world.of("PodDisruptionBudget")
    for pod in filter(lambda it: it.is_server, world.pods()):
        own = [it["spec"] for it in budgets if selects(it["spec"]["selector"], pod.labels)]
        if [it.get("maxUnavailable") for it in own] != [1]:
            yield f"{pod.title}: wants one budget that lets one pod go"
        if any(it.get("unhealthyPodEvictionPolicy") != "AlwaysAllow" for it in own):
            yield f"{pod.title}: pods that are not ready hold up a node"


@rule
def what_is_named_is_there(world):
    for pod in world.pods():
        account = world.named("ServiceAccount", pod.spec.get("serviceAccountName"))
        if account is None or account.get("automountServiceAccountToken") is not False:
            yield f"{pod.title}: wants a service account of its own, without a token"
        for container in pod.containers:
            names = [it.get("configMapRef", {}).get("name") for it in container.get("envFrom", [])]
            sources = [it.get("valueFrom", {}) for it in container.get("env", [])]
            keys = [it["configMapKeyRef"] for it in sources if "configMapKeyRef" in it]
            names += [it["name"] for it in keys]
            for name in names:
                if world.named("ConfigMap", name) is None:
                    yield f"{pod.title}: there is no ConfigMap/{name}"
            for it in keys:
                settings = world.named("ConfigMap", it["name"]) or {}
                if it["key"] not in settings.get("data", {}):
                    yield f"{pod.title}: {it['name']} has no {it['key']}"


@rule
def scrapes_have_the_names_that_rules_know(world):
    monitors = world.of("PodMonitor", "ServiceMonitor")
    found = set()
    for monitor in monitors:
        spec = monitor["spec"]
        pods = [it for it in world.pods() if selects(spec["selector"], it.labels)]
        if spec.get("jobLabel"):
            found |= {it.labels.get(spec["jobLabel"]) for it in pods}
        for endpoint in spec.get("podMetricsEndpoints", []) + spec.get("endpoints", []):
            found |= {
                it["replacement"]
                for it in endpoint.get("relabelings", [])
                if it["targetLabel"] == "job"
            }
            for pod in pods:
                if pod.port_number(endpoint["port"]) is None:
                    yield f"{title(monitor)}: {pod.title} has no port {endpoint['port']}"
    if monitors and found != project.jobs():
        yield f"the scrapes are called {sorted(found, key=str)}, the rules know {project.jobs()}"
