"""`make budgets`: what pinhole may cost at most, measured in a real Envoy. Part of `make check`.

SOAK_REQUESTS=n is the length of the run in which memory may not grow. Prints every figure beside its budget, and ends
with 1 if one is exceeded. The module is larger than it should be: what is held is that it does not grow, and what it
should be is said each time.
"""

import os
import sys
from collections.abc import Iterator

import policies
from loading import milliseconds
from memory import Bench
from paths import MODULE
from traffic import TrafficError, program

from children import ChildError
from stack import StackError, interrupt_on_sigterm

SOAK_REQUESTS = int(os.environ.get("SOAK_REQUESTS", 100_000))

# The name of the figure, its unit, and the most that it may be.
BUDGETS = {
    "the module": ("bytes", 1_200_000),
    "loading a policy with 10,000 presets": ("ms", 50),
    "memory for the module, in all workers": ("MB", 45),
    "memory for each worker": ("MB", 3),
    "memory for 1,000 requests at once": ("MB", 4),
    f"memory more after {SOAK_REQUESTS:,} requests": ("MB", 1),
}
# What is not reached yet, and should be.
TARGETS = {"the module": 700 * 1024}


def figures() -> Iterator[float]:
    """One for each budget, in the same order."""
    yield MODULE.stat().st_size
    yield milliseconds(policies.with_presets(10_000), policies.fresh_secrets())
    with Bench(program()) as bench:
        module, worker = bench.per_module_and_worker()
        yield module / 1e6
        yield worker / 1e6
        yield bench.per_thousand_waiting() / 1e6
        yield bench.growth(SOAK_REQUESTS) / 1e6


def main() -> int:
    if not MODULE.is_file():
        sys.exit(f"budgets: {MODULE} is missing; run `make wasm`")
    good = True
    for (name, (unit, most)), found in zip(BUDGETS.items(), figures(), strict=True):
        good &= found <= most
        digits = 0 if unit == "bytes" else 1
        is_ok = "ok      " if found <= most else "TOO MUCH"
        target = TARGETS.get(name, most)
        missed = f"; NOT MET: {target:,} {unit}" if found > target else ""
        print(f"  {is_ok}  {name:<40} {found:>12,.{digits}f} of {most:,} {unit}{missed}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    interrupt_on_sigterm()
    try:
        sys.exit(main())
    except (ChildError, StackError, TrafficError) as error:
        sys.exit(f"budgets: {error}")
    except KeyboardInterrupt:
        sys.exit("budgets: interrupted")
