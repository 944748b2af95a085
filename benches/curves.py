"""The curves of `make bench`: how the price of the preset route changes with what should not matter.

    .venv/bin/python benches/curves.py       this part alone; BENCH_ROUNDS=n and BENCH_ONLY=presets,headers,routes,size

Every point is the CPU time that pinhole adds to a request, over the same request through a listener without filters.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import policies
from chart import Chart, Line, svg
from listeners import BY_HEADER, Listener, bootstrap, to_cluster, wasm
from paths import BENCHES, MODULE, SCRATCH
from proxy import Proxy
from rounds import Estimate, added, estimate, measure, median_of
from traffic import BROWSER, Driver, Job, Upstream, program
from variants import PRESETS

from bootstrap import free_ports
from stack import interrupt_on_sigterm

ROUNDS = 15
SIZES = {1 << 10: "1 KB", 10 << 10: "10 KB", 100 << 10: "100 KB", 1 << 20: "1 MB"}


@dataclass(frozen=True)
class Point:
    """One place on a curve: the request through pinhole, and the same without a filter."""

    at: int
    job: Job
    base: Job


@dataclass
class Curve:
    """What is measured for one chart."""

    name: str
    title: str
    x_title: str
    ticks: dict[int, str]
    lines: dict[str, list[Point]] = field(default_factory=dict)


class Course:
    """All curves of a run and the listeners that they need. Bodies come from clusters named by their length."""

    def __init__(self, secrets: dict[str, str]) -> None:
        self.listeners: list[Listener] = []
        self.secrets = secrets
        self.ports = free_ports(64)
        makers = (self.presets, self.headers, self.routes, self.size)
        self.curves = [make() for make in makers if _is_wanted(make.__name__)]

    def _listen(self, route: list[dict], *filters: dict) -> Job:
        port = self.ports.pop()
        self.listeners.append(Listener(port, route, list(filters)))
        return Job(port, PRESETS)

    def plain(self, cluster: str = "1024") -> Job:
        return self._listen(to_cluster(cluster))

    def pinhole(self, policy: dict[str, Any], cluster: str = "1024") -> Job:
        policy["resizer"]["thumbor"]["cluster"] = cluster
        return self._listen(BY_HEADER, wasm(MODULE, "edge", json.dumps(policy), list(self.secrets), "pinhole"))

    def presets(self) -> Curve:
        counts = {3: "3", 10: "10", 100: "100", 1000: "1,000", 10000: "10,000"}
        base = self.plain()
        points = [Point(count, self.pinhole(policies.with_presets(count)), base) for count in counts]
        return Curve("presets", "The number of presets", "presets in the policy", counts, {"": points})

    def headers(self) -> Curve:
        counts = {count: str(count) for count in (0, 10, 40, 80)}
        ours, base = self.pinhole(policies.full()), self.plain()

        def more(job: Job, count: int) -> Job:
            others = [(f"x-other-{number:02}", f"a value of a usual length, {number:02}") for number in range(count)]
            return replace(job, headers=[*BROWSER, *others])

        points = [Point(count, more(ours, count), more(base, count)) for count in counts]
        x_title = "request headers that nobody looks at, beside a browser's own"
        return Curve("headers", "The number of request headers", x_title, counts, {"": points})

    def routes(self) -> Curve:
        counts, base = {1: "1", 10: "10", 100: "100", 1000: "1,000"}, self.plain()
        curve = Curve("routes", "The number of routes", "routes in the policy, each with another beginning", counts)
        for name, is_first in (("the last one matches", False), ("the first one matches", True)):
            jobs = {count: self.pinhole(policies.with_routes(count, is_first)) for count in counts}
            curve.lines[name] = [Point(count, job, base) for count, job in jobs.items()]
        return curve

    def size(self) -> Curve:
        points = []
        for size in SIZES:
            ours, base = self.pinhole(policies.full(), str(size)), self.plain(str(size))
            points.append(Point(size, replace(ours, connections=4), replace(base, connections=4)))
        return Curve("size", "The size of the answer", "bytes of the answer's body", SIZES, {"": points})


def _is_wanted(name: str) -> bool:
    wanted = [text for text in os.environ.get("BENCH_ONLY", "").split(",") if text]
    return not wanted or name in wanted


def _chart(curve: Curve, found: dict[str, list[float]]) -> Chart:
    def at(point: Point) -> Estimate:
        more = added(found[_key(point.job)], found[_key(point.base)])
        return estimate(len(more), median_of(more))

    lines = [Line(name, {point.at: at(point) for point in points}) for name, points in curve.lines.items()]
    return Chart(curve.title, curve.x_title, "CPU that pinhole adds to a request, µs", curve.ticks, lines)


def _key(job: Job) -> str:
    return f"port {job.port}, {len(job.headers)} headers"


def run(load: Path) -> str:
    """Measures, writes target/bench/curves.json and the charts, and gives what was found as text."""
    rounds = int(os.environ.get("BENCH_ROUNDS", ROUNDS))
    secrets = policies.fresh_secrets()
    course = Course(secrets)
    points = [point for curve in course.curves for line in curve.lines.values() for point in line]
    jobs = {_key(job): job for point in points for job in (point.job, point.base)}
    print(f"bench: curves: {len(points)} points, {rounds} rounds", file=sys.stderr, flush=True)
    clusters = dict(zip(map(str, SIZES), free_ports(len(SIZES)), strict=True))
    with (
        Upstream(load, {port: name for name, port in clusters.items()}),
        Proxy("curves", bootstrap(course.listeners, clusters), secrets) as proxy,
        Driver(load) as driver,
    ):
        found = measure(proxy, driver, jobs, {_key(point.base) for point in points}, rounds)
    folder = BENCHES if os.environ.get("BENCH_PUBLISH") == "1" else SCRATCH
    text, kept = [], {}
    for curve in course.curves:
        chart = _chart(curve, found)
        (folder / f"{curve.name}.svg").write_text(svg(chart))
        kept[curve.name] = [asdict(line) for line in chart.lines]
        for line in chart.lines:
            values = ", ".join(
                f"{chart.ticks[at]}: {e.value:.1f} ({e.low:.1f} to {e.high:.1f})" for at, e in line.points.items()
            )
            text.append(f"- {chart.title}{', ' + line.name if line.name else ''}: {values}")
    (SCRATCH / "curves.json").write_text(json.dumps({"curves": kept, "rounds": found}, indent=1))
    return "\n".join([*text, f"- charts in {folder}", ""])


if __name__ == "__main__":
    interrupt_on_sigterm()
    print(run(program()))
