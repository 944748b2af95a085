"""The table of `make bench`: what one request costs Envoy, variant by variant.

    .venv/bin/python benches/table.py       this part alone

BENCH_ROUNDS=n, BENCH_ONLY=text,text (variants whose name has one of these in it, and what they are compared with) and
BENCH_MODULES=one.wasm,other.wasm (several builds of the module side by side) are for quick looks.
"""

import json
import os
import statistics
import sys
from dataclasses import asdict
from pathlib import Path

import policies
from listeners import bootstrap
from machine import describe
from paths import MODULE, SCRATCH
from proxy import Proxy, free_ports
from rounds import Sample, added, cpu, estimate, measure, median_of
from traffic import Driver, Upstream, program
from variants import NO_FILTER, TOY, Field, Variant

from stack import interrupt_on_sigterm

ROUNDS, SECONDS, WARM_UP = 25, 0.15, 1.0


def modules() -> list[Path]:
    """The builds that are compared."""
    named = [Path(name).resolve() for name in os.environ.get("BENCH_MODULES", "").split(",") if name]
    for module in named or [MODULE]:
        if not module.is_file():
            sys.exit(f"bench: {module} is missing; run `make wasm`")
    return named or [MODULE]


def chosen(variants: list[Variant]) -> list[Variant]:
    """Those that BENCH_ONLY names, and what they are compared with."""
    wanted = [text for text in os.environ.get("BENCH_ONLY", "").split(",") if text]
    if not wanted:
        return variants
    named = [variant for variant in variants if any(text in variant.key for text in wanted)]
    needed = {variant.key for variant in named}
    needed |= {variant.sibling(other) for variant in named for other in (NO_FILTER, TOY)}
    return [variant for variant in variants if variant.key in needed]


def rows(variants: list[Variant], samples: dict[str, list[Sample]]) -> list[dict]:
    """One row for each variant, with everything that the table shows."""
    found = []
    for variant in variants:
        of, base = samples[variant.key], samples[variant.sibling(NO_FILTER)]
        toy = samples.get(variant.sibling(TOY))
        count, more, per_request = len(of), added(of, base), cpu(of)
        ratios = [one / other for one, other in zip(per_request, cpu(base), strict=True)]
        row = {
            "name": variant.name + (f" [{variant.module}]" if variant.module else ""),
            "protocol": {"h1": "HTTP/1.1", "h2": "HTTP/2"}[variant.job.protocol],
            "size": variant.size if variant.job.status == 200 else "none",
            "cpu": asdict(estimate(count, median_of(per_request))),
            "ratio": statistics.median(ratios),
            "p50": statistics.median(sample.report.p50 for sample in of),
            "p99": statistics.median(sample.report.p99 for sample in of),
        }
        if variant.name != NO_FILTER:
            row["added"] = asdict(estimate(count, median_of(more)))
            if toy and variant.name != TOY:
                toys = added(toy, base)

                def by_toy(rounds, more=more, toys=toys):
                    return median_of(more)(rounds) / median_of(toys)(rounds)

                row["by_toy"] = asdict(estimate(count, by_toy))
        found.append(row)
    return found


def markdown(found: list[dict]) -> str:
    """The table as it stands in the documents."""

    def interval(row: dict, key: str, digits: int) -> list[str]:
        if key not in row:
            return ["", ""]
        value, low, high = (row[key][name] for name in ("value", "low", "high"))
        return [f"{value:.{digits}f}", f"{low:.{digits}f} to {high:.{digits}f}"]

    heading = ["variant", "protocol", "body", "CPU µs", "added µs", "95 %", "× no filter", "× toy's added", "95 %"]
    lines = [heading, ["---"] * 3 + ["---:"] * 6]
    for row in found:
        cells = [row["name"], row["protocol"], row["size"], f"{row['cpu']['value']:.1f}"]
        cells += [*interval(row, "added", 1), f"{row['ratio']:.2f}", *interval(row, "by_toy", 2)]
        lines.append(cells)
    widths = [max(len(line[column]) for line in lines) for column in range(len(heading))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def run(load: Path) -> str:
    """Measures, writes target/bench/table.{json,md}, and gives the table."""
    builds = modules()
    about = describe(builds)
    rounds = int(os.environ.get("BENCH_ROUNDS", ROUNDS))
    secrets = policies.fresh_secrets()
    field = Field(builds, secrets)
    variants = chosen(field.variants)
    small, large = free_ports(2)
    print(f"bench: table: {len(variants)} variants, {rounds} rounds", file=sys.stderr, flush=True)
    with (
        Upstream(load, {small: "1024", large: str(1 << 20)}),
        Proxy("table", bootstrap(field.listeners, {"small": small, "large": large}), secrets) as proxy,
        Driver(load) as driver,
    ):
        jobs = {variant.key: variant.job for variant in variants}
        samples = measure(proxy, driver, jobs, rounds, SECONDS, WARM_UP)
    found = rows(variants, samples)
    raw = {key: [asdict(sample) for sample in of] for key, of in samples.items()}
    (SCRATCH / "table.json").write_text(json.dumps({"about": about, "rows": found, "samples": raw}, indent=1))
    lines = [*(f"- {name}: {value}" for name, value in about.items()), f"- rounds: {rounds}", "", markdown(found), ""]
    (SCRATCH / "table.md").write_text("\n".join(lines))
    return "\n".join(lines)


if __name__ == "__main__":
    interrupt_on_sigterm()
    print(run(program()))
