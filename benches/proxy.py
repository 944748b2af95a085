"""The Envoy that is measured: one process, started directly, so that its pid is the one whose CPU time counts.

Does not belong here: what is in its configuration (listeners.py).
"""

import json
import socket
import time
from pathlib import Path

from paths import SCRATCH, ROOT

import keys
from children import Child, answers
from stack import find_envoy


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, all held until the last is known: no two are the same."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [listener.getsockname()[1] for listener in held]
    finally:
        for listener in held:
            listener.close()


class Proxy:
    """A context manager. `bootstrap` is Envoy's configuration without the admin listener, which is added here."""

    def __init__(self, name: str, bootstrap: dict, env: dict[str, str], concurrency: int = 1, log_level: str = "warning") -> None:
        (admin,) = free_ports(1)
        self.admin_url = f"http://127.0.0.1:{admin}"
        address = {"socket_address": {"address": "127.0.0.1", "port_value": admin}}
        self.bootstrap = {"admin": {"address": address}} | bootstrap
        self.env, self.concurrency, self.log_level = env, concurrency, log_level
        self.config, self.log = SCRATCH / f"{name}.json", SCRATCH / f"{name}.log"
        self.child: Child | None = None

    def __enter__(self) -> "Proxy":
        SCRATCH.mkdir(parents=True, exist_ok=True)
        self.config.write_text(json.dumps(self.bootstrap, indent=1))
        command = [find_envoy(), "-c", str(self.config), "--concurrency", str(self.concurrency)]
        command += ["--disable-hot-restart", "--log-level", self.log_level]
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
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * 4096
