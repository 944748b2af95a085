"""Where in a request a payload is put, in which spellings, and the bytes of it: the live half's view of positions.json.

The core's is requests.rs. What HTTP/1.1 cannot carry is also sent over HTTP/2, whose frames carry any byte.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wire import HOST

LISTED, UNLISTED = "canary-listed-5e1f07c2d4", "canary-unlisted-93ab6c81f0"
# What every request brings, unless its position has another value for it. The first of them an origin's list names.
BROUGHT = [
    ("authorization", f"Bearer {LISTED}"),
    ("cookie", f"theme={UNLISTED}; session={LISTED}"),
    ("proxy-authorization", f"Basic {UNLISTED}"),
    ("x-amz-security-token", UNLISTED),
    ("x-api-key", UNLISTED),
]
MARK = "h-%d"  # in `tracestate`, which pinhole passes on: by it a request upstream is known

UNRESERVED = re.compile(rb"[A-Za-z0-9._~-]")
# What no HTTP/1.1 message can have there: such a request may be read as something else than was meant.
UNFIT = {"path": rb"[\x00-\x20\x7f]", "value": rb"[\x00\r\n]", "name": rb"[^!#$%&'*+.^_`|~0-9A-Za-z-]|^$"}


def escape(payload: bytes, kept: re.Pattern | None = None) -> bytes:
    return b"".join(bytes([byte]) if kept and kept.match(bytes([byte])) else b"%%%02x" % byte for byte in payload)


SPELLINGS = {
    "raw": lambda payload: payload,
    "percent-encoded where reserved": lambda payload: escape(payload, UNRESERVED),
    "percent-encoded": escape,
    "percent-encoded twice": lambda payload: escape(payload).replace(b"%", b"%25"),
}


@dataclass
class Position:
    """One place of a request."""

    name: str
    policies: list[str] = field(default_factory=lambda: ["routes"])
    role: str = "edge"
    path: str = "/images/small/landscape.jpg"
    authority: str = HOST
    headers: list[list[str]] = field(default_factory=list)

    def is_in_path(self) -> bool:
        return "{}" in self.path

    def fill(self, payload: bytes, signed: str) -> tuple[bytes, bytes, list[tuple[bytes, bytes]]]:
        """Path, authority and headers."""
        path = self.path.replace("{signed}", signed).replace("{signature}", signed.partition("?")[2])
        own = {name for name, _ in self.headers}
        headers = [*self.headers, *(pair for pair in BROUGHT if pair[0] not in own)]
        put = lambda text: text.encode().replace(b"{}", payload)  # noqa: E731
        return put(path), put(self.authority), [(put(name), put(value)) for name, value in headers]


@dataclass
class Request:
    """One request of a corpus, as it is sent."""

    number: int
    position: Position
    spelling: str
    place: str  # file and line
    payload: bytes
    data: bytes | list[tuple[bytes, bytes]]  # a list: over HTTP/2
    alone: bool = False  # on a connection of its own

    def __str__(self) -> str:
        pairs = self.data if isinstance(self.data, list) else [(b"bytes", self.data)]
        sent = "\n".join(f"    {name!r}: {value!r}" for name, value in pairs)
        kind = "HTTP/2" if isinstance(self.data, list) else "HTTP/1.1"
        position = f"{self.position.name} ({self.position.role})"
        return f"  {self.place}\n  position: {position}\n  spelling: {self.spelling}\n  over {kind}:\n{sent}"


def read() -> list[Position]:
    document = json.loads(Path(__file__).with_name("positions.json").read_text())
    return [Position(**position) for position in document["positions"]]


def is_unfit(position: Position, payload: bytes) -> bool:
    """Whether HTTP/1.1 cannot carry the payload there."""
    places = {"path": "{}" in position.path, "value": "{}" in position.authority}
    places["name"] = any("{}" in name for name, _ in position.headers)
    places["value"] |= any("{}" in value for _, value in position.headers)
    return any(there and re.search(UNFIT[place], payload) for place, there in places.items())


def requests_of(
    place: str, payload: bytes, policy: str, positions: list[Position], signed: str, first: int
) -> Iterator[Request]:
    """Every request of a line under a policy, numbered from `first`. Spellings that are the same are sent once."""
    written: list[bytes] = []
    number = first
    for spelling, write in SPELLINGS.items():
        spelled = write(payload)
        if spelled in written:
            continue
        written.append(spelled)
        for position in positions:
            if policy not in position.policies:
                continue
            path, authority, headers = position.fill(spelled, signed)
            unfit = is_unfit(position, spelled)
            for over_2 in (False, True) if unfit and position.role == "edge" else (False,):
                marked = [(b"tracestate", (MARK % number).encode()), *headers]
                data = as_http2(path, authority, marked) if over_2 else as_http1(path, authority, marked)
                yield Request(number, position, spelling, place, payload, data, alone=unfit)
                number += 1


def as_http1(path: bytes, authority: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    lines = [b"GET %s HTTP/1.1" % path, b"Host: %s" % authority, *(b"%s: %s" % pair for pair in headers)]
    return b"\r\n".join([*lines, b"", b""])


def as_http2(path: bytes, authority: bytes, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    first = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", authority), (b":path", path)]
    return first + [(name.lower(), value) for name, value in headers]
