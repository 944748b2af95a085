"""A host for the module that is no Envoy: it notes each call, and can be told to fail any of them.

It keeps what Envoy keeps: the maps of headers, the buffers, shared data. Belongs here: the ABI (proxy-wasm 0.2.1), with
the module in wasmtime. Does not belong here: what the module has to do (test_adapter.py).
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import wasmtime

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "target/wasm32-wasip1/release/pinhole.wasm"

# What the module is given by Envoy's `environment_variables`.
ENVIRONMENT = {"PHOTOS_TOKEN": "Bearer canary-of-the-origin", "THUMBOR_KEY": "corpus-key-corpus-key-corpus-key",
               "PINHOLE_SEAL_KEY": "c0ffee00" * 8, "IMAGINARY_KEY": "corpus-key-corpus-key-corpus-key"}

OK, NOT_FOUND, BAD_ARGUMENT, INTERNAL_FAILURE = 0, 1, 2, 10
# Every status of the ABI but `Ok`, and one that there is not.
FAILURES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99)

REQUEST_HEADERS, RESPONSE_HEADERS, RESPONSE_TRAILERS, CALL_HEADERS = 0, 2, 3, 6
RESPONSE_BODY, CALL_BODY, CONFIGURATION = 1, 4, 7
CONTINUE, PAUSE = 0, 1

Headers = list[tuple[bytes, bytes]]


class Trapped(Exception):
    """The module has trapped: Envoy would end the request, and start a new VM."""


@dataclass
class Reply:
    """A response of the module's own."""

    status: int
    headers: Headers
    body: bytes


