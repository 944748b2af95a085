"""The stack that faults happen to: real resizer, origin and Envoy, with a proxy of ours before each upstream.

    visitor -> Envoy's edge -> proxy -> resizer -> proxy -> Envoy's gate -> proxy -> origin

What a fault is made of (killing, stopping, starting again) belongs here, and always by pid; which faults there are does not.
"""

import json
import os
import signal
from contextlib import ExitStack
from pathlib import Path

import where
from between import Between
from bootstrap import ROOT, free_ports
from marked import COUNT, make
from restarting import Restarted

import resizers

assert where.ROOT == ROOT

# Presets are drawn by two formats; `mine` has what no cache may keep.
POLICY = {
    "presets": {"small": {"width": 300}, "medium": {"width": 450}, "web": {"width": 150, "format": "webp"}},
    "routes": [
        {"path": "/images/(?<preset>[^/]+)/(?<source>.+)", "origin": "photos"},
        {"path": "/mine/(?<preset>[^/]+)/(?<source>.+)", "origin": "mine"},
    ],
}
ORIGIN = {
    "url": "http://secret.example.com/hidden-directory",
    "cluster": "photos",
    "credentials": {"set": {"authorization": {"env": "PHOTOS_TOKEN"}}},
}
ORIGINS = {"photos": ORIGIN | {"origin_auth": "share-publicly"}, "mine": ORIGIN}
WIDTHS = {"small": 300, "medium": 450, "web": 150}


def policy(resizer: str, gate: str) -> str:
    section = {"url": gate, "seal_key": {"env": "PINHOLE_SEAL_KEY"}}
    return json.dumps(POLICY | {"origins": ORIGINS, "resizer": resizers.section(resizer), "gate": section})


class Battered(Restarted):
    """A context manager. `resizer=None`: the caller answers at `behind["resizer"]`."""

    def __init__(self, resizer: str | None = "thumbor", **more: object) -> None:
        gate, *others = free_ports(3)
        super().__init__(policy(resizer or "thumbor", f"http://127.0.0.1:{gate}"), resizer, **more)
        self.gate_url = f"http://127.0.0.1:{gate}"  # the only one that the resizer knows
        self.behind = dict(zip(("resizer", "origin"), others, strict=True))
        self.between = {name: Between(getattr(self.ports, name), port) for name, port in self.behind.items()}
        self.between["gate"] = Between(gate, self.ports.gate)
        self.unproxied = {f"the {name}, unproxied": f"127.0.0.1:{port}" for name, port in self.behind.items()}
        self.unproxied["the gate, proxied"] = f"127.0.0.1:{gate}"
        self.proxies = ExitStack()
        self.marked = make(where.SCRATCH / "pictures")

    def stop(self) -> None:
        for child in self.children:  # what is stopped would not end
            self.signal(child.name, signal.SIGCONT)
        super().stop()
        self.proxies.close()

    def _start_envoy(self) -> None:
        for proxy in self.between.values():
            self.proxies.enter_context(proxy)
        super()._start_envoy()

    def _start_origin(self, port: int | None = None) -> None:
        self.pictures = self.marked  # in the place of the demo's
        super()._start_origin(self.behind["origin"])

    def _start_resizer(self, port: int | None = None) -> None:
        super()._start_resizer(self.behind["resizer"])

    def signal(self, name: str, number: signal.Signals) -> None:
        """To the process of that name and its group, which has no others."""
        process = self.child(name).process
        if process.poll() is None:
            os.killpg(process.pid, number)

    def kill(self, name: str) -> None:
        """At once, as the kernel does for want of memory."""
        child = self.child(name)
        self.signal(name, signal.SIGKILL)
        child.process.wait()
        self.children.remove(child)

    def begin(self, name: str) -> None:
        """Starts it again, and waits until it is ready."""
        match name:
            case "origin":
                self._start_origin()
            case "envoy":
                self.epoch = 0
                self.children.append(self.envoy(0))
            case _:
                self._start_resizer()

    def resident(self) -> int:
        """Bytes of Envoy's memory."""
        pages = Path(f"/proc/{self.child('envoy').process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        """How many files and sockets Envoy has open."""
        return len(os.listdir(f"/proc/{self.child('envoy').process.pid}/fd"))


assert COUNT < 64
