"""Rules about the numbers of pods, their disruption budgets, and the scrapes that monitor them."""

import project
from rule import rule
from world import selects, title

# One for the dead-letter desk, two for housekeeping and one for the probe, see ops/capacity.md.
CONNECTIONS_BESIDE_LANES = 4
# Half of PostgreSQL's default: game backends, paynowctl and backups need connections too.
CONNECTIONS_MAX = 50


def scalers(world):
    """Each scaler with the name of its target, its minimum and its maximum."""
    for it in world.of("HorizontalPodAutoscaler"):
        spec = it["spec"]
        yield it, spec["scaleTargetRef"]["name"], spec["minReplicas"], spec["maxReplicas"]
    for it in world.of("ScaledObject"):
        spec = it["spec"]
        yield it, spec["scaleTargetRef"]["name"], spec["minReplicaCount"], spec["maxReplicaCount"]


@rule
def scaled_deployments_set_no_replicas(world):
    scaled = {target for _scaler, target, _low, _high in scalers(world)}
    for deployment in world.of("Deployment"):
        name, has_number = deployment["metadata"]["name"], "replicas" in deployment["spec"]
        if has_number == (name in scaled):
            problem = "a scaler sets its replicas too" if has_number else "nothing sets its replicas"
            yield f"{title(deployment)}: {problem}"


@rule
def scalers_keep_two(world):
    for scaler, target, low, high in scalers(world):
        if world.named("Deployment", target) is None:
            yield f"{title(scaler)}: there is no Deployment/{target}"
        if not 2 <= low < high:
            yield f"{title(scaler)}: scales from {low} to {high}, and must keep at least 2"
    for scaler in world.of("ScaledObject"):
        fallback = scaler["spec"].get("fallback", {}).get("replicas", 0)
        if not scaler["spec"]["minReplicaCount"] <= fallback <= scaler["spec"]["maxReplicaCount"]:
            yield f"{title(scaler)}: its fallback {fallback} is outside its minimum and maximum"


@rule
def workers_leave_connections_to_others(world):
    worker = world.pod("worker")
    lanes = int(world.variables(worker.containers[0]).get("WORKER_LANES", 0))
    most = [high for _it, target, _low, high in scalers(world) if target == "worker"]
    workers = max(most + [worker.owner["spec"].get("replicas", 0)])
    surge = worker.owner["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    connections = (workers + surge) * (lanes + CONNECTIONS_BESIDE_LANES)
    if lanes == 0 or connections > CONNECTIONS_MAX:
        yield f"{workers} workers of {lanes} lanes need {connections} database connections, more than {CONNECTIONS_MAX}"


@rule
def the_queue_length_counts_unacknowledged_messages(world):
    """KEDA counts unacknowledged messages only over HTTP, and only unless they are excluded."""
    queues = project.text("crates/shared/src/topology.rs")
    for scaler in world.of("ScaledObject"):
        for trigger in scaler["spec"]["triggers"]:
            options = trigger["metadata"]
            if (options.get("protocol"), options.get("mode")) != ("http", "QueueLength"):
                yield f"{title(scaler)}: counts ready messages only"
            if options.get("excludeUnacknowledged", "false") != "false":
                yield f"{title(scaler)}: leaves out unacknowledged messages"
            if f'"{options["queueName"]}"' not in queues:
                yield f"{title(scaler)}: there is no queue {options['queueName']}"
            name = trigger["authenticationRef"]["name"]
            if world.named("TriggerAuthentication", name) is None:
                yield f"{title(scaler)}: there is no TriggerAuthentication/{name}"


@rule
def a_node_can_be_drained(world):
    budgets = world.of("PodDisruptionBudget")
    for pod in filter(lambda it: it.is_server, world.pods()):
        own = [it["spec"] for it in budgets if selects(it["spec"]["selector"], pod.labels)]
        if [it.get("maxUnavailable") for it in own] != [1]:
            yield f"{pod.title}: needs exactly one disruption budget, which allows one pod to be unavailable"
        if any(it.get("unhealthyPodEvictionPolicy") != "AlwaysAllow" for it in own):
            yield f"{pod.title}: pods that are not ready would block the draining of a node"


@rule
def named_objects_exist(world):
    for pod in world.pods():
        account = world.named("ServiceAccount", pod.spec.get("serviceAccountName"))
        if account is None or account.get("automountServiceAccountToken") is not False:
            yield f"{pod.title}: needs a service account of its own, without a token"
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
def scrapes_have_the_job_names_of_the_rules(world):
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
        yield f"the scrapes have the job names {sorted(found, key=str)}, the alert rules use {project.jobs()}"
