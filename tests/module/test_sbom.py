"""The list of what is in the module is valid CycloneDX, complete, always the same, and says nothing of its builder."""

import copy
import json
import re

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import reading
import sbom

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)
LOCK = (reading.ROOT / "Cargo.lock").read_text()
# What a panic says of its place: `crates/http-1.5.0/src/…`, since .make/wasm maps the directories away.
NAMED = re.compile(rb"crates/([a-z0-9_-]+?)-(\d+\.\d+\.\d+[\w.+-]*)/")


@pytest.fixture(scope="module")
def listed() -> dict:
    return json.loads(sbom.write(reading.module()))


def linked(listed: dict) -> set[tuple[str, str]]:
    return {(one["name"], one["version"]) for one in listed["components"] if one.get("scope") == "required"}


def unlisted(content: bytes, listed: dict) -> set[tuple[str, str]]:
    """The crates that the module itself names, and the list does not."""
    named = {(name.decode(), version.decode()) for name, version in NAMED.findall(content)}
    assert len(named) > 10, "the module names hardly any crate: does .make/wasm map directories to other names?"
    return named - linked(listed)


def dangling(listed: dict) -> set[str]:
    """What is needed, or needs something, and is not there."""
    refs = {one["bom-ref"] for one in [listed["metadata"]["component"], *listed["components"]]}
    assert len(refs) == len(listed["components"]) + 1
    edges = listed["dependencies"]
    return ({one["ref"] for one in edges} | {need for one in edges for need in one["dependsOn"]}) - refs


def reached(listed: dict) -> set[str]:
    """What the module needs, by way of others."""
    needs = {one["ref"]: one["dependsOn"] for one in listed["dependencies"]}
    found, new = set(), {listed["metadata"]["component"]["bom-ref"]}
    while new:
        found |= new
        new = {need for one in new for need in needs.get(one, [])} - found
    return found


def test_it_is_what_the_standard_says(listed: dict) -> None:
    assert (error := VALIDATOR.validate_str(json.dumps(listed))) is None, str(error)[:500]
    broken = copy.deepcopy(listed)
    broken["components"][3]["scope"] = "sometimes"
    assert VALIDATOR.validate_str(json.dumps(broken)) is not None


def test_it_is_the_same_every_time(listed: dict) -> None:
    text = sbom.write(reading.module())
    assert json.loads(text) == listed and "timestamp" not in listed["metadata"]
    assert not reading.places(text)
    other = json.loads(sbom.write(reading.module() + b"\0"))
    assert other["serialNumber"] != listed["serialNumber"]


def test_every_crate_that_the_module_names_is_in_it(listed: dict) -> None:
    assert not (missing := unlisted(reading.module(), listed)), missing
    fewer = copy.deepcopy(listed)
    fewer["components"] = [one for one in fewer["components"] if one["name"] != "http"]
    assert {name for name, _ in unlisted(reading.module(), fewer)} == {"http"}


def test_nothing_is_missing_and_nothing_hangs_loose(listed: dict) -> None:
    assert not dangling(listed)
    assert reached(listed) == {one["bom-ref"] for one in [listed["metadata"]["component"], *listed["components"]]}
    fewer = copy.deepcopy(listed)
    fewer["components"] = [one for one in fewer["components"] if one["name"] != "regex-automata"]
    assert {ref.split("@")[0] for ref in dangling(fewer)} == {"pkg:cargo/regex-automata"}


def test_it_has_the_hash_and_the_licence_of_each(listed: dict) -> None:
    for one in listed["components"]:
        assert one["licenses"][0]["expression"], one
        if one["name"] != "rust-std":
            (digest,) = one["hashes"]
            entry = f'name = "{one["name"]}"\nversion = "{one["version"]}"\n'
            assert f'checksum = "{digest["content"]}"' in LOCK.partition(entry)[2].partition("\n\n")[0], one


def test_it_has_nothing_of_tests_and_of_the_command_line(listed: dict) -> None:
    names = {one["name"] for one in listed["components"]}
    assert not names & {"clap", "criterion", "proptest", "getrandom", "flate2", "anstream", "schemars", "hyper"}
    assert {"regex", "serde_json", "proxy-wasm", "chacha20poly1305"} <= {name for name, _ in linked(listed)}
    made = {one["name"] for one in listed["components"] if one.get("scope") == "excluded"}
    assert {"serde_derive", "thiserror-impl", "syn"} <= made
    assert not made & {name for name, _ in linked(listed)}


def test_a_crate_without_a_checksum_is_said() -> None:
    package = {"name": "pinhole", "version": "1", "id": "p", "license": "MIT"}
    other = {"name": "other", "version": "2", "id": "o", "license": "MIT"}
    metadata = {"packages": [package, other], "resolve": {"nodes": []}}
    crates = {("pinhole", "1"), ("other", "2")}
    with pytest.raises(sbom.SbomError, match="Cargo.lock has no checksum of other 2"):
        sbom.document(b"", metadata, crates, crates, {}, {"release": "1", "commit-hash": "0"})
