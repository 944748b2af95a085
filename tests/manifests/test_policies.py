"""The policies in the manifests: valid as the module gets them, in step with the routes, names and secrets around."""

import json
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2

import keys
from shipped import ENVOY, FOLDERS, IMAGE, Plugin, environment, manifests, one, plugins

ROOT = ENVOY.parent
PLUGINS = pytest.mark.parametrize("plugin", plugins(), ids=str)
EACH_FOLDER = pytest.mark.parametrize("folder", FOLDERS)
HOST = "img.example.com"
URL = f"https://{HOST}/images/large/a.jpg"


def secrets_of(plugin: Plugin) -> dict[str, str]:
    """The environment in which the module runs: fresh secrets, and what is written down."""
    folder, fresh = plugin.manifest.path.parent.name, keys.fresh()
    around = environment(folder, plugin.role)
    seen = {name: around[name] or fresh[name] for name in plugin.host}
    return {"PATH": os.environ["PATH"]} | seen | plugin.inline


Run = Callable[..., subprocess.CompletedProcess]


@pytest.fixture(scope="session")
def pinhole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a verb of the command line with a policy."""
    subprocess.run(["cargo", "build", "--quiet", "--bin", "pinhole"], cwd=ROOT, check=True)
    program = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug" / "pinhole"
    document = tmp_path_factory.mktemp("policies") / "policy.json"

    def run(verb: list[str], policy: str, environment: dict[str, str], *rest: str) -> subprocess.CompletedProcess:
        document.write_text(policy)
        command = [str(program), *verb, str(document), *rest]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def as_delivered(policy: dict) -> str:
    """The text that comes out of a protobuf Struct: all numbers are doubles, and keys are in another order."""
    struct = json_format.ParseDict(policy, struct_pb2.Struct())
    again = json_format.MessageToDict(struct_pb2.Struct.FromString(struct.SerializeToString()))

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in sorted(value, reverse=True)}
        if isinstance(value, list):
            return [turned(item) for item in value]
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value

    return json.dumps(turned(again))


def test_a_struct_makes_doubles_and_keeps_no_order() -> None:
    assert as_delivered({"a": {"width": 300}, "b": [True, 1.5]}) == '{"b": [true, 1.5], "a": {"width": 300.0}}'


@PLUGINS
def test_the_policy_is_valid_as_written_and_as_delivered(plugin: Plugin, pinhole: Run) -> None:
    environment, decisions = secrets_of(plugin), []
    for text in (json.dumps(plugin.policy), as_delivered(plugin.policy)):
        checked = pinhole(["check"], text, environment)
        assert checked.returncode == 0, checked.stderr
        assert "warning" not in checked.stdout + checked.stderr, checked.stdout + checked.stderr
        served = pinhole(["explain", "--json"], text, environment, URL)
        assert served.returncode == 0, served.stdout
        decisions.append(json.loads(served.stdout))
    assert decisions[0] == decisions[1]
    upstream = decisions[0]["upstream"]
    assert (upstream[":authority"], upstream["x-pinhole-cluster"]) == (HOST, "resizer"), upstream
    elsewhere = URL.replace(HOST, "other.example.com")
    other = pinhole(["explain", "--json"], json.dumps(plugin.policy), environment, elsewhere)
    assert json.loads(other.stdout)["reason"] == "no-route", other.stdout


@PLUGINS
def test_it_is_refused_where_something_is_wrong(plugin: Plugin, pinhole: Run) -> None:
    wrong = as_delivered(plugin.policy).replace('"width": 300.0', '"width": 300.5')
    refused = pinhole(["check"], wrong, secrets_of(plugin))
    assert refused.returncode == 3 and "presets.small.width" in refused.stdout + refused.stderr
    for name in plugin.host | plugin.inline.keys():
        less = {other: value for other, value in secrets_of(plugin).items() if other != name}
        refused = pinhole(["check"], json.dumps(plugin.policy), less)
        assert refused.returncode == 3 and name in refused.stdout + refused.stderr, f"without {name}"


@EACH_FOLDER
def test_both_roles_have_one_policy(folder: str) -> None:
    here = [plugin for plugin in plugins() if plugin.manifest.path.parent.name == folder]
    assert {plugin.role for plugin in here} == {"edge", "gate"}
    assert len(here) == (4 if folder == "istio" else 2)
    assert all(plugin.policy == here[0].policy for plugin in here)


@PLUGINS
def test_nothing_passes_where_the_module_cannot_be_had(plugin: Plugin) -> None:
    assert plugin.closed


@PLUGINS
def test_variables_of_the_host_are_those_of_its_pod(plugin: Plugin) -> None:
    folder = plugin.manifest.path.parent.name
    assert plugin.host == environment(folder, plugin.role).keys()


@PLUGINS
def test_each_role_has_the_secrets_that_it_uses_and_no_others(plugin: Plugin) -> None:
    around = environment(plugin.manifest.path.parent.name, plugin.role)
    own = {"edge": {"IMGPROXY_KEY", "IMGPROXY_SALT"}, "gate": {"PHOTOS_TOKEN"}}[plugin.role]
    assert {name for name, value in around.items() if value is None} == own | {"PINHOLE_SEAL_KEY"}


@EACH_FOLDER
def test_no_secret_is_written_down(folder: str) -> None:
    assert not [manifest for manifest in manifests() if manifest.kind in ("Secret", "ConfigMap")]
    for path in (ENVOY / folder).glob("*.yaml"):
        digits = re.findall(r"\b[0-9a-f]{32,}\b", path.read_text())
        assert set("".join(digits)) <= {"0"}, f"{path.name}: {digits}"


# ---- what has to fit together


def routed(folder: str, name: str) -> dict[str, str]:
    """Where a value of x-pinhole-cluster leads; and that it goes no further, and everything else is 404."""
    if folder == "istio":
        *marked, last = one(folder, "VirtualService", name).spec["http"]
        assert last == {"name": "refuse", "directResponse": {"status": 404}}
        found = {}
        for rule in marked:
            assert rule["headers"] == {"request": {"remove": ["x-pinhole-cluster"]}}
            (match,), (route,) = rule["match"], rule["route"]
            found[match["headers"]["x-pinhole-cluster"]["exact"]] = route["destination"]["host"]
        return found
    *marked, last = one(folder, "HTTPRoute", name).spec["rules"]
    assert last["filters"][0]["extensionRef"]["name"] == "refuse" and "backendRefs" not in last
    assert one(folder, "HTTPRouteFilter", "refuse").spec == {"directResponse": {"statusCode": 404}}
    found = {}
    for rule in marked:
        assert {"remove": ["x-pinhole-cluster"]} in [f.get("requestHeaderModifier") for f in rule["filters"]]
        ((match,), (backend,)) = rule["matches"], rule["backendRefs"]
        (header,) = match["headers"]
        assert header["name"] == "x-pinhole-cluster"
        found[header["value"]] = backend["name"]
    return found


@EACH_FOLDER
def test_routes_know_the_clusters_of_the_policy_and_no_others(folder: str) -> None:
    policy = next(plugin for plugin in plugins() if plugin.manifest.path.parent.name == folder).policy
    (resizer,) = policy["resizer"].values()
    assert resizer["authority"] == "keep"
    assert routed(folder, "edge").keys() == {resizer["cluster"]}
    assert routed(folder, "gate").keys() == {origin["cluster"] for origin in policy["origins"].values()}


@EACH_FOLDER
def test_the_edge_serves_the_hosts_of_the_policy(folder: str) -> None:
    policy = next(plugin for plugin in plugins() if plugin.manifest.path.parent.name == folder).policy
    hosts = {host for route in policy["routes"] for host in route["hosts"]}
    kind, key = {"istio": ("VirtualService", "hosts"), "gateway": ("HTTPRoute", "hostnames")}[folder]
    assert hosts == set(one(folder, kind, "edge").spec[key])


@EACH_FOLDER
def test_the_resizer_fetches_from_the_gate_and_nowhere_else(folder: str) -> None:
    policy = next(plugin for plugin in plugins() if plugin.manifest.path.parent.name == folder).policy
    gate = policy["gate"]["url"]
    (container,) = one(folder, "Deployment", "resizer").spec["template"]["spec"]["containers"]
    settings = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert settings["IMGPROXY_ALLOWED_SOURCES"] == f"{gate}/"
    assert policy["gate"]["private_sources"] == "refuse", "edge and gate are in different Envoys"
    if folder == "istio":
        service = one(folder, "Service", "gate").document["metadata"]
        (egress,) = one(folder, "Sidecar", "resizer").spec["egress"]
        assert egress["hosts"] == [f"./{gate.removeprefix('http://')}"]
    else:
        assert one(folder, "EnvoyProxy", "gate").spec["provider"]["kubernetes"]["envoyService"]["name"] == "gate"
        service = {"name": "gate", "namespace": "envoy-gateway-system"}
    assert gate == f"http://{service['name']}.{service['namespace']}.svc.cluster.local"


@EACH_FOLDER
def test_the_settings_of_the_resizer_are_those_that_are_documented(folder: str) -> None:
    (section,) = re.findall(r"^## imgproxy\n(.*?)^## ", (ENVOY / "resizers.md").read_text(), re.DOTALL | re.MULTILINE)
    documented = dict(re.findall(r"^export (IMGPROXY_\w+)=(\S+)", section, re.MULTILINE))
    (container,) = one(folder, "Deployment", "resizer").spec["template"]["spec"]["containers"]
    shipped = {variable["name"]: variable.get("value") for variable in container["env"]}
    # That one is for the gate on 127.0.0.1 only.
    assert shipped.keys() == documented.keys() - {"IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES"}
    for name in shipped.keys() - {"IMGPROXY_KEY", "IMGPROXY_SALT", "IMGPROXY_ALLOWED_SOURCES", "IMGPROXY_BIND"}:
        assert shipped[name] == documented[name], name


@EACH_FOLDER
def test_tls_to_the_origin_names_it(folder: str) -> None:
    policy = next(plugin for plugin in plugins() if plugin.manifest.path.parent.name == folder).policy
    host = policy["origins"]["photos"]["url"].split("/")[2]
    if folder == "istio":
        assert one(folder, "ServiceEntry", "photos").spec["hosts"] == [host]
        assert one(folder, "VirtualService", "gate").spec["hosts"] == [host]
        rule = one(folder, "DestinationRule", "photos").spec
        tls = rule["trafficPolicy"]["tls"]
        assert (rule["host"], tls["mode"], tls["sni"], tls["subjectAltNames"]) == (host, "SIMPLE", host, [host])
    else:
        (endpoint,) = one(folder, "Backend", "photos").spec["endpoints"]
        assert endpoint == {"fqdn": {"hostname": host, "port": 443}}
        assert one(folder, "BackendTLSPolicy", "photos").spec["validation"]["hostname"] == host


# ---- the documents


@PLUGINS
def test_the_digest_is_visibly_a_placeholder(plugin: Plugin) -> None:
    assert plugin.image == IMAGE


@EACH_FOLDER
def test_the_documented_command_puts_the_real_digest_in(folder: str, tmp_path: Path) -> None:
    commands = re.findall(r"^sed -i .*$", (ENVOY / folder / "README.md").read_text(), re.MULTILINE)
    assert len(commands) == 1, commands
    shutil.copytree(ENVOY / folder, tmp_path / "envoy" / folder)
    digest = secrets.token_hex(32)
    done = subprocess.run(
        ["bash", "-euc", commands[0]], cwd=tmp_path, env={"PATH": os.environ["PATH"], "DIGEST": digest}, check=False
    )
    assert done.returncode == 0
    named = 0
    for path in (tmp_path / "envoy" / folder).glob("*.yaml"):
        text = path.read_text()
        assert "0" * 64 not in text, path.name
        named += text.count(f"pinhole@sha256:{digest}")
    assert named == (4 if folder == "istio" else 2)


@EACH_FOLDER
def test_the_readme_names_every_file(folder: str) -> None:
    text = (ENVOY / folder / "README.md").read_text()
    files = {path.name for path in (ENVOY / folder).glob("*.yaml")}
    assert set(re.findall(r"`([a-z-]+\.yaml)`", text)) == files
    applied = re.findall(r"^kubectl apply .*$", text, re.MULTILINE)
    named = [name for command in applied for name in re.findall(r"-f ([a-z-]+)\.yaml", command)]
    assert len(named) == len(set(named)), named
    assert {f"{name}.yaml" for name in named} | {m for m in files if m.endswith("wasm-plugin.yaml")} == files
