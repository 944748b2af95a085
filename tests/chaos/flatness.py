"""Whether a series of figures grows: the slope of a line through its means, and how sure that is.

Memory is a saw (garbage is collected, buffers come and go), and neighbours in time are alike, so figures are first put
together to `BLOCKS` means; only these count as independent. What does not belong here: what is measured.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

BLOCKS = 12
STUDENT = 2.228  # 97.5 % of Student's t with BLOCKS - 2 degrees of freedom


@dataclass(frozen=True)
class Growth:
    """What is more at the end than at the beginning, by the line; and between which bounds that is in 95 of 100 series."""

    value: float
    low: float
    high: float

    def in_megabytes(self) -> str:
        return f"{self.value / 1e6:+.2f} MB (95 %: {self.low / 1e6:+.2f} to {self.high / 1e6:+.2f})"


def growth(times: Sequence[float], values: Sequence[float]) -> Growth:
    """Of at least two figures for each block."""
    if len(times) != len(values) or len(times) < 2 * BLOCKS:
        raise ValueError(f"{len(values)} figures are too few; wanted {2 * BLOCKS}")
    start, span = times[0], times[-1] - times[0]
    blocks: list[list[tuple[float, float]]] = [[] for _ in range(BLOCKS)]
    for time, value in zip(times, values, strict=True):
        blocks[min(BLOCKS - 1, int((time - start) / span * BLOCKS))].append((time - start, value))
    if not all(blocks):
        raise ValueError("nothing was measured for a twelfth of the time")
    x = [statistics.fmean(time for time, _ in block) for block in blocks]
    y = [statistics.fmean(value for _, value in block) for block in blocks]
    line = statistics.linear_regression(x, y)
    rest = [value - line.slope * time - line.intercept for time, value in zip(x, y, strict=True)]
    middle = statistics.fmean(x)
    error = (sum(r * r for r in rest) / (BLOCKS - 2) / sum((time - middle) ** 2 for time in x)) ** 0.5
    return Growth(*(slope * span for slope in (line.slope, line.slope - STUDENT * error, line.slope + STUDENT * error)))
