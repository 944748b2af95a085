"""Reads the documents as `tests/documents/page.rs` does: fenced blocks and tables, in the order in which they stand.

Nothing here knows what a block or a table means.
"""

import json
import re
from typing import NamedTuple

from conftest import ROOT

BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)(?: (?P<about>[^\n]+))?\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL
)
TABLE = re.compile(r"^(?:\|.*\n)+", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: its language, the words behind it, and what is in it."""

    language: str
    about: str
    text: str


class Table(NamedTuple):
    """The cells of each row; those of the heading first."""

    heading: list[str]
    rows: list[list[str]]


def blocks(page: str) -> list[Block]:
    return [part for part in parts(page) if isinstance(part, Block)]


def parts(page: str) -> list[Block | Table]:
    """All blocks and tables of a page such as `envoy/migration.md`."""
    text = (ROOT / page).read_text()
    found = [(match.start(), _block(match)) for match in BLOCK.finditer(text)]
    found += [(match.start(), _table(match[0])) for match in TABLE.finditer(text)]
    return [part for _, part in sorted(found, key=lambda pair: pair[0])]


def quoted(cell: str) -> list[str]:
    """The texts between backquotes."""
    return re.findall(r"`([^`]*)`", cell)


def laid_over(block: Block) -> dict:
    """The whole policy that a block stands for: what it does not say is `envoy/policy-imgproxy.json`'s."""
    return json.loads((ROOT / "envoy" / "policy-imgproxy.json").read_text()) | json.loads(block.text)


def _block(match: re.Match) -> Block:
    lines = match["text"].splitlines(keepends=True)
    text = "".join(line.removeprefix(match["indent"]) for line in lines)
    return Block(match["language"], (match["about"] or "").strip(), text)


def _table(text: str) -> Table:
    heading, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return Table(heading, rows)
