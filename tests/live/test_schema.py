"""The JSON Schema of policy documents: what it accepts, what it refuses, and what it cannot see.

Needs no Envoy. The documents are those of `tests/config`, with the errors that pinhole finds in each.
"""

import copy
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keys
import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "envoy" / "policy.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
CONFIG = ROOT / "tests" / "config"
GOOD = sorted(
    path
    for folder in ("envoy", "tests/config/good", "tests/cases/policies")
    for path in (ROOT / folder).glob("*.json")
    if path.name != "policy.schema.json"
)

# What the schema cannot see, by pinhole's message, and why.
UNSEEN = {
    r"wanted a name defined in `|found a circle": "a reference to another part of the document",
    r"found no key; |found a group `preset`; wanted presets": "something is needed because of another part",
    r"found the same key as in |the same header a second time|each (header|cookie) once": "a repetition under two names",
    r"found the same key a second time": "JSON parsers drop repeated keys before the schema sees them",
    r"which \w+ does not have|options? that \w+ does not have": "what the resizer lacks",
    r"wanted a regular expression in|wanted one of `source`, `preset`, `options`": "the inside of a regular expression",
    r"is not set or empty": "the environment",
    r"a key that is (something else|too short)|a secret that no header can carry": "the form of a secret",
    r"a secret of another form|that Basic cannot write|is not plain text": "the form of a secret",
    r"writes as well|a line of its own in what a shared key signs": "headers of two keys of `credentials`",
    r"belongs neither to the connection nor to the proxy|wanted the whole name of a header": "a list of names that is the business of credentials.rs",
    r"neither dot segments nor encoded separators|wanted a URL with a host and an optional port": "the parts of a URL",
    r"such as `public/2024`": "the parts of a path",
    r"`cookies` beside `cookie`|a `fit` that needs both|a route that no request can name a size for": "keys that depend on each other",
    r"found a text that is none": "the inside of an image",
    r"found the URL of the gate": "two servers that are one",
    r"^resizer\.template\.": "the pattern of a template, and words for what it names",
    r"found `min` \d+ above `max`|variants of each source": "arithmetic",
    r"found `keep`; |since its `authority` is `keep`": "keys that depend on each other",
}


def steps(place: str) -> list[str | int]:
    """`routes[0].query.width` as a path; names in backticks hold whatever they hold."""
    if place == "policy":
        return []
    found = re.findall(r"`([^`]*)`|\[(\d+)\]|([^.\[`]+)", place)
    return [int(index) if index else plain or quoted for quoted, index, plain in found]


def complaints(path: Path) -> list[tuple[str, list[str | int]]]:
    """pinhole's messages about a bad document, each with its place."""
    lines = path.with_suffix(".err").read_text().splitlines()
    return [(line, steps(line.split(": found ")[0])) for line in lines]


def seen(place: list[str | int], document: Any) -> bool:
    """Whether the schema complains at that place, inside it, or of the object that lacks or has the key."""
    for error in VALIDATOR.iter_errors(document):
        for leaf in leaves(error):
            at = list(leaf.absolute_path)
            if at[: len(place)] == place:
                return True
            if place and at == place[:-1] and repr(place[-1]) in leaf.message:
                return True
    return False


def leaves(error: Any) -> Iterator[Any]:
    yield error
    for inner in error.context or ():
        yield from leaves(inner)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: str(path.relative_to(ROOT)))
def test_good_documents_are_accepted(path: Path) -> None:
    errors = [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(json.loads(path.read_text()))]
    assert not errors, "\n".join(errors)


def test_bad_documents_are_refused_but_for_what_cannot_be_seen() -> None:
    unexplained, reasons = [], set()
    for path in sorted((CONFIG / "bad").glob("*.json")):
        try:
            document = json.loads(path.read_text())
        except (ValueError, RecursionError):
            continue
        for message, place in complaints(path):
            reason = next((pattern for pattern in UNSEEN if re.search(pattern, message)), None)
            if reason:
                reasons.add(reason)
            if not reason and not seen(place, document):
                unexplained.append(f"{path.name}: {message}")
    assert not unexplained, "\n".join(unexplained)
    assert reasons == set(UNSEEN), f"no bad document shows {set(UNSEEN) - reasons}"


NUMBERS = (0, -1, 1, 0.5, 100, 10**12)
ODD = (*NUMBERS, None, True, "", "x", "auto", "90", [], [1], ["x"], {}, {"x": 1}, {"env": "PHOTOS_TOKEN"})


def variations(value: Any) -> Iterator[Any]:
    """The value with one thing in it replaced, taken away or added."""
    yield from (odd for odd in ODD if odd != value)
    inside: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        yield {**value, "x": 1}
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    for key, member in inside:
        for varied in variations(member):
            changed = copy.copy(value)
            changed[key] = varied
            yield changed
        if isinstance(value, dict):
            yield {name: other for name, other in value.items() if name != key}


def test_what_the_schema_refuses_pinhole_refuses(tmp_path: Path) -> None:
    subprocess.run(["cargo", "build", "--quiet", "--bin", "pinhole"], cwd=ROOT, check=True)
    pinhole = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug" / "pinhole"
    environment = keys.environment(keys.fresh()) | {"SIGNING_KEY": "ab" * 32}
    document = tmp_path / "policy.json"
    tried, stricter = set(), []
    for path in sorted((CONFIG / "good").glob("*.json")):
        for varied in variations(json.loads(path.read_text())):
            error = next(VALIDATOR.iter_errors(varied), None)
            if error is None or (kind := (*error.absolute_schema_path, type(error.instance))) in tried:
                continue  # one document for each thing that the schema can say
            tried.add(kind)
            document.write_text(json.dumps(varied))
            command = [str(pinhole), "check", str(document)]
            if subprocess.run(command, env=environment, capture_output=True, check=False).returncode != 3:
                stricter.append(f"{error.json_path}: {error.message}")
    assert len(tried) > 500, f"only {len(tried)} documents"
    assert not stricter, "\n".join(stricter)
