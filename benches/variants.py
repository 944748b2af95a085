"""What the table compares: each variant with the listener it needs and the requests that are sent to it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import emptymodule
import policies
import tokens
from listeners import BY_HEADER, Listener, lua, to_cluster, wasm
from paths import BENCHES, SCRATCH
from policies import SOURCES
from traffic import HOST, Job

from bootstrap import free_ports

NO_FILTER, TOY = "no filter", "Lua toy"
# The least that a module with pinhole's invariants can do: take nothing over from either side unread. What it writes is
# as much as pinhole writes for a preset.
REPLACING = "module that replaces all headers"
REPLACED = {
    "proxy_on_request_headers": [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "thumbor.internal"),
        (":path", f"/{'s' * 28}/fit-in/300x0/http%3A%2F%2F127.0.0.1%3A10001%2F{'t' * 110}"),
        ("x-pinhole-cluster", "small"),
        ("x-forwarded-proto", "http"),
        ("user-agent", "pinhole"),
        ("x-envoy-original-path", "/images/small/2024/landscape-01.jpg"),
        ("x-request-id", "3c1a2b7e-1111-4222-8333-444455556666"),
    ],
    "proxy_on_response_headers": [
        (":status", "200"),
        ("content-type", "image/jpeg"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "public, max-age=3600"),
        ("etag", f'"{"e" * 22}"'),
        ("content-length", "1024"),
    ],
}
PRESETS = [f"/images/{('small', 'medium', 'large')[number % 3]}/{source}" for number, source in enumerate(SOURCES)]
UNKNOWN = [f"/images/huge/{source}" for source in SOURCES]
TOO_LARGE = [f"/strict/{source}?width=5000" for source in SOURCES]
QUERIES = [f"/photos/{source}?width={300 + number}&format=webp" for number, source in enumerate(SOURCES)]
CLOUDFLARE = [
    f"/cdn-cgi/image/width={300 + number},quality=75,format=webp/{source}" for number, source in enumerate(SOURCES)
]


@dataclass(frozen=True)
class Variant:
    """One line of the table. `size` is the answer's; only what has the same size and protocol is compared."""

    name: str
    job: Job
    size: str = "1 KB"
    module: str = ""  # whose build it is, where several are compared

    @property
    def key(self) -> str:
        """Its name among all of one run."""
        return " | ".join(part for part in (self.name, self.job.protocol, self.size, self.module) if part)

    def sibling(self, name: str) -> str:
        """The key of another variant that is measured under the same conditions."""
        return replace(self, name=name, module="").key

    def over_h2(self) -> "Variant":
        """The same, in as many streams, on two connections of HTTP/2."""
        return replace(self, job=replace(self.job, protocol="h2", connections=2, streams=4))


