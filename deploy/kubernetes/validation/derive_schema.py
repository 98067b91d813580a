#!/usr/bin/env python3
"""Prints the JSON schema of a CustomResourceDefinition. The files in schemas/ are made with it; see
NOTICE.md there.

usage: derive_schema.py <file of the definition> <version>

It leaves out explanatory fields and refuses unknown fields, as the API server does under strict validation.
Validation rules in CEL cannot be expressed in the schema, and are left out.
"""

import json
import sys

import yaml

EXPLAINING = {"description", "format", "default", "title", "example"}
OBJECT_META = {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}


def derive(node):
    """The schema without explanatory fields; refuses unknown properties where the known ones are listed."""
    if "x-kubernetes-int-or-string" in node:
        return {"type": ["integer", "string"]}
    kept = {
        name: value
        for name, value in node.items()
        if name not in EXPLAINING and not name.startswith("x-kubernetes-") and name != "nullable"
    }
    if "properties" in kept:
        kept["properties"] = {name: derive(part) for name, part in kept["properties"].items()}
        if not node.get("x-kubernetes-preserve-unknown-fields"):
            kept["additionalProperties"] = False
    if isinstance(kept.get("additionalProperties"), dict):
        kept["additionalProperties"] = derive(kept["additionalProperties"])
    if "items" in kept:
        kept["items"] = derive(kept["items"])
    if node.get("nullable") and "type" in kept:
        kept["type"] = [kept["type"], "null"]
    return kept


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        definition = yaml.safe_load(file)["spec"]
    version = next(it for it in definition["versions"] if it["name"] == sys.argv[2])
    schema = derive(version["schema"]["openAPIV3Schema"])
    # Only the controller writes the status; our manifests never contain it.
    schema["properties"].pop("status", None)
    schema["properties"]["metadata"] = OBJECT_META
    schema["properties"]["apiVersion"] = {"const": f"{definition['group']}/{version['name']}"}
    schema["properties"]["kind"] = {"const": definition["names"]["kind"]}
    schema["required"] = sorted({*schema.get("required", []), "apiVersion", "kind", "metadata"})
    print(json.dumps(schema, sort_keys=True, separators=(",", ":")))


if __name__ == "__main__":
    main()
