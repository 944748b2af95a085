"""Reads what `make coverage` has counted: a line for each file with lines that no test reaches, and the totals.

Tests in the files themselves do not count: they end each file. What cannot be reached, and why, is in README.md here.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOOR = 98.0  # per cent of the core's lines: just under what is reached
TESTS = "#[cfg(test)]\nmod "


def counted(segments: list[list], lines: int) -> dict[int, int]:
    """How often each line that has code was run, as LLVM counts it: the most of the regions that are on the line."""
    # A segment: line, column, count, has_count, is_region_entry, is_gap_region.
    by_line: dict[int, list[list]] = {}
    for segment in segments:
        by_line.setdefault(segment[0], []).append(segment)
    counts: dict[int, int] = {}
    wrapped = None  # the last segment of an earlier line, which goes on here
    for line in range(1, lines + 1):
        here = by_line.get(line, [])
        entries = [segment[2] for segment in here if segment[3] and segment[4] and not segment[5]]
        goes_on = [wrapped[2]] if wrapped and wrapped[3] else []
        if not (here and not here[0][3] and here[0][4]) and (entries or goes_on):
            counts[line] = max(entries + goes_on)
        if here:
            wrapped = here[-1]
    return counts


def spans(numbers: list[int]) -> str:
    """`3, 5-7` for 3, 5, 6, 7."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def part_of(path: Path) -> str | None:
    """`core`, `command line`, or None for what is no code of either."""
    if path.parts[0] != "src" or path.name == "tests.rs":
        return None
    return "command line" if path.parts[1] == "bin" else "core"


def main(report: str) -> int:
    """Prints the table; 1 below the floor."""
    totals = {"core": [0, 0], "command line": [0, 0]}
    modules: dict[str, list[int]] = {}
    for file in json.loads(Path(report).read_text())["data"][0]["files"]:
        path = Path(file["filename"])
        if not path.is_relative_to(ROOT) or not (part := part_of(path.relative_to(ROOT))):
            continue
        code = path.read_text().split(TESTS)[0]
        counts = counted(file["segments"], code.count("\n"))
        missed = [line for line, count in counts.items() if count == 0]
        path = path.relative_to(ROOT)
        module = "src/bin" if part == "command line" else str(Path(*path.parts[:2])).removesuffix(".rs")
        for total in (totals[part], modules.setdefault(module, [0, 0])):
            total[0] += len(counts)
            total[1] += len(missed)
        if missed:
            print(f"{path}: {len(missed)} of {len(counts)} lines: {spans(missed)}")
    print()
    for name, (lines, missed) in sorted(modules.items()):
        print(f"{name:20} {lines:5} lines {100 * (lines - missed) / max(lines, 1):6.1f} %")
    reached = {part: 100 * (lines - missed) / lines for part, (lines, missed) in totals.items()}
    for part, (lines, missed) in totals.items():
        print(f"{part}: {lines - missed} of {lines} lines, {reached[part]:.2f} %")
    if reached["core"] < FLOOR:
        print(f"below the floor of {FLOOR} %: name the lines above in a test", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