class Field:
    """All variants of a run and the listeners that they need."""

    def __init__(self, modules: list[Path], secrets: dict[str, str]) -> None:
        self.secrets, self.modules = secrets, modules
        self.listeners: list[Listener] = []
        self.variants: list[Variant] = []
        self._add_others()
        for module, label in zip(modules, labels(modules), strict=True):
            self._add_pinhole(module, label)

    def _listen(self, route: list[dict], *filters: dict) -> int:
        (port,) = free_ports(1)
        while port in [listener.port for listener in self.listeners]:
            (port,) = free_ports(1)
        self.listeners.append(Listener(port, route, list(filters)))
        return port

    def _add(self, variant: Variant, with_h2: bool = False) -> None:
        self.variants += [variant, variant.over_h2()] if with_h2 else [variant]

    def _add_others(self) -> None:
        plain = self._listen(to_cluster("small"))
        self._add(Variant(NO_FILTER, Job(plain, PRESETS)), with_h2=True)
        large = self._listen(to_cluster("large"))
        self._add(Variant(NO_FILTER, Job(large, PRESETS, connections=4), "1 MB"))
        self._add(Variant("native route", Job(self._listen(native_route("small")), PRESETS)))
        toy = self._listen(to_cluster("small"), lua(BENCHES / "toy.lua"))
        self._add(Variant(TOY, Job(toy, PRESETS)), with_h2=True)
        script = self._listen(to_cluster("small"), lua(BENCHES / "pinhole.lua"))
        self._add(Variant("Lua with pinhole's job", Job(script, PRESETS)), with_h2=True)
        self._add(Variant("Lua with pinhole's job: refused", Job(script, UNKNOWN, status=404)))
        for name, callbacks in (
            ("empty module", emptymodule.LIKE_THE_SDK),
            ("empty module, without log and end", emptymodule.WITH_BODIES),
            ("empty module, only headers", emptymodule.FOR_HEADERS),
        ):
            file = SCRATCH / f"{name.replace(' ', '-')}.wasm"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(emptymodule.module(callbacks))
            port = self._listen(to_cluster("small"), wasm(file, "empty", "", [], file.stem))
            self._add(Variant(name, Job(port, PRESETS)))
        file = SCRATCH / "replacing-module.wasm"
        file.write_bytes(emptymodule.module(emptymodule.LIKE_THE_SDK, REPLACED))
        port = self._listen(BY_HEADER, wasm(file, "empty", "", [], file.stem))
        self._add(Variant(REPLACING, Job(port, PRESETS)), with_h2=True)

    def _add_pinhole(self, module: Path, label: str) -> None:
        policy = policies.full()
        edge = self._pinhole(module, "edge", policy)

        def add(name: str, job: Job, size: str = "1 KB", with_h2: bool = False) -> None:
            self._add(Variant(f"pinhole {name}", job, size, label), with_h2)

        add("preset", Job(edge, PRESETS), with_h2=True)
        add("query", Job(edge, QUERIES))
        add("Cloudflare form", Job(edge, CLOUDFLARE))
        add("signed URL", Job(edge, policies.signed_paths(self.secrets, HOST)))
        add("refused: unknown preset", Job(edge, UNKNOWN, status=404), with_h2=True)
        # Over HTTP/1 Envoy closes the connection after every 400, and it would be connections that are measured.
        self._add(Variant("pinhole refused: too large", Job(edge, TOO_LARGE, status=400), module=label).over_h2())
        imgproxy = self._pinhole(module, "edge", policies.full("imgproxy"))
        add("preset for imgproxy", Job(imgproxy, PRESETS))
        paths = tokens.gate_paths(module, self.secrets)
        add("gate: static credentials", Job(self._pinhole(module, "gate", policy), paths))
        add("gate: SigV4", Job(self._pinhole(module, "gate", policies.with_store(policy)), paths))
        large = self._pinhole(module, "edge", policies.full(resizer_cluster="large"))
        add("preset", Job(large, PRESETS, connections=4), "1 MB")

    def _pinhole(self, module: Path, role: str, policy: dict[str, Any]) -> int:
        vm_id = f"pinhole-{self.modules.index(module)}"
        return self._listen(BY_HEADER, wasm(module, role, json.dumps(policy), list(self.secrets), vm_id))


def labels(modules: list[Path]) -> list[str]:
    """What tells several builds apart: their names, or all of their paths where names are the same."""
    if len(modules) == 1:
        return [""]
    stems = [module.stem for module in modules]
    return stems if len(set(stems)) == len(stems) else [str(module) for module in modules]


def native_route(cluster: str) -> list[dict]:
    """The rewrite alone, as Envoy's own routes do it: no sealing, no signature, no headers removed."""

    def routes() -> Iterator[dict]:
        for preset, width in (("small", 300), ("medium", 600), ("large", 900)):
            source = f"/unsafe/{width}x/http%3A%2F%2Forigin.internal%2Fhidden-directory%2F\\1"
            rewrite = {"pattern": {"regex": f"^/images/{preset}/(.+)$"}, "substitution": source}
            action = {
                "cluster": cluster,
                "timeout": "60s",
                "regex_rewrite": rewrite,
                "host_rewrite_literal": "thumbor.internal",
            }
            yield {"match": {"prefix": f"/images/{preset}/"}, "route": action}
        yield {"match": {"prefix": "/"}, "direct_response": {"status": 404}}

    return list(routes())
