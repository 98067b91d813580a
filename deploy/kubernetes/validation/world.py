"""One overlay as it would be applied, with the queries that the rules use."""

from dataclasses import dataclass

WORKLOADS = ("Deployment", "Job")


@dataclass
class Pod:
    """The pod template of a Deployment or a Job, with its owner."""

    owner: dict
    template: dict

    @property
    def name(self):
        return self.owner["metadata"]["name"]

    @property
    def title(self):
        return f"{self.owner['kind']}/{self.name}"

    @property
    def is_server(self):
        return self.owner["kind"] == "Deployment"

    @property
    def labels(self):
        return self.template["metadata"].get("labels", {})

    @property
    def spec(self):
        return self.template["spec"]

    @property
    def containers(self):
        return self.spec.get("initContainers", []) + self.spec["containers"]

    def port_number(self, port):
        """The number of a port, given its name or number; None when no container has it."""
        for container in self.containers:
            for it in container.get("ports", []):
                if port in (it.get("name"), it["containerPort"]):
                    return it["containerPort"]
        return None

    def secret_files(self):
        """A map from the path of each mounted key to (secret, key)."""
        files = {}
        volumes = {it["name"]: it["secret"] for it in self.spec.get("volumes", []) if "secret" in it}
        for container in self.containers:
            for mount in container.get("volumeMounts", []):
                secret = volumes.get(mount["name"], {})
                for item in secret.get("items", []):
                    path = f"{mount['mountPath']}/{item['path']}"
                    files[path] = (secret["secretName"], item["key"])
        return files


class World:
    def __init__(self, documents):
        self.documents = documents

    def of(self, *kinds):
        return [it for it in self.documents if it["kind"] in kinds]

    def named(self, kind, name):
        found = [it for it in self.of(kind) if it["metadata"]["name"] == name]
        return found[0] if found else None

    def pods(self):
        return [Pod(it, it["spec"]["template"]) for it in self.of(*WORKLOADS)]

    def pod(self, name):
        return next(pod for pod in self.pods() if pod.name == name)

    def policies_of(self, pod):
        chosen = [it for it in self.of("NetworkPolicy")]
        return [it for it in chosen if selects(it["spec"]["podSelector"], pod.labels)]

    def variables(self, container):
        """A map from each variable of a container to its literal value; None if it has no literal value."""
        found = {}
        for source in container.get("envFrom", []):
            reference = source.get("configMapRef", {}).get("name")
            found.update((self.named("ConfigMap", reference) or {}).get("data", {}))
        for it in container.get("env", []):
            found[it["name"]] = it.get("value")
        return found


def title(document):
    return f"{document['kind']}/{document['metadata']['name']}"


def selects(selector, labels):
    """Whether a label selector matches these labels; an empty selector matches everything."""
    for name, value in selector.get("matchLabels", {}).items():
        if labels.get(name) != value:
            return False
    for it in selector.get("matchExpressions", []):
        holds = {
            "In": lambda value, it=it: value in it["values"],
            "NotIn": lambda value, it=it: value not in it["values"],
            "Exists": lambda value: value is not None,
            "DoesNotExist": lambda value: value is None,
        }[it["operator"]]
        if not holds(labels.get(it["key"])):
            return False
    return True


def texts(node):
    """Every string in a document, including the keys."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield str(name)
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)
    elif isinstance(node, str):
        yield node
