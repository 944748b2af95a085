"""What is shipped: the documents of the manifests, and the policies, secrets and digests in them.

This is the only file that knows where in a manifest these are.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

ENVOY = Path(__file__).resolve().parents[2] / "envoy"
FOLDERS = ("istio", "gateway")
# The name under which the module's image stands in them, with a digest that is visibly none.
IMAGE = "registry.example.com/pinhole@sha256:" + "0" * 64


class Manifest(NamedTuple):
    """One document of one file."""

    path: Path
    document: dict

    @property
    def kind(self) -> str:
        return self.document["kind"]

    @property
    def name(self) -> str:
        return self.document["metadata"]["name"]

    @property
    def spec(self) -> dict:
        return self.document["spec"]

    def __str__(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}/{self.kind}/{self.name}"


@cache
def manifests() -> list[Manifest]:
    """All of them, in the order of their files."""
    return [
        Manifest(path, document)
        for folder in FOLDERS
        for path in sorted((ENVOY / folder).glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
    ]


def one(folder: str, kind: str, name: str) -> Manifest:
    """The only one of that kind and name in a folder."""
    found = [m for m in manifests() if (m.path.parent.name, m.kind, m.name) == (folder, kind, name)]
    assert len(found) == 1, f"{folder} has {len(found)} {kind} {name}"
    return found[0]


class Plugin(NamedTuple):
    """What one manifest says about the module."""

    manifest: Manifest
    role: str
    policy: dict
    image: str
    closed: bool  # whether requests are refused where the module cannot be had
    host: frozenset[str]  # variables that come from Envoy's own environment
    inline: dict[str, str]  # variables whose values are written down

    def __str__(self) -> str:
        return str(self.manifest)


def _plugin(manifest: Manifest) -> Plugin | None:
    if manifest.kind in ("WasmPlugin", "TrafficExtension"):
        wasm = manifest.spec if manifest.kind == "WasmPlugin" else manifest.spec["wasm"]
        variables = wasm["vmConfig"]["env"]
        host = frozenset(v["name"] for v in variables if v["valueFrom"] == "HOST")
        inline = {v["name"]: v["value"] for v in variables if v["valueFrom"] == "INLINE"}
        closed = wasm["failStrategy"] == "FAIL_CLOSE"
        image = wasm["url"].removeprefix("oci://")
        return Plugin(manifest, wasm["pluginName"], wasm["pluginConfig"], image, closed, host, inline)
    if manifest.kind == "EnvoyExtensionPolicy":
        (wasm,) = manifest.spec["wasm"]
        image, closed = wasm["code"]["image"], wasm["failOpen"] is False
        assert image["url"].endswith(f"@sha256:{image['sha256']}"), manifest
        host = frozenset(wasm["env"]["hostKeys"])
        return Plugin(manifest, wasm["rootID"], wasm["config"], image["url"], closed, host, {})
    return None


@cache
def plugins() -> list[Plugin]:
    """All manifests that load the module."""
    return [plugin for manifest in manifests() if (plugin := _plugin(manifest))]


def environment(folder: str, role: str) -> dict[str, str | None]:
    """The environment of a role's Envoy: names, and values where they are written down and no secrets."""
    if folder == "istio":
        containers = one(folder, "Deployment", role).spec["template"]["spec"]["containers"]
        (variables,) = (container["env"] for container in containers if container["name"] == "istio-proxy")
    else:
        kubernetes = one(folder, "EnvoyProxy", role).spec["provider"]["kubernetes"]
        variables = kubernetes["envoyDeployment"]["container"]["env"]
    return {variable["name"]: variable.get("value") for variable in variables}
