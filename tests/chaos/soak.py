"""`make soak`: full load for ten minutes, and whether memory stays flat, time stays what it was, and nothing stays behind.

    make soak MINUTES=2

Two Envoys at once, each with the shipped configuration and both roles: `full` between stubs that cost next to nothing, so
that Envoy and the module are what is slow (benches/load); `chain` with the real resizer and origin, and visitors who know
each picture. Ends with 1 where memory grew by more than `MOST`, or may have, or anything was not as it should be.
SOAK_LEAK=bytes puts a leak of so many bytes a request into `full`, to see it found.
"""

import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import where
from battered import Battered
from children import ChildError
from conftest import policy_text
from flatness import growth
from programs import ProgramError
from restarting import Restarted
from roles import seal
from sampling import Sample, Sampler
from stack import Stack, StackError, interrupt_on_sigterm
from upstream import Upstream as Stub
from visitors import NEVER, Visitors

sys.path.append(str(where.ROOT / "benches"))
from traffic import Driver, Job, Report, TrafficError, Upstream, program  # noqa: E402

MOST = 2e6  # bytes more after the warm-up, at the upper end of what is likely
WARM_UP = 0.2  # of the time: connections are made, pages touched, the module's functions compiled
ROUND = 5.0  # seconds of one job; the next one has other sources
EVERY = 1.0  # seconds between two samples


def quiet(text: str) -> str:
    """envoy.yaml whose access logs are written to nowhere: ten minutes of them are gigabytes."""
    old = "StdoutAccessLog\n"
    assert text.count(old) == 2
    return re.sub(r"( +)(\"@type\": .*)stream\.v3\.StdoutAccessLog\n", r"\1\2file.v3.FileAccessLog\n\1path: /dev/null\n", text)


def leaking(size: int) -> Callable[[str], str]:
    """The same with a filter that keeps so many bytes of every request."""
    lua = f"""\
          - name: leak
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code:
                inline_string: "kept = {{}}; function envoy_on_request(h) kept[#kept+1] = string.rep('x', {size}) .. #kept end"
"""
    return lambda text: quiet(text).replace("          http_filters:\n", f"          http_filters:\n{lua}", 1)


