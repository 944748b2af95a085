"""`make bench`: all that README.md tells of, one part after the other, each printed when it is done.

BENCH_PUBLISH=1 also writes the charts beside this file. With BENCH_ONLY or BENCH_MODULES only the table is made, which
is where these choose. SOAK_REQUESTS=n is the length of the long run.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import chain
import curves
import table
from machine import describe
from memory import Bench
from paths import ROOT, SCRATCH
from traffic import TrafficError, program

from bootstrap import BootstrapError
from children import ChildError
from programs import ProgramError
from stack import StackError, interrupt_on_sigterm

SOAK_REQUESTS = int(os.environ.get("SOAK_REQUESTS", 1_000_000))


def soak(load: Path) -> str:
    """Whether memory stays what it is."""
    print(f"bench: memory over {SOAK_REQUESTS:,} requests", file=sys.stderr, flush=True)
    with Bench(load) as bench:
        growth = bench.growth(SOAK_REQUESTS)
    first = SOAK_REQUESTS // 10
    return f"Memory in use grew by {growth / 1e3:,.0f} kB between {first:,} and {SOAK_REQUESTS:,} requests.\n"


def core() -> None:
    """The pure core on this machine, without Envoy."""
    print("bench: the core, with Criterion", file=sys.stderr, flush=True)
    if subprocess.run(["make", "bench-core"], cwd=ROOT, check=False).returncode:
        sys.exit("bench: `make bench-core` failed")


def main() -> None:
    start = time.monotonic()
    load = program()
    is_quick = "BENCH_ONLY" in os.environ or "BENCH_MODULES" in os.environ
    parts: dict[str, Callable[[Path], str]] = {"What a request costs": table.run}
    if not is_quick:
        parts |= {"Curves": curves.run, "End to end": chain.run, "A long run": soak}
    about = "\n".join(f"- {name}: {value}" for name, value in describe(table.modules()).items())
    results = [about, ""]
    print(f"{about}\n", flush=True)
    for heading, part in parts.items():
        results.append(f"## {heading}\n\n{part(load)}")
        print(results[-1], flush=True)
        (SCRATCH / "results.md").write_text("\n".join(results))
    if not is_quick:
        core()
    print(f"bench: {time.monotonic() - start:.0f} s; results in {SCRATCH.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    interrupt_on_sigterm()
    try:
        main()
    except (TrafficError, ChildError, StackError, BootstrapError, ProgramError) as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit("bench: interrupted")
