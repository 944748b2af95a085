"""The compose demo in containers: what is served, what is refused, and what each container cannot do or reach.

The profiles are `thumbor` and `observability`: imgproxy's image can be had from its registry only. So can Grafana's, in
whose place something answers; Prometheus is Debian's. The images' own entrypoints are run neither here nor by
docker-compose.yml. Without root or Debian's packages, all of this is skipped with the reason.
"""

import io
import json
import re
import subprocess
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import yaml
from PIL import Image

from composed import COMPOSE, MODULE, OBSERVABILITY
from engine import BASE, INTERNET, Engine, NoEngine

import pictures  # composed says where these are
import signers
from stack import SCRATCH

SERVICES = ("envoy-thumbor", "gate-thumbor", "thumbor", "minio")
OBSERVERS = ("prometheus", "grafana", "panels")
# Containers that do not belong to it: one beside Envoy, one beside Prometheus, one with a way out.
STRANGERS = {"stranger": "pinhole_public", "watcher": "pinhole_metrics", "anybody": "bridge"}
PORTS = (10000, 10001, 8080, 9000, 9902, 9090, 3000, 80)


class Demo:
    """The running demo, and containers that do not belong to it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        ids = {name: self._find(name) for name in (*SERVICES, *OBSERVERS, "keys", "pictures")}
        self.containers = ids | {name: f"pinhole-{name}" for name in STRANGERS}

    def _find(self, service: str) -> str:
        labels = {"project": "pinhole", "service": service}
        filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
        found = self.engine.docker("ps", "--all", "--quiet", *filters).stdout.split()
        assert len(found) == 1, f"{service}: {len(found)} containers"
        return found[0]

    def address(self, service: str, network: str) -> str:
        found = self.engine.inspect(self.containers[service])["NetworkSettings"]["Networks"]
        return found[f"pinhole_{network}"]["IPAddress"]

    def reached(self, service: str, addresses: dict[str, str]) -> set[str]:
        """Which of these are open to it, of every port that anybody listens on, as `name:port`."""
        places = [(name, address, port) for name, address in addresses.items() for port in PORTS]
        return self.engine.opens(self.containers[service], places)

    def secrets(self, service: str) -> dict[str, str]:
        lines = self.engine.run(self.containers[service], "cat /secrets/env").split()
        return dict(line.split("=", 1) for line in lines)

    def get(self, path: str) -> tuple[int, dict[str, str], bytes]:
        return self.engine.ask("127.0.0.1", 8080, path, headers={"host": "localhost:8080"})


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    assert MODULE.is_file(), "run `make wasm`"
    pictures.make(SCRATCH / "pictures")
    try:
        context = Engine().__enter__()
    except NoEngine as error:
        pytest.skip(str(error))
    try:
        _down(context)  # what a run that was killed has left
        context.compose("build", "keys", "minio")
        context.compose("up", "-d")
        for name, network in STRANGERS.items():
            options = ["--detach", "--name", f"pinhole-{name}", "--network", network]
            context.docker("run", *options, BASE, "sleep", "infinity")
        running = Demo(context)
        for service in ("envoy-thumbor", *OBSERVERS):
            context.wait_healthy(running.containers[service])
        yield running
    finally:
        _down(context)
        kinds = {"container": ["--all"], "volume": [], "network": []}
        listed = ["ls", "--quiet", "--filter", "name=pinhole"]
        left = [context.docker(kind, *listed, *more).stdout for kind, more in kinds.items()]
        context.docker("image", "prune", "--force")  # of older modules
        context.docker("builder", "prune", "--force", "--keep-storage", "2GB")
        context.__exit__()
        assert left == ["", "", ""], "`down --volumes` leaves something"


def _down(engine: Engine) -> None:
    engine.docker("rm", "--force", *(f"pinhole-{name}" for name in STRANGERS), check=False)
    engine.compose("down", "--volumes", "--timeout", "5")


# ---- served and refused


def test_everything_is_healthy_and_what_runs_once_has_ended_well(demo: Demo) -> None:
    for service in (*SERVICES, *OBSERVERS):
        assert demo.engine.inspect(demo.containers[service])["State"]["Health"]["Status"] == "healthy", service
    for service in ("keys", "pictures"):
        state = demo.engine.inspect(demo.containers[service])["State"]
        assert (state["Status"], state["ExitCode"]) == ("exited", 0), service


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/images/small/landscape.jpg", (300, 225)),
        ("/images/medium/landscape.jpg", (600, 450)),
        ("/photos/landscape.jpg?width=5000", (1000, 750)),
        ("/images/small/albums/%C3%A9t%C3%A9%202024/lac%20&%20lune.jpg", (300, 225)),
    ],
)
def test_a_picture_is_served(demo: Demo, path: str, size: tuple[int, int]) -> None:
    status, headers, body = demo.get(path)
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    assert headers["cache-control"] == "public, max-age=3600"  # as the policy has it, for a bucket that says nothing
    assert Image.open(io.BytesIO(body)).size == size
    assert "minio" not in str(headers).lower() and "x-amz" not in str(headers).lower()


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/strict/landscape.jpg?width=5000", 400, "over-limit"),
        ("/images/huge/landscape.jpg", 404, "unknown-preset"),
        ("/images/small/nothing.jpg", 404, "source-not-found"),
        ("/images/small/..%2f..%2fstore/landscape.jpg", 400, "malformed-request"),
        ("/landscape.jpg", 404, "no-route"),
        ("/minio/health/live", 404, "no-route"),
    ],
)
def test_what_is_not_allowed_is_refused(demo: Demo, path: str, status: int, reason: str) -> None:
    answered, headers, _ = demo.get(path)
    assert (answered, headers["x-pinhole-reason"]) == (status, reason)


def test_the_document_shows_what_was_run(demo: Demo) -> None:
    text = (COMPOSE / "README.md").read_text()
    shown = re.findall(r"^\$ curl -si '?http://127\.0\.0\.1:8080([^' ]+)'?.*\nHTTP/1\.1 (\d+)", text, re.MULTILINE)
    assert len(shown) == 2
    for path, status in shown:
        assert demo.get(path)[0] == int(status)


def test_its_health_is_that_of_the_whole_way(demo: Demo) -> None:
    envoy, thumbor = demo.containers["envoy-thumbor"], demo.containers["thumbor"]
    check = ["exec", envoy, "/etc/pinhole/health", "edge"]
    assert demo.engine.docker(*check, check=False).returncode == 0
    demo.engine.docker("stop", "--time", "2", thumbor)
    failed = demo.engine.docker(*check, check=False)
    assert failed.returncode != 0 and "503" in failed.stdout
    demo.engine.docker("start", thumbor)
    demo.engine.wait_healthy(thumbor)
    demo.engine.wait_healthy(envoy)


def test_a_second_start_keeps_secrets_and_pictures(demo: Demo) -> None:
    before = [demo.secrets(service) for service in SERVICES]
    for command in (["up", "-d"], ["restart", "gate-thumbor", "envoy-thumbor"]):
        demo.engine.compose(*command)
        demo.engine.wait_healthy(demo.containers["envoy-thumbor"])
    assert [demo.secrets(service) for service in SERVICES] == before
    assert demo.get("/images/small/landscape.jpg")[0] == 200


# ---- isolated


def test_each_container_reaches_what_its_step_needs_and_no_more(demo: Demo) -> None:
    places = {
        "edge.public": ("envoy-thumbor", "public"),
        "edge.resize": ("envoy-thumbor", "resize"),
        "edge.metrics": ("envoy-thumbor", "metrics"),
        "gate.source": ("gate-thumbor", "source"),
        "gate.origin": ("gate-thumbor", "origin"),
        "gate.metrics": ("gate-thumbor", "metrics"),
        "resizer.resize": ("thumbor", "resize"),
        "resizer.source": ("thumbor", "source"),
        "minio.origin": ("minio", "origin"),
        "prometheus.metrics": ("prometheus", "metrics"),
        "prometheus.panels": ("prometheus", "panels"),
        "grafana.panels": ("grafana", "panels"),
        "panels.panels": ("panels", "panels"),
        "panels.view": ("panels", "view"),
    }
    # By address: a name that does not resolve would prove nothing.
    addresses = {name: demo.address(*place) for name, place in places.items()} | {"internet": INTERNET}
    own_resizer = {"resizer.resize:8080", "resizer.source:8080"}
    metrics = {"edge.metrics:9902", "gate.metrics:9902", "prometheus.metrics:9090"}
    panels = {"prometheus.panels:9090", "grafana.panels:3000"}
    assert {name: demo.reached(name, addresses) for name in demo.containers if name not in ("keys", "pictures")} == {
        "envoy-thumbor": {"edge.public:10000", "resizer.resize:8080"} | metrics,
        "gate-thumbor": {"gate.source:10001", "resizer.source:8080", "minio.origin:9000"} | metrics,
        "thumbor": {"gate.source:10001"} | own_resizer,
        "minio": {"minio.origin:9000"},
        "prometheus": metrics | panels,
        "grafana": panels,
        "panels": panels | {"panels.view:3000"},
        "stranger": {"edge.public:10000"},
        "watcher": metrics,
        "anybody": {"internet:80"},  # so there is one, for who may go out
    }


def test_only_envoy_is_published_and_on_this_machine_only(demo: Demo) -> None:
    found = {
        service: demo.engine.inspect(demo.containers[service])["HostConfig"]["PortBindings"] or {}
        for service in (*SERVICES, *OBSERVERS)
    }
    assert {service: ports for service, ports in found.items() if ports} == {
        "envoy-thumbor": {"10000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]},
        "panels": {"3000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "3000"}]},
    }
    with pytest.raises(subprocess.CalledProcessError):
        demo.engine.ask("198.51.100.2", 8080, "/images/small/landscape.jpg")


@pytest.mark.parametrize("service", SERVICES + OBSERVERS)
def test_a_container_has_no_rights(demo: Demo, service: str) -> None:
    container = demo.containers[service]
    status = demo.engine.run(container, "cat /proc/self/status")
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert "0" not in found["Uid"].split() and "0" not in found["Gid"].split()
    assert {int(found[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh")} == {0}
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    for place in ("/here", "/etc/here", "/usr/bin/here", "/secrets/here", "/etc/pinhole/here"):
        answer = demo.engine.docker("exec", container, "bash", "-c", f"LC_ALL=C echo x >{place}", check=False)
        assert re.search("Read-only file system|Permission denied|No such file", answer.stderr), (place, answer)
    as_root = demo.engine.docker("exec", "--user", "0", container, "bash", "-c", "echo x >/here", check=False)
    assert "Read-only" in as_root.stderr
    limits = demo.engine.inspect(container)["HostConfig"]
    assert limits["Memory"] > 0 and limits["PidsLimit"] > 0 and limits["NanoCpus"] > 0
    assert demo.engine.inspect(container)["State"]["OOMKilled"] is False


# ---- secrets


def test_secrets_are_where_they_are_needed_and_nowhere_else(demo: Demo) -> None:
    told = {service: demo.secrets(service) for service in SERVICES}
    assert told["envoy-thumbor"]["S3_SECRET"] != told["gate-thumbor"]["S3_SECRET"]
    values = {value for found in told.values() for value in found.values()} - {"not-for-the-edge"}
    assert len(values) > 8
    for name in (*SERVICES, "keys", "pictures"):
        container = demo.containers[name]
        described = str(demo.engine.inspect(container))
        logs = demo.engine.docker("logs", container, check=False)  # thumbor's are not kept
        # The reader's id is no secret: MinIO's client says whom it made.
        secret = values - {told["gate-thumbor"]["S3_ID"]}
        assert not [v for v in secret if v in described or v in logs.stdout + logs.stderr], name


def test_the_gates_key_reads_pictures_and_does_nothing_else(demo: Demo) -> None:
    key = demo.secrets("gate-thumbor")
    address = demo.address("minio", "origin")

    def ask(method: str, path: str, signed: bool = True, body: bytes = b"") -> int:
        headers = {"host": f"{address}:9000"}
        if signed:
            pair, now = (key["S3_ID"], key["S3_SECRET"]), signers.now()
            headers = dict(signers.aws(method, headers["host"], path, pair, now, body, region="us-east-1")) | headers
        return demo.engine.ask(address, 9000, path, method, headers, body)[0]

    assert ask("GET", "/photos/landscape.jpg") == 200
    assert ask("GET", "/photos/landscape.jpg", signed=False) == 403
    assert ask("PUT", "/photos/mine.jpg", body=b"x") == 403
    assert ask("DELETE", "/photos/landscape.jpg") == 403
    assert ask("GET", "/photos") == 403
    assert ask("GET", "/") in (200, 403)  # a list of the buckets that it may see, which is empty


def test_prometheus_reads_both_and_nobody_gets_more(demo: Demo) -> None:
    address = demo.address("prometheus", "panels")

    def query(text: str) -> dict[str, float]:
        status, _, body = demo.engine.ask(address, 9090, f"/api/v1/query?query={quote(text)}")
        assert status == 200
        found = json.loads(body)["data"]["result"]
        return {each["metric"]["instance"].partition(".")[0]: float(each["value"][1]) for each in found}

    assert query("up") == {"edge": 1, "gate": 1}
    # With its labels, which Envoy's `stats_config` makes.
    assert query('pinhole_requests_total{role="edge",decision="forward",preset="small"}')["edge"] > 0
    for role, upstream in (("edge", "resizer"), ("gate", "photos")):
        text = f'envoy_cluster_upstream_rq_xx{{envoy_cluster_name="{upstream}",envoy_response_code_class="2"}}'
        assert query(text)[role] > 0
        script = (
            f"exec 3<>/dev/tcp/{role}.metrics/9902; "
            "printf 'GET /config_dump HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n' >&3; cat <&3"
        )
        assert demo.engine.run(demo.containers["watcher"], script).startswith("HTTP/1.1 404 ")


def test_prometheus_has_the_alerts(demo: Demo) -> None:
    _, _, body = demo.engine.ask(demo.address("prometheus", "panels"), 9090, "/api/v1/rules")
    rules = [rule["name"] for group in json.loads(body)["data"]["groups"] for rule in group["rules"]]
    written = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"]
    assert rules == [rule["alert"] for group in written for rule in group["rules"]] and rules


def test_grafana_is_asked_through_envoy(demo: Demo) -> None:
    status, headers, body = demo.engine.ask("127.0.0.1", 3000, "/api/health")
    assert (status, headers["server"]) == (200, "envoy")
    assert b"stands-in-for" in body  # of Grafana itself, nothing is shown here
