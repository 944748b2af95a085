"""Measuring side by side: every variant in every round, in random order, and what can be said of the differences.

The machine's speed changes from minute to minute by more than what is measured, but hardly within one round; so
only what stands in one round is compared, and what is printed is the median over rounds with the interval that
resampling the rounds gives (bootstrap, 95 %).
"""

import random
import statistics
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from proxy import Proxy
from traffic import Driver, Job, TrafficError

RESAMPLES = 1000
SECONDS = 0.12  # of one measurement: some hundred requests, and a round of all is over in seconds
WARM_UP = 0.6  # until V8 has compiled what is hot
BASE_TURNS = 3  # in each round, for what the others are compared with: its noise is in every difference


@dataclass(frozen=True)
class Estimate:
    """A value and the interval in which it lies."""

    value: float
    low: float
    high: float


def measure(
    proxy: Proxy, driver: Driver, jobs: dict[str, Job], bases: Collection[str], rounds: int
) -> dict[str, list[float]]:
    """Microseconds of Envoy's CPU time for one request, for every job; the same index is the same round."""
    for key, job in jobs.items():
        try:
            driver.run(replace(job, until={"seconds": WARM_UP}))
        except TrafficError as error:
            raise TrafficError(f"{key}: {error}") from None
    found: dict[str, list[float]] = {key: [] for key in jobs}
    turns = [key for key in jobs for _ in range(BASE_TURNS if key in bases else 1)]
    for number in range(rounds):
        random.shuffle(turns)
        used, requests = dict.fromkeys(jobs, 0.0), dict.fromkeys(jobs, 0)
        for key in turns:
            before = proxy.cpu()
            requests[key] += driver.run(replace(jobs[key], until={"seconds": SECONDS})).requests
            used[key] += proxy.cpu() - before
        for key in jobs:
            found[key].append(used[key] / requests[key] * 1e6)
        _progress(f"  round {number + 1} of {rounds} ")
    _progress(" " * 24 + "\r")
    return found


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text}", end="", file=sys.stderr, flush=True)


def estimate(rounds: int, of: Callable[[Sequence[int]], float]) -> Estimate:
    """`of` computes a figure from the rounds with these indices; the same rounds are drawn for every figure."""
    chance = random.Random(rounds)
    drawn = sorted(of(chance.choices(range(rounds), k=rounds)) for _ in range(RESAMPLES))
    return Estimate(of(range(rounds)), drawn[int(RESAMPLES * 0.025)], drawn[int(RESAMPLES * 0.975)])


def median_of(values: Sequence[float]) -> Callable[[Sequence[int]], float]:
    """The median, as a figure for `estimate`."""
    return lambda rounds: statistics.median(values[index] for index in rounds)


def added(of: Sequence[float], base: Sequence[float]) -> list[float]:
    """What it took more than the base, round by round."""
    return [one - other for one, other in zip(of, base, strict=True)]
