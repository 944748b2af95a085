"""The Envoy that is measured: one process, started directly, so that its pid is the one whose CPU time counts.

Does not belong here: what is in its configuration (listeners.py).
"""

import json
import re
import time
import urllib.request
from pathlib import Path

from paths import SCRATCH, ROOT

import keys
from bootstrap import free_ports
from children import Child, answers
from stack import find_envoy


class Proxy:
    """A context manager. `bootstrap` is Envoy's configuration without the admin listener, which is added here."""

    def __init__(
        self, name: str, bootstrap: dict, env: dict[str, str], concurrency: int = 1, options: list[str] | None = None
    ) -> None:
        """`name` is that of its files in target/bench; `options` are Envoy's, about its log."""
        (admin,) = free_ports(1)
        self.admin_url = f"http://127.0.0.1:{admin}"
        address = {"socket_address": {"address": "127.0.0.1", "port_value": admin}}
        self.bootstrap = {"admin": {"address": address}} | bootstrap
        self.config, self.log, self.env = SCRATCH / f"{name}.json", SCRATCH / f"{name}.log", env
        self.options = ["--concurrency", str(concurrency), "--disable-hot-restart", "--log-level", "warning"]
        self.options += options or []
        self.child: Child | None = None

    def __enter__(self) -> "Proxy":
        SCRATCH.mkdir(parents=True, exist_ok=True)
        self.config.write_text(json.dumps(self.bootstrap, indent=1))
        command = [find_envoy(), "-c", str(self.config), *self.options]
        self.child = Child("envoy", command, self.log, keys.environment(self.env), ROOT)
        try:
            self.child.wait_until(lambda: answers(f"{self.admin_url}/ready"), limit=120)
        except BaseException:
            self.child.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.child.stop()

    @property
    def pid(self) -> int:
        return self.child.process.pid

    def cpu(self) -> float:
        """Seconds of CPU that the process has used so far, all of its threads, as the kernel counts them."""
        # Linux: the clock of another process, in the way clock_getcpuclockid(3) makes its number.
        return time.clock_gettime((~self.pid << 3) | 2)

    def resident(self) -> int:
        """Bytes of memory that the process has now (its resident set)."""
        # Counted page by page; the quicker /proc/PID/statm may be megabytes off.
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Rss: +(\d+) kB$", rollup, re.MULTILINE)[1]) * 1024

    def in_use(self) -> int:
        """Bytes that are in use: the resident set without what Envoy's allocator holds but has given nobody."""
        with urllib.request.urlopen(f"{self.admin_url}/memory", timeout=10) as answer:
            allocator = {name: int(value) for name, value in json.load(answer).items()}
        return self.resident() - allocator["total_physical_bytes"] + allocator["allocated"]
