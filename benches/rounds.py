"""Measuring side by side: every variant in every round, in random order, and what can be said of the differences.

The machine's speed changes from minute to minute by more than what is measured, but hardly within one round; so
only what stands in one round is compared, and what is printed is the median over rounds with the interval that
resampling the rounds gives (bootstrap, 95 %).
"""

import random
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from proxy import Proxy
from traffic import Driver, Job, Report, TrafficError

RESAMPLES = 1000


@dataclass(frozen=True)
class Sample:
    """One variant in one round. `cpu` is microseconds of Envoy's CPU time for one request."""

    cpu: float
    report: Report


@dataclass(frozen=True)
class Estimate:
    """A value and the interval in which it lies."""

    value: float
    low: float
    high: float

    def text(self, digits: int = 1) -> str:
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def measure(
    proxy: Proxy, driver: Driver, jobs: dict[str, Job], rounds: int, seconds: float, warm_up: float
) -> dict[str, list[Sample]]:
    """Samples of every job, those with the same index being of the same round."""
    for key, job in jobs.items():
        try:
            driver.run(replace(job, until={"seconds": warm_up}))
        except TrafficError as error:
            raise TrafficError(f"{key}: {error}") from None
    samples: dict[str, list[Sample]] = {key: [] for key in jobs}
    order = list(jobs)
    for number in range(rounds):
        random.shuffle(order)
        for key in order:
            before = proxy.cpu()
            report = driver.run(replace(jobs[key], until={"seconds": seconds}))
            used = proxy.cpu() - before
            samples[key].append(Sample(used / report.requests * 1e6, report))
        if sys.stderr.isatty():
            print(f"\r  round {number + 1} of {rounds} ", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r" + " " * 24, end="\r", file=sys.stderr, flush=True)
    return samples


def estimate(rounds: int, of: Callable[[Sequence[int]], float]) -> Estimate:
    """`of` computes a figure from the rounds with these indices; the same rounds are drawn for everything."""
    chance = random.Random(rounds)
    drawn = sorted(of(chance.choices(range(rounds), k=rounds)) for _ in range(RESAMPLES))
    return Estimate(of(range(rounds)), drawn[int(RESAMPLES * 0.025)], drawn[int(RESAMPLES * 0.975)])


def median_of(values: Sequence[float]) -> Callable[[Sequence[int]], float]:
    """The median, as a figure for `estimate`."""
    return lambda rounds: statistics.median(values[index] for index in rounds)


def cpu(samples: Sequence[Sample]) -> list[float]:
    return [sample.cpu for sample in samples]


def added(samples: Sequence[Sample], base: Sequence[Sample]) -> list[float]:
    """Microseconds more than the base took, round by round."""
    return [sample.cpu - other.cpu for sample, other in zip(samples, base, strict=True)]
