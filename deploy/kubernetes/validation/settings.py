"""Rules about settings and secrets."""

import re

import project
from rule import rule
from world import texts, title

CREDENTIALS = re.compile(r"[a-z]+://[^\s/:@]*:[^\s/@]+@")
# The crate of the program in each container.
CRATES = {"receiver": "receiver", "worker": "worker", "setup": "paynowctl", "console": "console"}
ADMIN_VARIABLE = "METRICS_ADDR"


def each_container(world):
    for pod in world.pods():
        for container in pod.containers:
            yield pod, container, project.settings_of(CRATES[container["name"]])


@rule
def every_variable_is_one_that_the_program_reads(world):
    """A misspelled setting would have no effect, and no program would report it."""
    for pod, container, settings in each_container(world):
        for name in world.variables(container):
            if not settings.reads(name):
                yield f"{pod.title}: its program does not read {name}"


@rule
def secrets_come_from_files(world):
    """Child processes inherit the environment, dumps contain it, and `kubectl describe` shows it."""
    for pod, container, settings in each_container(world):
        files = pod.secret_files()
        given = world.variables(container)
        for name in settings.secrets & given.keys():
            yield f"{pod.title}: {name} is in the environment"
        for name, path in given.items():
            secret = name.removesuffix("_FILE")
            if name.endswith("_FILE") and secret in settings.secrets:
                if files.get(path, ("", ""))[1] != secret:
                    yield f"{pod.title}: {name} names {path}, but {secret} is not mounted there"


@rule
def required_settings_are_given(world):
    required = {
        "receiver": {"AMQP_URL", "PAYNOW_SIGNING_SECRETS"},
        "worker": {"AMQP_URL", "DATABASE_URL", "PAYNOW_SIGNING_SECRETS"},
        "setup": {"AMQP_URL", "DATABASE_URL"},
        "console": {"AMQP_URL", "DATABASE_URL", "CONSOLE_PUBLIC_URL", "CONSOLE_AUTH"},
    }
    for pod, container, _settings in each_container(world):
        given = {name.removesuffix("_FILE") for name in world.variables(container)}
        for name in required[container["name"]] - given:
            yield f"{pod.title}: {name} is not set"


@rule
def no_secret_is_in_the_manifests(world):
    for document in world.documents:
        if document["kind"] == "Secret":
            yield f"{title(document)}: manifests must not contain secrets, see README.md"
        for text in texts(document):
            if CREDENTIALS.search(text):
                yield f"{title(document)}: contains an address with a password"


@rule
def the_readme_explains_every_secret(world):
    """README.md has the command that creates each secret with each key."""
    readme = project.text("deploy/kubernetes/README.md")
    wanted = {it for pod in world.pods() for it in pod.secret_files().values()}
    for document in world.of("TriggerAuthentication"):
        wanted |= {(it["name"], it["key"]) for it in document["spec"]["secretTargetRef"]}
    for secret, key in sorted(wanted):
        made = re.search(rf"create secret generic {secret} [^\n]*--from-file={key}=", readme)
        if not made:
            yield f"README.md has no command that creates {secret} with {key}"


@rule
def secrets_are_readable_by_the_program_only(world):
    for pod in world.pods():
        group = pod.spec.get("securityContext", {}).get("fsGroup")
        for volume in pod.spec.get("volumes", []):
            if "secret" in volume and (volume["secret"].get("defaultMode"), group) != (0o440, 65532):
                yield f"{pod.title}: must mount its secrets with mode 0440 and fsGroup 65532"
            if "secret" in volume and not volume["secret"].get("items"):
                yield f"{pod.title}: must mount only the keys it needs from a secret"


@rule
def the_receiver_has_no_database_access(world):
    pod = world.pod("receiver")
    for container in pod.containers:
        for name in world.variables(container):
            if "DATABASE" in name:
                yield f"{pod.title}: has {name}"
    for secret, key in pod.secret_files().values():
        if "DATABASE" in key or secret != "paynow-receiver":
            yield f"{pod.title}: mounts {key} of {secret}"


@rule
def metrics_can_be_reached(world):
    """The default address is on loopback, where Prometheus cannot reach it."""
    for pod in filter(lambda it: it.is_server, world.pods()):
        for container in pod.containers:
            address = world.variables(container).get(ADMIN_VARIABLE, "")
            if address != f"0.0.0.0:{pod.port_number('metrics')}":
                yield f"{pod.title}: {ADMIN_VARIABLE} is {address}, which does not match its metrics port"
