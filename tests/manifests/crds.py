"""The checks that a cluster makes of a resource before it takes it: structure, unknown keys, and rules in CEL.

What the API server does with a CustomResourceDefinition, by well-kept libraries: jsonschema for the structure,
cel-python for `x-kubernetes-validations`. Belongs here: one document against its definition. Does not belong here:
which documents, and what they are meant to do. INVARIANT: a rule that could not be evaluated is a complaint, never a
pass.
"""

import copy
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import celpy
import yaml
from celpy.celtypes import BoolType, StringType
from jsonschema import Draft7Validator

ROOT = Path(__file__).resolve().parents[2]
CRDS = ROOT / ".tools" / "crds"
# Of the API server, and not of CEL. Only what the rules of these definitions call; a URL stays its text.
FUNCTIONS = {
    "isURL": lambda text: BoolType(bool(urlsplit(str(text)).scheme)),
    "url": lambda text: text,
    "getScheme": lambda text: StringType(urlsplit(str(text)).scheme),
}


@cache
def definitions() -> dict[tuple[str, str], dict]:
    """The schema of each resource, by apiVersion and kind."""
    found = {}
    for path in sorted(CRDS.glob("*.yaml")):
        for document in yaml.load_all(path.read_text(), yaml.CSafeLoader):
            if not document or document["kind"] != "CustomResourceDefinition":
                continue
            spec = document["spec"]
            for version in spec["versions"]:
                key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                found[key] = version["schema"]["openAPIV3Schema"]
    return found


def strict(schema: Any) -> Any:
    """The schema that also refuses keys which it does not list, as `kubectl apply` does."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {}
    for key, value in schema.items():
        if key == "properties":
            closed[key] = {name: strict(member) for name, member in value.items()}
        elif key in ("oneOf", "anyOf", "allOf", "not"):
            closed[key] = value  # these only narrow; the structure itself is outside of them
        else:
            closed[key] = strict(value)
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed


@cache
def validator(api_version: str, kind: str) -> Draft7Validator:
    schema = strict(definitions()[api_version, kind])
    # Istio's definitions leave out what every resource has; the API server itself checks it.
    text = {"type": "string"}
    schema["properties"] |= {"apiVersion": text, "kind": text, "metadata": {"type": "object"}}
    return Draft7Validator(schema)


def complaints(document: dict) -> list[str]:
    """What a cluster would say against a resource of its custom kinds: nothing, where it would take it."""
    api_version, kind = document["apiVersion"], document["kind"]
    errors = [f"{error.json_path}: {error.message}" for error in validator(api_version, kind).iter_errors(document)]
    if errors:
        return errors
    schema = definitions()[api_version, kind]
    value = copy.deepcopy(document)
    _fill(schema, value)
    return list(_broken(schema, value, "$"))


def _fill(schema: dict, value: Any) -> None:
    """Puts defaults in, which the rules then see."""
    if isinstance(value, dict):
        for name, member in schema.get("properties", {}).items():
            if name not in value and "default" in member:
                value[name] = copy.deepcopy(member["default"])
            if name in value:
                _fill(member, value[name])
        if isinstance(others := schema.get("additionalProperties"), dict):
            for name in value.keys() - schema.get("properties", {}).keys():
                _fill(others, value[name])
    elif isinstance(value, list):
        for item in value:
            _fill(schema.get("items", {}), item)


def _broken(schema: dict, value: Any, place: str) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations", []):
        if re.search(r"\boldSelf\b", rule["rule"]):
            continue  # about changes of a resource that is there already
        if (said := _evaluate(rule["rule"], value)) is not True:
            yield f"{place}: {said or rule.get('message') or rule['rule']}"
    if isinstance(value, dict):
        for name, member in schema.get("properties", {}).items():
            if name in value:
                yield from _broken(member, value[name], f"{place}.{name}")
        if isinstance(others := schema.get("additionalProperties"), dict):
            for name in value.keys() - schema.get("properties", {}).keys():
                yield from _broken(others, value[name], f"{place}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _broken(schema.get("items", {}), item, f"{place}[{index}]")


@cache
def _program(rule: str) -> celpy.Runner:
    environment = celpy.Environment()
    return environment.program(environment.compile(rule), functions=FUNCTIONS)


def _evaluate(rule: str, value: Any) -> bool | str:
    """True, False, or what kept the rule from being evaluated."""
    evaluated.add(rule)
    try:
        return bool(_program(rule).evaluate({"self": celpy.json_to_cel(value)}))
    except Exception as error:  # whatever a rule of others does to the library of others
        return f"the rule `{rule}` cannot be evaluated: {str(error)[:100]}"


# The rules that were asked so far, so that a test can see that there were any.
evaluated: set[str] = set()
