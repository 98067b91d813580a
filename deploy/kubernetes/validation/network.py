"""Rules about allowed connections, and about selectors and ports that must match something."""

import project
from rule import rule
from world import selects, title

DNS = {53}
BROKER = {5671, 5672}
MANAGEMENT = {15671, 15672}
DATABASE = {5432}
# The metrics of receivers and workers.
FIGURES = {9464, 9465}
MAY_CALL = {
    "receiver": DNS | BROKER,
    "worker": DNS | BROKER | DATABASE,
    "setup": DNS | MANAGEMENT | DATABASE,
    "console": DNS | BROKER | MANAGEMENT | DATABASE | FIGURES,
}
# A policy for pods of the shop's own, which are not among the manifests.
GAMES = "game-backend"
MAY_BE_CALLED = {"receiver": {8080, 9464}, "worker": {9465}, "setup": set(), "console": {8090, 9463}}


def opened(world, pod, direction):
    """The ports that policies open to or from a pod; None means all ports."""
    ports = set()
    for policy in world.policies_of(pod):
        for opening in policy["spec"].get(direction, []):
            for it in opening.get("ports") or [{}]:
                number = it.get("port")
                ports.add(pod.port_number(number) if isinstance(number, str) else number)
    return ports


@rule
def everything_is_denied_at_first(world):
    closed = [
        it
        for it in world.of("NetworkPolicy")
        if it["spec"]["podSelector"] == {}
        and set(it["spec"]["policyTypes"]) == {"Ingress", "Egress"}
        and not it["spec"].get("ingress")
        and not it["spec"].get("egress")
    ]
    if not closed:
        yield "no NetworkPolicy denies everything"


@rule
def each_program_has_only_the_connections_it_needs(world):
    for pod in world.pods():
        for direction, allowed in (("egress", MAY_CALL), ("ingress", MAY_BE_CALLED)):
            found, wanted = opened(world, pod, direction), allowed[pod.name]
            if found != wanted:
                yield f"{pod.title}: {direction} is open for {found}, not for {wanted}"


@rule
def game_backends_get_the_database_and_nothing_else(world):
    policy = world.named("NetworkPolicy", GAMES)
    if not policy:
        return
    spec = policy["spec"]
    ports = {it["port"] for opening in spec.get("egress", []) for it in opening.get("ports", [{"port": None}])}
    if ports != DATABASE or spec["policyTypes"] != ["Egress"] or not spec["podSelector"].get("matchLabels"):
        yield f"{title(policy)}: must open the database, and only for pods with its label"


@rule
def every_connection_has_a_peer(world):
    """A policy entry without a peer, or with an empty selector, allows every address. Servers outside the
    cluster are named by address."""
    for policy in world.of("NetworkPolicy"):
        spec = policy["spec"]
        allowed = [it.get("from") for it in spec.get("ingress", [])]
        allowed += [it.get("to") for it in spec.get("egress", [])]
        for peers in allowed:
            for peer in peers or [{}]:
                outside = peer.get("ipBlock", {}).get("cidr", "/0")
                inside = peer.get("namespaceSelector", {}).get("matchLabels")
                if not inside and outside.endswith("/0"):
                    yield f"{title(policy)}: allows connections with every address"


@rule
def placeholders_are_filled_in(world):
    """The values of cluster.yaml have replaced every placeholder."""
    placeholders = {"ingress", "broker", "database", "cluster.yaml"}
    for document in world.of("NetworkPolicy"):
        for opening in document["spec"].get("ingress", []) + document["spec"].get("egress", []):
            for peer in opening.get("from", []) + opening.get("to", []):
                chosen = peer.get("namespaceSelector", {}).get("matchLabels", {})
                if placeholders & set(chosen.values()):
                    yield f"{title(document)}: the namespace is not filled in"
    for document in world.of("PodMonitor", "ServiceMonitor"):
        if placeholders & set(document["spec"].get("namespaceSelector", {}).get("matchNames", [])):
            yield f"{title(document)}: the namespace is not filled in"
    for document in world.of("Ingress"):
        hosts = [it["host"] for it in document["spec"]["rules"]]
        if hosts != document["spec"]["tls"][0]["hosts"] or "cluster.yaml" in hosts:
            yield f"{title(document)}: the host is not filled in"


@rule
def the_console_has_the_address_of_its_ingress(world):
    """It refuses forms that come from another address."""
    ingress = world.named("Ingress", "console")
    if not ingress:
        return
    address = world.variables(world.pod("console").containers[0]).get("CONSOLE_PUBLIC_URL")
    if address != f"https://{ingress['spec']['rules'][0]['host']}":
        yield f"{title(ingress)}: the console's CONSOLE_PUBLIC_URL is {address}"


@rule
def selectors_find_pods(world):
    pods = world.pods()
    for document in world.documents:
        kind, spec = document["kind"], document.get("spec", {})
        if kind == "Deployment":
            labels = spec["template"]["metadata"].get("labels", {})
            if not selects(spec["selector"], labels):
                yield f"{title(document)}: its selector does not match its own pods"
            for spread in spec["template"]["spec"].get("topologySpreadConstraints", []):
                if not selects(spread["labelSelector"], labels):
                    yield f"{title(document)}: a topologySpreadConstraint does not select its own pods"
        elif kind == "Service":
            if not any(selects({"matchLabels": spec["selector"]}, it.labels) for it in pods):
                yield f"{title(document)}: selects no pod"
        elif kind == "NetworkPolicy":
            selected = any(selects(spec["podSelector"], it.labels) for it in pods)
            if selected == (document["metadata"]["name"] == GAMES):
                yield f"{title(document)}: selects {'a pod of ours' if selected else 'no pod'}"
        elif kind == "PodDisruptionBudget":
            if not any(selects(spec["selector"], it.labels) for it in pods):
                yield f"{title(document)}: selects no pod"


@rule
def ports_exist(world):
    for service in world.of("Service"):
        chosen = {"matchLabels": service["spec"]["selector"]}
        pods = [it for it in world.pods() if selects(chosen, it.labels)]
        for port in service["spec"]["ports"]:
            for pod in pods:
                if pod.port_number(port["targetPort"]) != port["port"]:
                    yield f"{title(service)}: {pod.title} has no port {port['name']}"
    for ingress in world.of("Ingress"):
        for route in ingress["spec"]["rules"][0]["http"]["paths"]:
            backend = route["backend"]["service"]
            service = world.named("Service", backend["name"]) or {"spec": {"ports": []}}
            if backend["port"]["name"] not in [it["name"] for it in service["spec"]["ports"]]:
                yield f"{title(ingress)}: routes to a port that does not exist"
            webhooks = f'"{route["path"]}"'
            if backend["name"] == "receiver" and webhooks not in project.text("crates/receiver/src/http.rs"):
                yield f"{title(ingress)}: routes to a path that the receiver does not have"
