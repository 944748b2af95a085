"""The table of envoy/README.md that says what becomes of an upstream's answer, read strictly.

What it says is the expectation of `test_upstream.py`, which runs every row, and of `test_leaks.py`, which looks up
what must become of each known answer. Nothing here knows how pinhole decides.
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

README = Path(__file__).resolve().parents[2] / "envoy" / "README.md"
HEADING = "## What an upstream's answer becomes\n"
COLUMNS = ["status", "content type", "at the edge", "at the gate"]
STATUSES = range(200, 600)


class Outcome(NamedTuple):
    """What is answered: 200 and the picture, or a status with a reason."""

    status: int
    reason: str | None


PICTURE = Outcome(200, None)


class Row(NamedTuple):
    """One line. `statuses` is empty where there is no answer, `types` where any will do."""

    words: str
    statuses: frozenset[int]
    types: tuple[str, ...]
    edge: Outcome
    gate: Outcome


def _statuses(cell: str) -> frozenset[int]:
    if cell == "any other":
        return frozenset(STATUSES)
    if cell.startswith("no answer"):
        return frozenset()
    found = set()
    for part in cell.split(", "):
        first, _, last = part.partition(" to ")
        found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found)


def _types(cell: str) -> tuple[str, ...]:
    assert cell in ("any", "any other", "") or re.fullmatch(r"`image/\w+`(, `image/\w+`)*", cell), cell
    return tuple(re.findall(r"`(.+?)`", cell))


def _outcome(cell: str) -> Outcome:
    if cell == "the picture":
        return PICTURE
    match = re.fullmatch(r"(\d{3}) `([a-z-]+)`", cell)
    assert match, f"{README.name}: {cell!r} is no outcome"
    return Outcome(int(match[1]), match[2])


@cache
def rows() -> list[Row]:
    """All of them, in the order in which they count."""
    text = README.read_text()
    assert text.count(HEADING) == 1, f"{README.name} has no section {HEADING!r}"
    section = text.split(HEADING)[1].split("\n## ")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line[:1] == "|"
    ]
    assert cells[0] == COLUMNS, cells[0]
    return [
        Row(row[0], _statuses(row[0]), _types(row[1]), _outcome(row[2]), _outcome(row[3]))
        for row in cells[2:]
    ]


def row(status: int, media_type: str | None) -> Row:
    """The first row that fits. Without a media type, only those fit that take any."""
    return next(r for r in rows() if status in r.statuses and (not r.types or media_type in r.types))
