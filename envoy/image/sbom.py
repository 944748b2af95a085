"""`make sbom`: which crates are in the module, by name, version, licence and hash, as CycloneDX 1.6.

image.py takes it along. What is linked into the module has the scope `required`; macros and build scripts, which run
while it is compiled and could change it, have `excluded`. Nothing else is listed: no crate of tests, the command line
or another target. Nothing of it depends on when or where, so the same module, lock file and compiler give the same
bytes. Only the standard library is used. What does not belong here: whether a licence is wanted (.deny.toml).
"""

import hashlib
import json
import re
import subprocess
import sys
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = "wasm32-wasip1"
MODULE = ROOT / "target" / TARGET / "release" / "pinhole.wasm"
SBOM = ROOT / "target" / "pinhole.cdx.json"
LOCKED = re.compile(r'^name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "([0-9a-f]{64})"$', re.MULTILINE)

Crate = tuple[str, str]  # name and version


class SbomError(Exception):
    """There is no list; the message says why."""


def write(module: bytes) -> bytes:
    """The list for this module, which was built from the sources that are here."""
    metadata = json.loads(_said("cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={TARGET}"))
    locked = LOCKED.findall((ROOT / "Cargo.lock").read_text())
    checksums = {(name, version): checksum for name, version, checksum in locked}
    linked, used = _tree("normal,no-proc-macro"), _tree("normal,build")
    return _json(document(module, metadata, linked, used, checksums, _compiler()))


def document(
    module: bytes,
    metadata: dict,
    linked: set[Crate],
    used: set[Crate],
    checksums: dict[Crate, str],
    compiler: dict[str, str],
) -> dict:
    """The list, of what cargo says. `linked` crates are in the module, `used` ones also made it."""
    packages = {(package["name"], package["version"]): package for package in metadata["packages"]}
    (own,) = [crate for crate in linked if crate[0] == "pinhole"]
    crates = sorted(used - {own})
    if missing := [crate for crate in crates if crate not in checksums]:
        raise SbomError(f"Cargo.lock has no checksum of {', '.join(' '.join(crate) for crate in missing)}")
    by_id = {package["id"]: crate for crate, package in packages.items() if crate in used}
    needs = {
        by_id[node["id"]]: sorted({by_id[dep["pkg"]] for dep in node["deps"] if dep["pkg"] in by_id and _counts(dep)})
        for node in metadata["resolve"]["nodes"]
        if node["id"] in by_id
    }
    found = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "rustc", "version": compiler["release"]}]},
            "component": _component(own, packages[own], hashlib.sha256(module).hexdigest()),
            "properties": [
                {"name": "pinhole:target", "value": TARGET},
                {"name": "pinhole:rustc:commit", "value": compiler["commit-hash"]},
            ],
        },
        # The standard library is in the module, too, and comes with the compiler.
        "components": [_std(compiler)]
        + [
            _component(crate, packages[crate], checksums[crate], "required" if crate in linked else "excluded")
            for crate in crates
        ],
        "dependencies": [
            {"ref": _purl(crate), "dependsOn": [_purl(need) for need in needs[crate]]} for crate in [own, *crates]
        ],
    }
    found["dependencies"][0]["dependsOn"].append(f"rust-std@{compiler['release']}")
    # The number that each list is to have, made of what is in it.
    number = uuid.uuid5(uuid.NAMESPACE_OID, hashlib.sha256(_json(found)).hexdigest())
    return {**found, "serialNumber": f"urn:uuid:{number}"}


def _component(crate: Crate, package: dict, digest: str, scope: str | None = None) -> dict:
    if not package["license"]:
        raise SbomError(f"{' '.join(crate)} names no licence")
    component = {"type": "library", "bom-ref": _purl(crate), "name": crate[0], "version": crate[1]}
    component |= {"scope": scope} if scope else {}
    return component | {
        "hashes": [{"alg": "SHA-256", "content": digest}],
        # `MIT/Apache-2.0` is how cargo wrote it once.
        "licenses": [{"expression": package["license"].replace("/", " OR ")}],
        "purl": _purl(crate),
    }


def _std(compiler: dict[str, str]) -> dict:
    version = compiler["release"]
    component = {"type": "library", "bom-ref": f"rust-std@{version}", "name": "rust-std", "version": version}
    return component | {"licenses": [{"expression": "MIT OR Apache-2.0"}]}


def _purl(crate: Crate) -> str:
    return f"pkg:cargo/{crate[0]}@{crate[1].replace('+', '%2B')}"


def _counts(dependency: dict) -> bool:
    """Whether it is more than one of tests."""
    return any(kind["kind"] in (None, "build") for kind in dependency["dep_kinds"])


def _tree(edges: str) -> set[Crate]:
    """What cargo builds for the module. Its metadata would have the features of tests and of the command line, too."""
    arguments = ["--locked", "--package=pinhole", f"--target={TARGET}", f"--edges={edges}"]
    lines = _said("cargo", "tree", *arguments, "--prefix=none", "--format={p}").splitlines()
    return {(name, version.removeprefix("v")) for name, version, *_ in (line.split(" ") for line in lines if line)}


def _compiler() -> dict[str, str]:
    lines = _said("rustc", "--version", "--verbose").splitlines()
    return {name: value for name, _, value in (line.partition(": ") for line in lines)}


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise SbomError(f"{command[0]} is not on PATH") from None
    except subprocess.CalledProcessError as error:
        raise SbomError(f"`{' '.join(command[:2])}` failed: {error.stderr.strip()}") from None


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"


def main() -> None:
    if not MODULE.is_file():
        raise SbomError(f"{MODULE.relative_to(ROOT)} is missing; run `make wasm`")
    text = write(MODULE.read_bytes())
    SBOM.write_bytes(text)
    components = json.loads(text)["components"]
    linked = sum(component.get("scope") != "excluded" for component in components)
    made = len(components) - linked
    print(f"sbom          {SBOM.relative_to(ROOT)}: {linked} parts in the module, {made} that made it")
    print(f"              sha256:{hashlib.sha256(text).hexdigest()}")


if __name__ == "__main__":
    try:
        main()
    except SbomError as error:
        sys.exit(f"sbom: {error}")
