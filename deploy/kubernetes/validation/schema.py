"""The schemas of every kind in use; what is not in a schema is refused."""

import functools
import json
from pathlib import Path

import jsonschema

# Below it, the kubelet cannot sleep before a pod ends. 1.37 is the newest that the package knows.
VERSIONS = ("1.30", "1.37")
CUSTOM = Path(__file__).resolve().parent / "schemas"
PACKAGE = "kubernetes_validate/kubernetes-json-schema/v{version}.0-local-strict/_definitions.json"


class Schemas:
    """The schemas of one version of Kubernetes, and of the custom kinds beside it."""

    def __init__(self, packages, version):
        path = Path(packages) / PACKAGE.format(version=version)
        self.version = version
        self.definitions = json.loads(path.read_text(encoding="utf-8"))["$defs"]
        self.kinds = {}
        for schema in self.definitions.values():
            for it in schema.get("x-kubernetes-group-version-kind", []):
                api = f"{it['group']}/{it['version']}".lstrip("/")
                self.kinds[api, it["kind"]] = schema
        for file in CUSTOM.glob("*.json"):
            schema = json.loads(file.read_text(encoding="utf-8"))
            said = schema["properties"]
            self.kinds[said["apiVersion"]["const"], said["kind"]["const"]] = schema

    @functools.lru_cache(maxsize=None)
    def validator(self, api, kind):
        schema = self.kinds.get((api, kind))
        if schema is None:
            return None
        # References are within this one document.
        whole = {**schema, "$defs": self.definitions}
        return jsonschema.validators.Draft202012Validator(whole)

    def problems(self, document):
        api, kind = document.get("apiVersion"), document.get("kind")
        validator = self.validator(api, kind)
        if validator is None:
            yield f"there is no schema of {api} {kind} in {self.version}"
            return
        for error in validator.iter_errors(document):
            place = ".".join(str(part) for part in error.absolute_path) or "the top"
            yield f"{place} ({self.version}): {error.message[:300]}"
