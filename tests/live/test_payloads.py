"""Our own hostile corpus (`tests/hostile`) on a running Envoy, for a minute at most; `make test-hostile` runs any."""

import json
import random
import sys
from pathlib import Path

from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "hostile"))

import live  # noqa: E402

MINUTES = 1.0


def write_lines(path: Path, seed: int) -> int:
    """Every line of it once, in the order of a seed: what the core's half writes for `make test-hostile`."""
    lines: dict[bytes, str] = {}
    for file in sorted((ROOT / "tests" / "hostile" / "payloads").iterdir()):
        for number, line in enumerate(file.read_bytes().removesuffix(b"\n").split(b"\n"), 1):
            lines.setdefault(line.removesuffix(b"\r"), f"{file.relative_to(ROOT)}:{number}")
    order = [{"place": place, "payload": line.decode("latin-1")} for line, place in lines.items()]
    random.Random(seed).shuffle(order)
    path.write_text("".join(json.dumps(line) + "\n" for line in order))
    return len(order)


def test_no_payload_breaks_an_invariant(tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    seed = 8
    count = write_lines(lines, seed)
    tally, complete = live.run(lines, MINUTES, None, print)
    print(f"{len(tally.places)} of {count} lines by seed {seed}, {'all' if complete else 'until the time was over'}")
    assert tally.violations == 0, f"the first of {tally.violations} violations\n{tally.first}"
    ran = {name: counts for name, counts in tally.outcomes.items() if counts.total()}
    missing = [position.name for position in live.positions.read() if position.name not in ran]
    assert not missing, f"not one request at {missing}"
    assert sum(counts["served"] for counts in ran.values()) > 0
