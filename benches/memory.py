"""What pinhole adds to Envoy's memory: for each worker, for requests that wait, and over a long run.

Memory is what is in use of the process's resident set (Proxy.in_use). What the same Envoy has without the filter is
taken off, so that only the filter's share is left.
"""

import json
import time
from dataclasses import replace
from pathlib import Path

import policies
import tokens
from listeners import BY_HEADER, Listener, bootstrap, to_cluster, wasm
from paths import MODULE
from proxy import Proxy
from traffic import Driver, Job, Upstream
from variants import PRESETS, QUERIES, UNKNOWN

from bootstrap import free_ports

HOLD = 3.0  # seconds for which the slow upstream keeps a request
WORKERS = 3


class Bench:
    """An upstream, a client and secrets, for one measurement after the other."""

    def __init__(self, load: Path) -> None:
        self.load, self.secrets = load, policies.fresh_secrets()
        self.small, self.slow = free_ports(2)

    def __enter__(self) -> "Bench":
        self.upstream = Upstream(self.load, {self.small: "1024", self.slow: f"hold:{HOLD * 1e3:.0f}"})
        self.upstream.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.upstream.__exit__(*error)

    def _pinhole(self, port: int, role: str = "edge", cluster: str = "small") -> Listener:
        policy = json.dumps(policies.full(resizer_cluster=cluster))
        return Listener(port, BY_HEADER, [wasm(MODULE, role, policy, list(self.secrets), "pinhole")])

    def _proxy(self, listeners: list[Listener], concurrency: int = 1) -> Proxy:
        clusters = {"small": self.small, "slow": self.slow}
        return Proxy("memory", bootstrap(listeners, clusters), self.secrets, concurrency)

    def per_module_and_worker(self) -> tuple[float, float]:
        """Bytes for the module, however many workers there are, and for each worker, beyond what Envoy takes anyway."""
        found = {}
        for has_filter in (False, True):
            for count in (1, WORKERS):
                (port,) = free_ports(1)
                listener = self._pinhole(port) if has_filter else Listener(port, to_cluster("small"))
                with self._proxy([listener], count) as proxy, Driver(self.load) as driver:
                    driver.run(Job(port, PRESETS, until={"requests": 6000}, connections=24))
                    found[has_filter, count] = proxy.in_use()
        one, all_ = (found[True, count] - found[False, count] for count in (1, WORKERS))
        per_worker = (all_ - one) / (WORKERS - 1)
        return one - per_worker, per_worker

    def per_thousand_waiting(self) -> float:
        """Bytes for a thousand requests that wait at once, beyond what they take in Envoy anyway."""
        found = {}
        for has_filter in (False, True):
            quick, slow = free_ports(2)
            listeners = [Listener(quick, to_cluster("small")), Listener(slow, to_cluster("slow"))]
            if has_filter:
                listeners = [self._pinhole(quick), self._pinhole(slow, cluster="slow")]
            with self._proxy(listeners) as proxy, Driver(self.load) as driver:
                driver.run(Job(quick, PRESETS, until={"requests": 6000}))
                before = proxy.in_use()
                driver.begin(Job(slow, PRESETS, {"requests": 1000}, "h2", connections=20, streams=50))
                time.sleep(HOLD * 0.8)
                found[has_filter] = proxy.in_use() - before
                driver.end()
        return found[True] - found[False]

    def growth(self, requests: int) -> float:
        """Bytes that are in use more at the end of so many requests than after the first tenth of them."""
        edge, gate = free_ports(2)
        paths = tokens.gate_paths(MODULE, self.secrets)
        before = 0
        with (
            self._proxy([self._pinhole(edge), self._pinhole(gate, "gate")]) as proxy,
            Driver(self.load) as driver,
        ):
            for tenth in range(1, 11):
                # All that an exchange can go through, in parts of a thousand; other sources each time, since the same
                # ones would take the same memory.
                for share, job in (
                    (40, Job(edge, [f"{path}-{tenth}.jpg" for path in PRESETS])),
                    (20, Job(edge, [path.replace("?", f"-{tenth}.jpg?") for path in QUERIES])),
                    (20, Job(edge, [f"{path}-{tenth}.jpg" for path in UNKNOWN], status=404)),
                    (20, Job(gate, paths)),
                ):
                    driver.run(replace(job, until={"requests": requests * share // 1000}))
                before = before or proxy.in_use()
            return proxy.in_use() - before
