#!/usr/bin/env python3
"""Checks overlays as kustomize built them.

usage: check.py <folder with the package of schemas> <built overlay> ...

Checks every document against the schemas of the oldest and the newest version of Kubernetes, every overlay
against our own rules, and that every rule reports the breakages made for it.
"""

import copy
import sys
from pathlib import Path

import yaml

import breakages
import network  # noqa: F401, like the next three: imported for the rules it registers
import pods  # noqa: F401
import scaling  # noqa: F401
import settings  # noqa: F401
from rule import RULES
from schema import VERSIONS, Schemas
from world import World, title

# The overlay that contains every kind.
FULL = "production"


def load(path):
    documents = yaml.safe_load_all(Path(path).read_text(encoding="utf-8"))
    return [it for it in documents if it is not None]


def schema_problems(schemas, documents):
    for document in documents:
        for known in schemas:
            for problem in known.problems(document):
                yield f"{title(document)}: {problem}"


def rule_problems(world):
    for name, check in RULES.items():
        try:
            found = list(check(world))
        except (LookupError, TypeError, ValueError, StopIteration, AttributeError) as error:
            found = [f"the check itself failed: {error!r}"]
        yield from (f"{it}  [{name}]" for it in found)


def problems_of(schemas, documents):
    """Rules assume documents that match their schemas, so the schemas are checked first."""
    return list(schema_problems(schemas, documents)) or list(rule_problems(World(documents)))


def unproven(schemas, documents):
    """Breakages that no check reports, and rules without a breakage."""
    for number, breakage in enumerate(breakages.SCHEMA, 1):
        world = breakages.broken(copy.deepcopy(documents), breakage)
        for known in schemas:
            if not list(schema_problems([known], world.documents)):
                yield f"breakage {number} of the schemas is not reported by the schemas of {known.version}"
    for name, check in RULES.items():
        for number, breakage in enumerate(breakages.RULES.get(name, []), 1):
            world = breakages.broken(copy.deepcopy(documents), breakage)
            if not list(check(world)):
                yield f"breakage {number} of {name} is not reported"
    for name in RULES.keys() ^ breakages.RULES.keys():
        yield f"{name} is a rule without a breakage, or a breakage without a rule"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    packages, *paths = sys.argv[1:]
    schemas = [Schemas(packages, version) for version in VERSIONS]
    overlays = {Path(path).stem: load(path) for path in paths}
    problems = [
        f"{name}: {problem}"
        for name, documents in overlays.items()
        for problem in problems_of(schemas, documents)
    ]
    if not problems:
        problems = list(unproven(schemas, overlays[FULL]))
    for problem in problems:
        print(problem, file=sys.stderr)
    count = sum(map(len, overlays.values()))
    ways = len(breakages.SCHEMA) + sum(map(len, breakages.RULES.values()))
    print(f"{count} documents, {len(RULES)} rules, {ways} ways to break them: {len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
