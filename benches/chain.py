"""End to end: the demo's whole chain against the resizer alone, of the same pictures, in the same sizes.

    .venv/bin/python benches/chain.py       this part alone; BENCH_ROUNDS=n

    chain:  client -> Envoy, edge -> thumbor -> Envoy, gate -> pictures
    alone:  client -> thumbor -> pictures

Each has a thumbor of its own, with the demo's settings; only one of the two is asked at a time, in turns. Latencies of
all rounds are put together, and the intervals are those of resampled rounds, as everywhere here.
"""

import base64
import hmac
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import policies
import tokens
from paths import MODULE, ROOT, SCRATCH
from rounds import estimate
from traffic import Driver, Job, Report, Upstream, program

import keys
import pictures
import resizers
from bootstrap import Ports, free_ports
from children import Child
from stack import Stack, interrupt_on_sigterm

ROUNDS, SECONDS = 12, 1.5
CONNECTIONS = 2
PATHS = ["/images/small/landscape.jpg", "/images/medium/landscape.jpg"]


def alone(asked: str, key: str, source: str) -> str:
    """What the edge asked thumbor for, signed again for a source that is not sealed."""
    options = asked.split("/", 2)[2].rsplit("/", 1)[0]
    unsigned = f"{options}/{quote(source, safe='')}"
    tag = base64.urlsafe_b64encode(hmac.digest(key.encode(), unsigned.encode(), "sha1")).decode()
    return f"/{tag}/{unsigned}"


def thumbor(port: int, origin: int, secrets: dict[str, str]) -> Child:
    """A thumbor that fetches from the pictures' server itself."""
    resizer = resizers.find("thumbor", port, f"http://127.0.0.1:{origin}", secrets)
    child = Child("thumbor", resizer.command, SCRATCH / "thumbor.log", keys.environment(resizer.environment), ROOT)
    try:
        child.wait_until(resizer.ready)
    except BaseException:
        child.stop()
        raise
    return child


def measure(driver: Driver, jobs: dict[str, Job], rounds: int) -> dict[str, list[Report]]:
    """Reports of both, in turns."""
    for job in jobs.values():
        driver.run(replace(job, until={"seconds": 1.0}))
    found: dict[str, list[Report]] = {name: [] for name in jobs}
    for number in range(rounds):
        for name in sorted(jobs, reverse=number % 2 == 1):
            found[name].append(driver.run(jobs[name]))
    return found


def quantile(reports: Sequence[Report], part: float) -> Callable[[Sequence[int]], float]:
    """That part of the answers took so many milliseconds or less, as a figure for `estimate`."""

    def of(rounds: Sequence[int]) -> float:
        latencies = sorted(latency for index in rounds for latency in reports[index].each)
        return latencies[int((len(latencies) - 1) * part)] / 1e3

    return of


def throughput(reports: Sequence[Report]) -> Callable[[Sequence[int]], float]:
    """Answers in a second, as a figure for `estimate`."""

    def of(rounds: Sequence[int]) -> float:
        return sum(reports[index].requests for index in rounds) / sum(reports[index].seconds for index in rounds)

    return of


def markdown(found: dict[str, list[Report]]) -> str:
    """The table: both, and the chain as a ratio of thumbor alone."""
    lines = ["|  | thumbor alone | the chain | ratio | 95 % |", "| --- | ---: | ---: | ---: | ---: |"]
    chain, other = found["chain"], found["alone"]
    for name, figure in {
        "p50, ms": lambda reports: quantile(reports, 0.5),
        "p99, ms": lambda reports: quantile(reports, 0.99),
        "pictures in a second": throughput,
    }.items():
        of, base = figure(chain), figure(other)
        rounds = range(len(chain))
        ratio = estimate(len(chain), lambda drawn, of=of, base=base: of(drawn) / base(drawn))
        cells = [name, f"{base(rounds):.1f}", f"{of(rounds):.1f}", f"{ratio.value:.3f}"]
        lines.append("| " + " | ".join([*cells, f"{ratio.low:.3f} to {ratio.high:.3f}"]) + " |")
    return "\n".join([*lines, "", f"{sum(report.requests for report in chain)} pictures through the chain.", ""])


def run(load: Path) -> str:
    """Measures, writes target/bench/chain.json, and gives the table."""
    rounds = int(os.environ.get("BENCH_ROUNDS", ROUNDS))
    print(f"bench: end to end: {rounds} rounds", file=sys.stderr, flush=True)
    ports = Ports.free()
    (port,) = free_ports(1)
    stack = Stack(ports=ports, origin=False)
    picture = pictures.make(stack.pictures) / "landscape.jpg"
    asked = tokens.upstream_paths(MODULE, policies.fresh_secrets() | stack.env, PATHS)
    source = f"http://127.0.0.1:{ports.origin}/landscape.jpg"
    unsealed = [alone(path, stack.env["THUMBOR_KEY"], source) for path in asked]
    # The stack wants its ports to be free when it starts, so the pictures come after it.
    with stack, Upstream(load, {ports.origin: f"file:{picture}"}), Driver(load) as driver:
        child = thumbor(port, ports.origin, stack.env)
        try:
            job = Job(ports.edge, PATHS, {"seconds": SECONDS}, connections=CONNECTIONS, each=True)
            found = measure(driver, {"chain": job, "alone": replace(job, port=port, paths=unsealed)}, rounds)
        finally:
            child.stop()
    kept = {name: [report.each for report in reports] for name, reports in found.items()}
    (SCRATCH / "chain.json").write_text(json.dumps(kept))
    return markdown(found)


if __name__ == "__main__":
    interrupt_on_sigterm()
    print(run(program()))
