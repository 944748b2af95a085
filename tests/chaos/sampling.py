"""What a running Envoy holds: memory as the kernel and as Envoy's allocator count it, open files, virtual machines, requests.

Does not belong here: what is made of it (flatness.py, soak.py).
"""

import json
import os
import re
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import where  # noqa: F401 (first: it lets the others be found)

from stack import Stack

# What must be at nothing when nobody asks.
IDLE = [f"http.{role}.downstream_rq_active" for role in ("edge", "gate")]
IDLE += [f"cluster.{name}.upstream_rq_{what}" for name in ("resizer", "photos") for what in ("active", "pending_active")]
IDLE += ["http.edge.downstream_cx_active"]


@dataclass(frozen=True)
class Sample:
    """At one moment. `in_use` is the resident set without what the allocator holds and has given nobody."""

    at: float
    resident: int
    in_use: int
    allocated: int
    files: int
    machines: int


class Sampler:
    """Of one Envoy, which was started without func-e: its pid is the process's."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def _admin(self, path: str) -> dict:
        with urllib.request.urlopen(f"{self.stack.admin_url}{path}", timeout=20) as answer:
            return json.load(answer)

    def gauges(self, pattern: str) -> dict[str, int]:
        """Envoy's counters and gauges whose names fit."""
        stats = self._admin(f"/stats?format=json&filter={pattern}")["stats"]
        return {stat["name"]: stat["value"] for stat in stats if "name" in stat}

    def sample(self) -> Sample:
        process = Path(f"/proc/{self.stack.child('envoy').process.pid}")
        memory = {name: int(value) for name, value in self._admin("/memory").items()}
        # Counted page by page; the quicker `statm` may be megabytes off.
        resident = int(re.search(r"^Rss: +(\d+) kB$", (process / "smaps_rollup").read_text(), re.MULTILINE)[1]) * 1024
        in_use = resident - memory["total_physical_bytes"] + memory["allocated"]
        machines = sum(self.gauges("v8.active").values())
        return Sample(time.monotonic(), resident, in_use, memory["allocated"], len(os.listdir(process / "fd")), machines)

    def held(self, patience: float = 5.0) -> list[str]:
        """What of IDLE is not at nothing, after it had the time to come to that."""
        end = time.monotonic() + patience
        while True:
            found = self.gauges(f"^({'|'.join(IDLE)})$")
            held = [f"{name} is {found.get(name, 'not there')}" for name in IDLE if found.get(name) != 0]
            if not held or time.monotonic() > end:
                return held
            time.sleep(0.2)
