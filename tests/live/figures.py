"""Figures that tests find: printed at the end of the run, and kept in target/test-artefacts/figures.txt."""

from pathlib import Path
from statistics import median

FILE = Path(__file__).resolve().parents[2] / "target" / "test-artefacts" / "figures.txt"
found: list[str] = []


def publish(what: str, figure: str) -> None:
    found.append(f"{what}: {figure}")
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text("".join(f"{line}\n" for line in found))


def spread(seconds: list[float]) -> str:
    """Of durations: how many, the one in the middle, the longest."""
    return f"p50 {median(seconds) * 1000:.0f} ms, max {max(seconds) * 1000:.0f} ms, of {len(seconds)}"