@dataclass
class Line:
    """One kind of request and how often it was answered, job by job."""

    name: str
    jobs: Callable[[int], Job]
    reports: list[Report]

    def minute(self, last: bool) -> str:
        """Percentiles of the first minute after the warm-up, or of the last: the median job's."""
        count = max(1, round(60 / ROUND))
        warm = round(len(self.reports) * WARM_UP)
        chosen = self.reports[-count:] if last else self.reports[warm : warm + count]
        middle = lambda name: sorted(getattr(report, name) for report in chosen)[len(chosen) // 2] / 1e3  # noqa: E731
        return f"{middle('p50'):.1f} / {middle('p90'):.1f} / {middle('p99'):.1f} ms"

    @property
    def requests(self) -> int:
        return sum(report.requests for report in self.reports)


def lines(stack: Stack, sealed: list[str]) -> list[Line]:
    """What an exchange can go through; every job has sources of its own, as the same ones would take the same memory."""
    edge, gate = stack.ports.edge, stack.ports.gate
    part = {"until": {"seconds": ROUND}}

    def paths(form: str, number: int) -> list[str]:
        return [form.format(f"{number}-{index}") for index in range(200)]

    return [
        Line("pictures by preset", lambda n: Job(edge, paths("/images/small/{}.jpg", n), connections=8, **part), []),
        Line(
            "pictures by query, HTTP/2",
            lambda n: Job(edge, paths("/photos/{}.jpg?width=400", n), protocol="h2", connections=2, streams=4, **part),
            [],
        ),
        Line("refusals", lambda n: Job(edge, paths("/images/huge/{}.jpg", n), connections=2, status=404, **part), []),
        Line("sources at the gate", lambda _: Job(gate, sealed, connections=4, **part), []),
    ]


def ask(load: os.PathLike, line: Line, end: float) -> None:
    with Driver(load) as driver:
        number = 0
        while time.monotonic() < end:
            job = line.jobs(number)
            left = min(ROUND, max(1.0, end - time.monotonic()))
            line.reports.append(driver.run(replace(job, until={"seconds": left})))
            number += 1


def watch(sampler: Sampler, end: float) -> list[Sample]:
    samples = []
    while time.monotonic() < end:
        samples.append(sampler.sample())
        time.sleep(EVERY)
    return samples


def judged(name: str, samples: list[Sample], minutes: float) -> tuple[list[str], list[str]]:
    """What is to be said of memory, and what is wrong with it."""
    warm = samples[int(len(samples) * WARM_UP) :]
    times = [sample.at for sample in warm]
    said, wrong = [], []
    for what, values in (
        ("in use", [sample.in_use for sample in warm]),
        ("resident", [sample.resident for sample in warm]),
        ("of Envoy's allocator", [sample.allocated for sample in warm]),
    ):
        found = growth(times, values)
        said.append(f"| {name}: {what} | {values[0] / 1e6:.1f} MB | {values[-1] / 1e6:.1f} MB | {found.in_megabytes()} |")
        if what == "in use" and found.high > MOST:
            wrong.append(f"{name}: memory {what} grew by {found.in_megabytes()} in {minutes * (1 - WARM_UP):.1f} minutes")
    first, last = warm[0], samples[-1]
    said.append(f"| {name}: open files; virtual machines | {first.files}; {first.machines} | {last.files}; {last.machines} | |")
    if last.machines != first.machines:
        wrong.append(f"{name}: {last.machines} virtual machines, {first.machines} before")
    if last.files > first.files + 20:
        wrong.append(f"{name}: {last.files} open files, {first.files} before")
    return said, wrong


def soak(minutes: float, leak: int, resizer: str, tell: Callable[[str], None]) -> list[str]:
    """Both; the problems."""
    load = program()
    full = Restarted(policy_text("policies/basic.json"), None, origin=False, configure=leaking(leak) if leak else quiet)
    chain = Battered(resizer, configure=quiet)
    with full, chain, ThreadPoolExecutor(8) as pool:
        with Stub(full.ports.resizer) as stub:
            sealed = [seal(full, stub)]
        with Upstream(load, {full.ports.resizer: "1024", full.ports.origin: "1024"}):
            all_lines = lines(full, sealed)
            begun, end = time.monotonic(), time.monotonic() + minutes * 60
            with Visitors(chain, count=3, pause=0.1) as visitors:
                asking = [pool.submit(ask, load, line, end) for line in all_lines]
                watching = [pool.submit(watch, Sampler(stack), end) for stack in (full, chain)]
                failed = [error for future in asking if (error := future.exception())]
                samples = [future.result() for future in watching]
            seconds = time.monotonic() - begun
            problems = [f"full: {error}" for error in failed]
            counted = sum(Sampler(full).gauges("pinhole_requests_total").values()) - 1  # of `seal`
            held = [f"{name}: {what}" for name, stack in (("full", full), ("chain", chain)) for what in Sampler(stack).held()]
    problems += held
    sent = sum(line.requests for line in all_lines)
    if counted != sent:
        problems.append(f"full: {sent} requests were answered, and the module counted {counted}")
    tell("\n| what | requests | a second | p50 / p90 / p99, first minute | last minute |\n| --- | --- | --- | --- | --- |")
    for line in all_lines if not failed else []:
        tell(f"| {line.name} | {line.requests:,} | {line.requests / seconds:,.0f} | {line.minute(False)} | {line.minute(True)} |")
    outcomes = Counter(one.outcome for one in visitors.seen)
    first, last = spread(visitors, begun + 60 * minutes * WARM_UP), spread(visitors, end - 60)
    tell(f"| through {resizer} | {len(visitors.seen):,} | {len(visitors.seen) / seconds:,.0f} | {first} | {last} |")
    problems += [f"chain: {count} × {outcome}" for outcome, count in outcomes.items() if outcome in NEVER]
    bad = sum(not one.good for one in visitors.seen)
    if bad:
        problems.append(f"chain: {bad} answers were not good: {dict(outcomes)}")
    tell("\n| memory and what else is held | after the warm-up | at the end | growth |\n| --- | --- | --- | --- |")
    for name, seen in zip(("full", "chain"), samples, strict=True):
        said, wrong = judged(name, seen, minutes)
        problems += wrong
        for text in said:
            tell(text)
    tell(f"\nfull: {sent:,} requests, {sent / seconds:,.0f} a second, {len(failed)} errors; chain: {bad} errors")
    tell(f"still active at the end: {held or 'nothing'}")
    return problems


def spread(visitors: Visitors, since: float) -> str:
    """Percentiles of the minute that begins then."""
    times = sorted(one.end - one.start for one in visitors.seen if since <= one.start < since + 60 and not one.wanted.refusal)
    if not times:
        return "-"
    return " / ".join(f"{times[int((len(times) - 1) * q)] * 1e3:.0f}" for q in (0.5, 0.9, 0.99)) + " ms"


def main() -> int:
    minutes, leak = float(os.environ.get("MINUTES", "10")), int(os.environ.get("SOAK_LEAK", "0"))
    resizer = os.environ.get("RESIZER", "thumbor")
    print(f"soak: {minutes:g} minutes, full load and {resizer}", flush=True)
    problems = soak(minutes, leak, resizer, lambda text: print(text, flush=True))
    print("\n".join(["", *problems]) if problems else f"\nFlat: less than {MOST / 1e6:.0f} MB more at the end than after the warm-up.")
    return 1 if problems else 0


if __name__ == "__main__":
    interrupt_on_sigterm()
    try:
        sys.exit(main())
    except (StackError, ChildError, ProgramError, TrafficError) as error:
        sys.exit(f"soak: {error}")
    except KeyboardInterrupt:
        sys.exit("soak: interrupted")
