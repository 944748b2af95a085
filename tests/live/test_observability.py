"""The dashboard and the alerts of `envoy/observability`, against a real Prometheus that scrapes real Envoys.

A query that names a metric or a label that nobody exports is empty for ever, and looks like good news. So each query
runs, on traffic that has something of everything, and has to find something.
"""

import json
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

import ecds
import keys
import wire
from bootstrap import free_ports
from children import Child, answers
from conftest import ROOT, policy_text
from programs import ProgramError, installed
from stack import SCRATCH, Stack
from test_push import Pushing, pushing  # noqa: F401 (a fixture)
from upstream import response
from waiting import until
from wire import request

DIRECTORY = ROOT / "envoy" / "observability"
DASHBOARD = json.loads((DIRECTORY / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
# In the place of what Grafana fills in.
FILLED = {"$__rate_interval": "20s", "$__range": "1m", "$resizer": "resizer", "$origins": ".+"}
# Those that are right to find nothing, as nothing of the kind happens here.
QUIET = ["envoy_cluster_upstream_rq_timeout", "envoy_cluster_upstream_rq_pending_overflow"]
ALERTS = (DIRECTORY / "alerts.yml").read_text()


def tool(name: str) -> str:
    try:
        return installed("prometheus", name)
    except ProgramError as error:
        pytest.skip(str(error))


class Prometheus:
    """A running server."""

    def __init__(self, port: int, stack: Stack) -> None:
        self.url, self.stack = f"http://127.0.0.1:{port}", stack

    def get(self, path: str, **parameters: str) -> object:
        url = f"{self.url}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {parameters}: {error.read().decode()}") from None

    def query(self, expression: str) -> list[dict]:
        for variable, value in FILLED.items():
            expression = expression.replace(variable, value)
        return self.get("/api/v1/query", query=expression)["result"]

    def metrics(self) -> set[str]:
        return set(self.get("/api/v1/label/__name__/values"))


def traffic(stack: Stack, pushing: Pushing) -> None:  # noqa: F811
    """Something of everything: served, refused, replaced, at both roles, pushed."""
    for path in ("/images/small/landscape.jpg", "/images/medium/landscape.jpg", "/images/huge/a.jpg", "/images/small/no.jpg"):
        wire.ask(stack.ports.edge, request(path))
    wire.ask(stack.ports.gate, request("/not-a-token"))
    pushing.serves_others()
    pushing.ask(resizer=response("500 Internal Server Error"))


@pytest.fixture(scope="module")
def prometheus(pushing: Pushing) -> Iterator[Prometheus]:  # noqa: F811
    """One that has watched an Envoy that pulls and one that pushes for as long as rates are about."""
    program = tool("prometheus")
    (port,) = free_ports(1)
    directory = SCRATCH / f"prometheus-{port}"
    directory.mkdir(parents=True, exist_ok=True)
    # From files, so that what becomes of these is counted, too.
    with Stack(policy=policy_text("policies/basic.json"), from_files=True) as stack:
        targets = [f"127.0.0.1:{other.ports.admin}" for other in (stack, pushing.stack)]
        scrape = {"job_name": "envoy", "metrics_path": "/stats/prometheus", "static_configs": [{"targets": targets}]}
        configuration = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [scrape]}
        (directory / "prometheus.yml").write_text(json.dumps(configuration))  # JSON is YAML
        command = [program, f"--config.file={directory / 'prometheus.yml'}", f"--storage.tsdb.path={directory / 'data'}"]
        command.append(f"--web.listen-address=127.0.0.1:{port}")
        child = Child("prometheus", command, directory / "log", keys.environment({}), directory)
        try:
            child.wait_until(lambda: answers(f"http://127.0.0.1:{port}/-/ready"))
            end = time.monotonic() + 25
            while time.monotonic() < end:
                traffic(stack, pushing)
                time.sleep(0.5)
            yield Prometheus(port, stack)
        finally:
            child.stop()


def names(expression: str) -> set[str]:
    """The metrics that an expression names."""
    return set(re.findall(r"\b(?:pinhole|envoy)_(?!cluster_name\b|response_code_class\b|http_conn_manager_prefix\b)\w+", expression))


def test_every_query_of_the_dashboard_finds_something(prometheus: Prometheus) -> None:
    empty = [
        f"{title}: {expression}"
        for title, expression in QUERIES
        if not prometheus.query(expression) and not any(quiet in expression for quiet in QUIET)
    ]
    assert not empty, "\n".join(empty)


def test_every_metric_of_dashboard_and_alerts_exists(prometheus: Prometheus) -> None:
    asked = names(" ".join(expression for _, expression in QUERIES)) | names(re.sub(r"(?m)^#.*|summary:.*", "", ALERTS))
    assert len(asked) > 15
    assert asked <= prometheus.metrics(), asked - prometheus.metrics()


@pytest.mark.parametrize("role", ["edge", "gate"])
def test_a_policy_that_is_refused_is_seen(prometheus: Prometheus, role: str) -> None:
    """In Envoy's counters, by a real Prometheus, as the alert has it; and the fingerprint stays."""
    text = ALERTS.split("PinholePolicyRefused\n")[1].split("labels:")[0].split(">-\n")[1].replace("[10m]", "[5s]")
    until(lambda: not prometheus.query(text), "nothing was refused lately")
    before = {series["value"][1] for series in prometheus.query("pinhole_policy_fingerprint")}
    good = prometheus.stack.filter_files[role].read_text()
    ecds.replace(prometheus.stack.filter_files[role], prometheus.stack.apart("{").filters[role])
    until(lambda: bool(prometheus.query(text)), "the alert")
    assert {series["value"][1] for series in prometheus.query("pinhole_policy_fingerprint")} == before
    assert wire.ask(prometheus.stack.ports.edge, request("/images/small/landscape.jpg")).status == 200
    ecds.replace(prometheus.stack.filter_files[role], good)
    until(lambda: not prometheus.query(text), "its rest")


def test_the_variables_have_values(prometheus: Prometheus) -> None:
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            match = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
            assert match, variable
            values = prometheus.get(f"/api/v1/label/{match[2]}/values", **{"match[]": match[1]})
            assert "resizer" in values and "photos" in values


def test_the_reasons_of_alerts_exist() -> None:
    known = set(re.findall(r'^\| `([a-z-]+)` \| \d{3} \|', (ROOT / "README.md").read_text(), re.MULTILINE))
    told = set(re.findall(r'reason!?="([a-z-]+)"', ALERTS + json.dumps(QUERIES).replace('\\"', '"')))
    assert told and told <= known, told - known


def test_panels_have_places_of_their_own() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])):
            assert cell[0] < 24 and cell not in taken, f"{panel['title']} lies on {taken.get(cell)}"
            taken[cell] = panel["title"]
    assert all(panel["description"] and panel["datasource"]["uid"] == "${datasource}" for panel in PANELS)


def test_alerts_fire_when_they_should_and_rest_when_they_should() -> None:
    promtool = tool("promtool")
    for arguments in (["check", "rules", DIRECTORY / "alerts.yml"], ["test", "rules", ROOT / "tests/observability/alerts.yml"]):
        done = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    rules = set(re.findall(r"- alert: (\w+)", ALERTS))
    tested = re.findall(r"- name: (\w+) (fires|rests)", (ROOT / "tests/observability/alerts.yml").read_text())
    assert {(rule, how) for rule in rules for how in ("fires", "rests")} == set(tested)
