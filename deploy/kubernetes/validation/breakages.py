"""Ways to break the manifests, at least one for each rule, to prove that each rule can fail. Each breakage
is applied to a copy of a valid overlay, and the rule of that name must report a problem."""

from world import World

HOST = "https://a:b@example.org"


def container(world, name):
    return world.pod(name).containers[0]


def pod(world, name):
    return world.pod(name).spec


def settings(world, name):
    reference = container(world, name)["envFrom"][0]["configMapRef"]["name"]
    return world.named("ConfigMap", reference)["data"]


def spec(world, kind, name):
    return world.named(kind, name)["spec"]


def env(world, name, variable, value):
    container(world, name)["env"].append({"name": variable, "value": value})


def keyed(key):
    return {"key": key, "path": key}


def mounted(world, name):
    return pod(world, name)["volumes"][0]["secret"]


def without(documents, kind, name):
    documents[:] = [
        it for it in documents if (it["kind"], it["metadata"]["name"]) != (kind, name)
    ]


def egress(world, name, port):
    opening = {"to": [], "ports": [{"protocol": "TCP", "port": port}]}
    spec(world, "NetworkPolicy", name)["egress"].append(opening)


SCHEMA = [
    lambda w: pod(w, "receiver").update(terminationGraceperiodSeconds=45),
    lambda w: pod(w, "worker").update(terminationGracePeriodSeconds="45"),
    lambda w: spec(w, "Deployment", "worker").pop("selector"),
    lambda w: w.named("PodDisruptionBudget", "worker").update(apiVersion="policy/v1beta1"),
    lambda w: w.named("Service", "worker").update(kind="Servce"),
    lambda w: spec(w, "NetworkPolicy", "worker").update(egres=[]),
    lambda w: spec(w, "ScaledObject", "worker").update(minReplicas=2),
    lambda w: spec(w, "ScaledObject", "worker")["fallback"].update(behavior="some"),
    lambda w: spec(w, "TriggerAuthentication", "worker")["secretTargetRef"][0].pop("key"),
    lambda w: spec(w, "PodMonitor", "paynow").update(endpoints=[]),
    lambda w: spec(w, "ServiceMonitor", "prometheus")["endpoints"][0].update(intervall="15s"),
    lambda w: spec(w, "PrometheusRule", "paynow-queue")["groups"][0]["rules"][0].update(f="1m"),
]

