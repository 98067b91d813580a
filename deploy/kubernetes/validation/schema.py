"""The schemas of all kinds in use. They refuse fields that they do not list."""

import functools
import json
from pathlib import Path

import jsonschema

# Before 1.30, the kubelet cannot sleep before a pod stops. 1.37 is the newest version in the package.
VERSIONS = ("1.30", "1.37")
CUSTOM = Path(__file__).resolve().parent / "schemas"
PACKAGE = "kubernetes_validate/kubernetes-json-schema/v{version}.0-local-strict/_definitions.json"


class Schemas:
    """The schemas of one version of Kubernetes, and of the custom kinds."""

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
            properties = schema["properties"]
            self.kinds[properties["apiVersion"]["const"], properties["kind"]["const"]] = schema

    @functools.lru_cache(maxsize=None)
    def validator(self, api, kind):
        schema = self.kinds.get((api, kind))
        if schema is None:
            return None
        # All references point into this one document.
        whole = {**schema, "$defs": self.definitions}
        return jsonschema.validators.Draft202012Validator(whole)

    def problems(self, document):
        api, kind = document.get("apiVersion"), document.get("kind")
        validator = self.validator(api, kind)
        if validator is None:
            yield f"version {self.version} has no schema for {api} {kind}"
            return
        for error in validator.iter_errors(document):
            place = ".".join(str(part) for part in error.absolute_path) or "top level"
            yield f"{place} ({self.version}): {error.message[:300]}"
