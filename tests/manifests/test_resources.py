"""Every manifest is one that a cluster would take, and what is wrong is seen to be."""

import copy
from collections.abc import Callable

import kubernetes_validate
import pytest

import crds
from shipped import Manifest, manifests, one

KUBERNETES = "1.36"
BUILT_IN = ("v1", "apps/v1", "networking.k8s.io/v1")
CUSTOM = [manifest for manifest in manifests() if manifest.document["apiVersion"] not in BUILT_IN]
OWN = [manifest for manifest in manifests() if manifest.document["apiVersion"] in BUILT_IN]


@pytest.mark.parametrize("manifest", CUSTOM, ids=str)
def test_a_cluster_takes_it(manifest: Manifest, definitions: None) -> None:
    assert crds.complaints(manifest.document) == []


@pytest.mark.parametrize("manifest", OWN, ids=str)
def test_kubernetes_takes_its_own_kinds(manifest: Manifest) -> None:
    kubernetes_validate.validate(manifest.document, KUBERNETES, strict=True)


def test_a_wrong_one_of_its_own_kinds_is_refused() -> None:
    document = copy.deepcopy(one("istio", "NetworkPolicy", "gate").document)
    document["spec"]["egres"] = document["spec"].pop("egress")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


# ---- what would be refused

Change = Callable[[dict], None]


def put(*path: str | int, value: object) -> Change:
    """Sets what is at a place below `spec`."""

    def change(spec: dict) -> None:
        for step in path[:-1]:
            spec = spec[step]
        spec[path[-1]] = value

    return change


TARGETS = [{"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "edge"}]
WASM = ("istio", "WasmPlugin", "edge")
TRAFFIC = ("istio", "TrafficExtension", "edge")
EXTENSION = ("gateway", "EnvoyExtensionPolicy", "edge")
HTTP = {"url": "https://example.com/pinhole.wasm"}

# Which manifest, what is changed in it, and a word of the complaint.
BAD: dict[str, tuple[tuple[str, str, str], Change, str]] = {
    "an unknown key": (WASM, put("failstrategy", value="FAIL_CLOSE"), "failstrategy"),
    "an unknown key, deep inside": (TRAFFIC, put("wasm", "vmConfig", "env", 0, "from", value="HOST"), "from"),
    "a word that is none": (WASM, put("failStrategy", value="FAIL_CLOSED"), "FAIL_CLOSED"),
    "the same in its successor": (TRAFFIC, put("wasm", "failStrategy", value="FAIL_CLOSED"), "FAIL_CLOSED"),
    "a digest with its algorithm": (WASM, put("sha256", value="sha256:" + "0" * 64), "sha256"),
    "a value for a variable of the host": (WASM, put("vmConfig", "env", 0, "value", value="x"), "value"),
    "the same there": (TRAFFIC, put("wasm", "vmConfig", "env", 0, "value", value="x"), "value"),
    "two targets": (WASM, put("targetRefs", value=TARGETS), "only one of targetRefs or selector"),
    "two targets there": (TRAFFIC, put("targetRefs", value=TARGETS), "selector"),
    "another scheme": (WASM, put("url", value="ftp://example.com/pinhole.wasm"), "url"),
    "no module": (WASM, lambda spec: spec.pop("url"), "url"),
    "neither wasm nor lua": (TRAFFIC, lambda spec: spec.pop("wasm"), "wasm"),
    "wasm and lua": (TRAFFIC, put("lua", value={"inlineCode": "x"}), "lua"),
    "a phase that is none": (TRAFFIC, put("phase", value="FIRST"), "FIRST"),
    "a route beside a direct answer": (
        ("istio", "VirtualService", "edge"),
        put("http", 1, "directResponse", "status", value="404"),
        "404",
    ),
    "an origin without a host": (("istio", "ServiceEntry", "photos"), put("hosts", value=[]), "hosts"),
    "a port that is none": (("istio", "ServiceEntry", "photos"), put("ports", 0, "number", value=70000), "port"),
    "addresses of an origin found by name": (
        ("istio", "ServiceEntry", "photos"),
        put("workloadSelector", value={"labels": {"app": "photos"}, "x": 1}),
        "x",
    ),
    "an unknown key of Envoy Gateway's": (EXTENSION, put("wasm", 0, "failClosed", value=True), "failClosed"),
    "a word that is none of Envoy Gateway's": (EXTENSION, put("wasm", 0, "code", "type", value="OCI"), "OCI"),
    "an image without one": (EXTENSION, put("wasm", 0, "code", value={"type": "Image"}), "image"),
    "an image and a URL": (EXTENSION, put("wasm", 0, "code", "http", value=HTTP), "http"),
    "a target of another kind": (EXTENSION, put("targetRefs", 0, "kind", value="Service"), "kind"),
    "a target and targets": (EXTENSION, put("targetRef", value=TARGETS[0]), "targetRef"),
    "a backend of two kinds": (
        ("gateway", "Backend", "photos"),
        put("endpoints", 0, "ip", value={"address": "203.0.113.1", "port": 443}),
        "ip",
    ),
    "authorities of two kinds": (
        ("gateway", "BackendTLSPolicy", "photos"),
        put("validation", "caCertificateRefs", value=[{"group": "", "kind": "ConfigMap", "name": "x"}]),
        "CACertificateRefs",
    ),
    "two rewrites of one host": (
        ("gateway", "HTTPRoute", "edge"),
        lambda spec: spec["rules"][0]["filters"].append(spec["rules"][0]["filters"][1]),
        "URLRewrite",
    ),
    "a listener's port twice": (
        ("gateway", "Gateway", "edge"),
        lambda spec: spec["listeners"].append(spec["listeners"][0] | {"name": "other"}),
        "Combination",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_cluster_refuses(what: str, definitions: None) -> None:
    (folder, kind, name), change, word = BAD[what]
    document = copy.deepcopy(one(folder, kind, name).document)
    change(document["spec"])
    found = crds.complaints(document)
    assert found and word in " ".join(found), found
    assert not any("cannot be evaluated" in complaint for complaint in found), found


def test_there_are_rules_and_all_of_them_could_be_evaluated(definitions: None) -> None:
    for manifest in CUSTOM:
        crds.complaints(manifest.document)
    assert len(crds.evaluated) > 80, crds.evaluated