RULES = {
    "pods_are_confined": [
        lambda w: pod(w, "setup")["securityContext"].pop("runAsNonRoot"),
        lambda w: pod(w, "worker").pop("securityContext"),
        lambda w: pod(w, "worker").update(automountServiceAccountToken=True),
        lambda w: pod(w, "receiver").pop("enableServiceLinks"),
        lambda w: pod(w, "receiver").update(hostNetwork=True),
    ],
    "containers_are_confined": [
        lambda w: container(w, "setup").pop("securityContext"),
        lambda w: container(w, "worker")["securityContext"].update(readOnlyRootFilesystem=False),
        lambda w: container(w, "worker")["securityContext"]["capabilities"].update(add=["SYS_ADMIN"]),
    ],
    "containers_have_resources": [
        lambda w: container(w, "setup").pop("resources"),
        lambda w: container(w, "worker")["resources"]["limits"].update(cpu="1"),
    ],
    "the_memory_alert_fires_before_the_limit": [
        lambda w: container(w, "worker")["resources"]["limits"].update(memory="400Mi"),
    ],
    "servers_are_probed": [
        lambda w: container(w, "worker").pop("readinessProbe"),
        lambda w: container(w, "receiver")["livenessProbe"]["httpGet"].update(path="/readyz"),
        lambda w: container(w, "receiver")["livenessProbe"]["httpGet"].update(port="admin"),
    ],
    "the_grace_period_is_longer_than_the_shutdown": [
        lambda w: pod(w, "receiver").update(terminationGracePeriodSeconds=27),
        lambda w: pod(w, "worker").pop("terminationGracePeriodSeconds"),
        lambda w: container(w, "receiver")["lifecycle"]["preStop"]["sleep"].update(seconds=30),
    ],
    "an_update_keeps_receivers_reachable": [
        lambda w: spec(w, "Deployment", "receiver").pop("strategy"),
        lambda w: container(w, "receiver").pop("lifecycle"),
    ],
    "images_have_a_version": [
        lambda w: container(w, "worker").update(image="registry.example.org:5000/paynow-worker"),
        lambda w: container(w, "setup").update(image="paynowctl:latest"),
    ],
    "every_variable_is_one_that_the_program_reads": [
        lambda w: settings(w, "worker").update(WORKER_LANE="2"),
        lambda w: settings(w, "receiver").update(WORKER_LANES="2"),
        lambda w: env(w, "setup", "METRICS_ADDR", "0.0.0.0:1"),
        lambda w: env(w, "worker", "LOG_LEVEL_FILE", "/x"),
    ],
    "secrets_come_from_files": [
        lambda w: env(w, "worker", "AMQP_URL", "x"),
        lambda w: settings(w, "receiver").update(PAYNOW_SIGNING_SECRETS="x"),
        lambda w: mounted(w, "setup")["items"].pop(),
    ],
    "required_settings_are_given": [
        lambda w: container(w, "receiver")["env"].pop(),
        lambda w: container(w, "worker").update(env=[]),
    ],
    "no_secret_is_in_the_manifests": [
        lambda w: w.documents.append({"kind": "Secret", "metadata": {"name": "paynow-worker"}}),
        lambda w: settings(w, "worker").update(LOG_LEVEL=HOST),
    ],
    "the_readme_explains_every_secret": [
        lambda w: mounted(w, "worker").update(secretName="paynow-other"),
        lambda w: mounted(w, "worker")["items"].append(keyed("OTHER_URL")),
        lambda w: spec(w, "TriggerAuthentication", "worker")["secretTargetRef"][0].update(key="host"),
    ],
    "secrets_are_readable_by_the_program_only": [
        lambda w: mounted(w, "worker").pop("defaultMode"),
        lambda w: mounted(w, "worker").pop("items"),
        lambda w: pod(w, "setup")["securityContext"].pop("fsGroup"),
    ],
    "the_receiver_has_no_database_access": [
        lambda w: env(w, "receiver", "DATABASE_URL_FILE", "/x"),
        lambda w: settings(w, "receiver").update(DATABASE_URL="x"),
        lambda w: mounted(w, "receiver").update(secretName="paynow-worker"),
        lambda w: mounted(w, "receiver")["items"].append(keyed("DATABASE_URL")),
    ],
    "metrics_can_be_reached": [
        lambda w: settings(w, "worker").pop("METRICS_ADDR"),
        lambda w: settings(w, "receiver").update(METRICS_ADDR="0.0.0.0:9465"),
    ],
    "everything_is_denied_at_first": [
        lambda w: spec(w, "NetworkPolicy", "default-deny").update(policyTypes=["Ingress"]),
        lambda w: spec(w, "NetworkPolicy", "default-deny").update(egress=[{}]),
    ],
    "each_program_has_only_the_connections_it_needs": [
        lambda w: egress(w, "receiver", 5432),
        lambda w: spec(w, "NetworkPolicy", "dns").update(egress=[{}]),
        lambda w: spec(w, "NetworkPolicy", "receiver")["ingress"].pop(0),
        lambda w: spec(w, "NetworkPolicy", "figures")["ingress"][0].pop("ports"),
        lambda w: spec(w, "NetworkPolicy", "receiver").update(podSelector={}),
    ],
    "game_backends_get_the_database_and_nothing_else": [
        lambda w: egress(w, "game-backend", 5672),
        lambda w: spec(w, "NetworkPolicy", "game-backend").update(policyTypes=["Egress", "Ingress"]),
        lambda w: spec(w, "NetworkPolicy", "game-backend")["egress"][0].pop("ports"),
    ],
    "every_connection_has_a_peer": [
        lambda w: egress(w, "worker", 5432),
        lambda w: spec(w, "NetworkPolicy", "receiver")["ingress"][0].update(
            {"from": [{"namespaceSelector": {}}]}
        ),
    ],
    "placeholders_are_filled_in": [
        lambda w: spec(w, "NetworkPolicy", "setup")["egress"][1]["to"][0]["namespaceSelector"][
            "matchLabels"
        ].update({"kubernetes.io/metadata.name": "database"}),
        lambda w: spec(w, "Ingress", "receiver")["rules"][0].update(host="cluster.yaml"),
        lambda w: spec(w, "PodMonitor", "rabbitmq")["namespaceSelector"].update(
            matchNames=["cluster.yaml"]
        ),
    ],
    "the_console_has_the_address_of_its_ingress": [
        lambda w: spec(w, "Ingress", "console")["rules"][0].update(host="other.example.org"),
        lambda w: container(w, "console")["env"].pop(0),
    ],
    "selectors_find_pods": [
        lambda w: spec(w, "Deployment", "worker")["selector"].update(matchLabels={"app": "worker"}),
        lambda w: spec(w, "Service", "worker").update(selector={"app": "worker"}),
        lambda w: spec(w, "NetworkPolicy", "setup").update(podSelector={"matchLabels": {"a": "b"}}),
        lambda w: spec(w, "NetworkPolicy", "game-backend").update(
            podSelector={"matchLabels": {"app.kubernetes.io/name": "paynow-worker"}}
        ),
        lambda w: spec(w, "PodDisruptionBudget", "worker")["selector"].update(
            matchLabels={"app": "worker"}
        ),
        lambda w: pod(w, "worker")["topologySpreadConstraints"][0].update(
            labelSelector={"matchLabels": {"a": "b"}}
        ),
    ],
    "ports_exist": [
        lambda w: spec(w, "Service", "receiver")["ports"][0].update(targetPort="https"),
        lambda w: spec(w, "Service", "receiver")["ports"][0].update(name="web"),
        lambda w: spec(w, "Ingress", "receiver")["rules"][0]["http"]["paths"][0].update(path="/"),
    ],
    "scaled_deployments_set_no_replicas": [
        lambda w: spec(w, "Deployment", "receiver").update(replicas=2),
        lambda w: without(w.documents, "ScaledObject", "worker"),
    ],
    "scalers_keep_two": [
        lambda w: spec(w, "ScaledObject", "worker").update(minReplicaCount=0),
        lambda w: spec(w, "ScaledObject", "worker").pop("fallback"),
        lambda w: spec(w, "HorizontalPodAutoscaler", "receiver")["scaleTargetRef"].update(name="x"),
    ],
    "workers_leave_connections_to_others": [
        lambda w: spec(w, "ScaledObject", "worker").update(maxReplicaCount=11),
        lambda w: settings(w, "worker").update(WORKER_LANES="4"),
        lambda w: settings(w, "worker").pop("WORKER_LANES"),
    ],
    "the_queue_length_counts_unacknowledged_messages": [
        lambda w: spec(w, "ScaledObject", "worker")["triggers"][0]["metadata"].update(protocol="amqp"),
        lambda w: spec(w, "ScaledObject", "worker")["triggers"][0]["metadata"].update(
            excludeUnacknowledged="true"
        ),
        lambda w: spec(w, "ScaledObject", "worker")["triggers"][0]["metadata"].update(queueName="a.b"),
        lambda w: without(w.documents, "TriggerAuthentication", "worker"),
    ],
    "a_node_can_be_drained": [
        lambda w: without(w.documents, "PodDisruptionBudget", "worker"),
        lambda w: spec(w, "PodDisruptionBudget", "worker").update(maxUnavailable=0),
        lambda w: spec(w, "PodDisruptionBudget", "receiver").pop("unhealthyPodEvictionPolicy"),
    ],
    "named_objects_exist": [
        lambda w: without(w.documents, "ServiceAccount", "setup"),
        lambda w: w.named("ServiceAccount", "worker").pop("automountServiceAccountToken"),
        lambda w: container(w, "worker")["envFrom"][0]["configMapRef"].update(name="other"),
        lambda w: settings(w, "worker").pop("RETRY_LADDER"),
    ],
    "scrapes_have_the_job_names_of_the_rules": [
        lambda w: without(w.documents, "ServiceMonitor", "alertmanager"),
        lambda w: spec(w, "PodMonitor", "paynow").pop("jobLabel"),
        lambda w: spec(w, "PodMonitor", "paynow")["podMetricsEndpoints"][0].update(port="admin"),
    ],
}


def broken(documents, breakage):
    world = World(documents)
    breakage(world)
    return world
