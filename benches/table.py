"""The table of `make bench`: what one request costs Envoy, variant by variant.

    .venv/bin/python benches/table.py       this part alone

BENCH_ROUNDS=n, BENCH_ONLY=text,text (variants whose name has one of these in it, and what they are compared with) and
BENCH_MODULES=one.wasm,other.wasm (several builds of the module side by side) are for quick looks.
"""

import json
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import policies
from listeners import bootstrap
from machine import describe
from paths import MODULE, SCRATCH
from proxy import Proxy
from rounds import Estimate, added, estimate, measure, median_of
from traffic import Driver, Upstream, program
from variants import NO_FILTER, TOY, Field, Variant

from bootstrap import free_ports
from stack import interrupt_on_sigterm

ROUNDS = 20


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


def rows(variants: list[Variant], found: dict[str, list[float]]) -> list[dict]:
    """One row for each variant, with everything that the table shows."""
    table = []
    for variant in sorted(variants, key=lambda variant: (variant.size, variant.job.protocol)):
        of, base, toy = (found.get(key, []) for key in (variant.key, variant.sibling(NO_FILTER), variant.sibling(TOY)))
        row = {
            "name": variant.name + (f" [{variant.module}]" if variant.module else ""),
            "protocol": {"h1": "HTTP/1.1", "h2": "HTTP/2"}[variant.job.protocol],
            "size": variant.size if variant.job.status == 200 else "none",
            "cpu": asdict(estimate(len(of), median_of(of))),
            "ratio": statistics.median(one / other for one, other in zip(of, base, strict=True)),
        }
        if variant.name != NO_FILTER:
            row["added"] = asdict(estimate(len(of), median_of(added(of, base))))
            if toy and variant.name != TOY:
                row["by_toy"] = asdict(by_toy(added(of, base), added(toy, base)))
        table.append(row)
    return table


def by_toy(more: Sequence[float], toys: Sequence[float]) -> Estimate:
    """What a variant adds, in units of what the toy adds."""
    return estimate(len(more), lambda rounds: median_of(more)(rounds) / median_of(toys)(rounds))


def markdown(table: list[dict]) -> str:
    """The table as it stands in the documents."""

    def interval(row: dict, key: str, digits: int) -> list[str]:
        if key not in row:
            return ["", ""]
        value, low, high = (row[key][name] for name in ("value", "low", "high"))
        return [f"{value:.{digits}f}", f"{low:.{digits}f} to {high:.{digits}f}"]

    heading = ["variant", "protocol", "body", "CPU µs", "added µs", "95 %", "× no filter", "× toy's added", "95 %"]
    lines = [heading, ["---"] * 3 + ["---:"] * 6]
    for row in table:
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
    rounds = int(os.environ.get("BENCH_ROUNDS", ROUNDS))
    secrets = policies.fresh_secrets()
    field = Field(builds, secrets)
    variants = chosen(field.variants)
    print(f"bench: table: {len(variants)} variants, {rounds} rounds", file=sys.stderr, flush=True)
    small, large = free_ports(2)
    with (
        Upstream(load, {small: "1024", large: str(1 << 20)}),
        Proxy("table", bootstrap(field.listeners, {"small": small, "large": large}), secrets) as proxy,
        Driver(load) as driver,
    ):
        jobs = {variant.key: variant.job for variant in variants}
        bases = [variant.key for variant in variants if variant.name in (NO_FILTER, TOY)]
        found = measure(proxy, driver, jobs, bases, rounds)
    table = rows(variants, found)
    (SCRATCH / "table.json").write_text(json.dumps({"rows": table, "rounds": found}, indent=1))
    text = f"{markdown(table)}\n\n{rounds} rounds.\n"
    (SCRATCH / "table.md").write_text(text)
    return text


if __name__ == "__main__":
    interrupt_on_sigterm()
    print("\n".join(f"- {name}: {value}" for name, value in describe(modules()).items()) + "\n", flush=True)
    print(run(program()))