@dataclass
class Host:
    """One VM of the module, in one role."""

    role: str
    policy: dict[str, object]
    # The status that calls of this name give.
    failing: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    maps: dict[int, Headers] = field(default_factory=dict)
    buffers: dict[int, bytes] = field(default_factory=dict)
    shared: dict[bytes, bytes] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    dispatched: list[tuple[bytes, Headers, bytes]] = field(default_factory=list)
    answered: int = 0
    log: list[str] = field(default_factory=list)
    metrics: int = 0

    def __post_init__(self) -> None:
        self.buffers[CONFIGURATION] = json.dumps(self.policy).encode()
        module, engine = compiled()
        self.store = wasmtime.Store(engine)
        wasi = wasmtime.WasiConfig()
        wasi.env = list(ENVIRONMENT.items())
        self.store.set_wasi(wasi)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        for imported in module.imports:
            if imported.module == "env":
                assert isinstance(imported.type, wasmtime.FuncType)
                linker.define_func("env", imported.name, imported.type, self.call(imported.name))
        self.exports = linker.instantiate(self.store, module).exports(self.store)
        self.memory: wasmtime.Memory = self.exports["memory"]
        self.export("_initialize")
        self.export("proxy_on_context_create", 1, 0)
        self.export("proxy_on_vm_start", 1, 0)
        self.configured = bool(self.export("proxy_on_configure", 1, len(self.buffers[CONFIGURATION])))
        self.calls.clear()
        self.next_context = 1

    def export(self, name: str, *arguments: int) -> int | None:
        """Calls the module."""
        try:
            return self.exports[name](self.store, *arguments)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as trap:
            raise Trapped(f"{name}: {trap}; {self.log[-1:]}") from trap

    def call(self, name: str) -> Callable[..., int]:
        """The host's side of a function: fails if it is told to, and else does what is below."""
        function = getattr(self, name.replace("proxy_", "on_", 1), None)

        def run(*arguments: int) -> int:
            self.calls.append(name)
            if name in self.failing:
                return self.failing[name]
            return BAD_ARGUMENT if function is None else function(*arguments)

        return run

    def context(self) -> int:
        """A new exchange."""
        self.next_context += 1
        self.export("proxy_on_context_create", self.next_context, 1)
        return self.next_context

    def request(self, headers: Headers, ends: bool = True, context: int | None = None) -> tuple[int, int | None]:
        """The request headers of an exchange: its number, and what the module wants done."""
        context = context or self.context()
        self.maps[REQUEST_HEADERS] = headers
        return context, self.export("proxy_on_request_headers", context, len(headers), int(ends))

    def response(self, context: int, headers: Headers) -> int | None:
        """The response headers of an exchange."""
        self.maps[RESPONSE_HEADERS] = headers
        return self.export("proxy_on_response_headers", context, len(headers), 0)

    # The memory of the module.

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.memory.read(self.store, address, address + size)) if size else b""

    def word(self, address: int, value: int) -> None:
        self.memory.write(self.store, struct.pack("<I", value), address)

    def give(self, data: bytes, address: int, size: int) -> int:
        """Hands data over in memory that the module allocates."""
        at = self.exports["proxy_on_memory_allocate"](self.store, len(data)) if data else 0
        self.memory.write(self.store, data, at)
        self.word(address, at)
        self.word(size, len(data))
        return OK

    def pairs(self, address: int, size: int) -> Headers:
        """Reads a map of headers that the module has written."""
        data = self.read(address, size)
        if not data:
            return []
        count, = struct.unpack_from("<I", data)
        at, headers = 4 + 8 * count, []
        for index in range(count):
            name, value = struct.unpack_from("<II", data, 4 + 8 * index)
            headers.append((data[at:at + name], data[at + name + 1:at + name + 1 + value]))
            at += name + value + 2
        return headers

    # The functions of the ABI that the module uses.

    def on_log(self, level: int, address: int, size: int) -> int:
        self.log.append(self.read(address, size).decode(errors="replace"))
        return OK

    def on_get_current_time_nanoseconds(self, address: int) -> int:
        self.memory.write(self.store, struct.pack("<Q", 1_800_000_000_000_000_000), address)
        return OK

    def on_get_property(self, address: int, size: int, data: int, length: int) -> int:
        known = {b"plugin_root_id": self.role.encode()}
        value = known.get(self.read(address, size))
        return NOT_FOUND if value is None else self.give(value, data, length)

    def on_set_property(self, *_: int) -> int:
        return OK

    def on_set_effective_context(self, _context: int) -> int:
        return OK

    def on_get_buffer_bytes(self, kind: int, start: int, most: int, data: int, length: int) -> int:
        if kind not in self.buffers:
            return NOT_FOUND
        return self.give(self.buffers[kind][start:start + most], data, length)

    def on_set_buffer_bytes(self, kind: int, start: int, size: int, data: int, length: int) -> int:
        old = self.buffers.get(kind, b"")
        self.buffers[kind] = old[:start] + self.read(data, length) + old[start + size:]
        return OK

    def on_get_header_map_pairs(self, kind: int, data: int, length: int) -> int:
        headers = self.maps.get(kind, [])
        sizes = b"".join(struct.pack("<II", len(name), len(value)) for name, value in headers)
        texts = b"".join(name + b"\0" + value + b"\0" for name, value in headers)
        return self.give(struct.pack("<I", len(headers)) + sizes + texts, data, length)

    def on_set_header_map_pairs(self, kind: int, address: int, size: int) -> int:
        self.maps[kind] = self.pairs(address, size)
        return OK

    def on_replace_header_map_value(self, kind: int, name: int, name_size: int, value: int, value_size: int) -> int:
        key = self.read(name, name_size)
        others = [pair for pair in self.maps.get(kind, []) if pair[0] != key]
        self.maps[kind] = [*others, (key, self.read(value, value_size))]
        return OK

    def on_get_shared_data(self, key: int, key_size: int, data: int, length: int, cas: int) -> int:
        value = self.shared.get(self.read(key, key_size))
        if value is None:
            return NOT_FOUND
        self.word(cas, 1)
        return self.give(value, data, length)

    def on_set_shared_data(self, key: int, key_size: int, value: int, value_size: int, _cas: int) -> int:
        self.shared[self.read(key, key_size)] = self.read(value, value_size)
        return OK

    def on_send_local_response(self, status: int, _details: int, _details_size: int, body: int, body_size: int,
                            headers: int, headers_size: int, _grpc: int) -> int:
        self.replies.append(Reply(status, self.pairs(headers, headers_size), self.read(body, body_size)))
        return OK

    def on_http_call(self, cluster: int, cluster_size: int, headers: int, headers_size: int, body: int, body_size: int,
                  _trailers: int, _trailers_size: int, _limit: int, number: int) -> int:
        self.dispatched.append((self.read(cluster, cluster_size), self.pairs(headers, headers_size),
                                self.read(body, body_size)))
        self.word(number, len(self.dispatched))
        return OK

    def on_define_metric(self, _kind: int, _name: int, _size: int, number: int) -> int:
        self.metrics += 1
        self.word(number, self.metrics)
        return OK

    def on_increment_metric(self, _number: int, _by: int) -> int:
        return OK

    def on_record_metric(self, _number: int, _value: int) -> int:
        return OK


_compiled: list[tuple[wasmtime.Module, wasmtime.Engine]] = []


def compiled() -> tuple[wasmtime.Module, wasmtime.Engine]:
    """The module, compiled once."""
    if not _compiled:
        engine = wasmtime.Engine()
        _compiled.append((wasmtime.Module.from_file(engine, os.fspath(MODULE)), engine))
    return _compiled[0]
