"""Requests at the limits of Envoy, of its interface to modules (1,024 pairs, 1 MiB) and of HTTP/2's frames.

Whatever is in them: served as ever or refused, the upstream is told nothing of it, and the next visitor is served.
"""

import contextlib
import socket
from collections.abc import Iterator

import pytest
from hyperframe.frame import ContinuationFrame, HeadersFrame

import contract
import leaks
import wire
from conftest import stubbed_policy
from documented import PICTURE
from figures import publish
from roles import Role, seal
from stack import Stack
from storm import bounded
from through_stub import PATH, Stubbed, check_served, serves_others
from upstream import Upstream
from waiting import until
from wire import Closed, request
from wire2 import Connection2, pseudo

READ = ("accept", "cookie", "authorization", "content-type", "host-", "if-none-match", "referer", "via", "x-request-id")


@pytest.mark.parametrize("name", (*READ, "x-canary"))
def test_every_byte_that_is_no_ascii_as_value(name: str, role: Role) -> None:
    """All 128 of them at once, alone and behind a word. Those that pinhole reads are no values to it."""
    bytes_ = [chr(byte) for byte in range(0x80, 0x100)]
    headers = [(name, one) for one in bytes_] + [(name, f"canary{one}") for one in bytes_]
    if name == "content-type":
        headers = headers[:1]
    answer = role.ask(headers=headers)
    role.check(answer, PICTURE)
    role.check_asked()


@pytest.mark.parametrize("count", [1015, 1019, 1020, 1021, 1022, 1023, 1024, 1025, 2048])
def test_as_many_headers_as_a_module_may_be_given(count: int, role: Role) -> None:
    role.check(role.ask(headers=[(f"x-canary-{number}", "canary") for number in range(count)]), PICTURE)
    role.check_asked()
    role.serves_others()


# ---- more bytes than a module may be given


@pytest.fixture(scope="module")
def vast() -> Iterator[dict[str, Role]]:
    """Both roles of an Envoy that takes two megabytes of headers."""

    def configure(text: str) -> str:
        for old in ("max_request_headers_kb: 32", "max_request_headers_kb: 64"):
            assert text.count(old) == 1
            text = text.replace(old, "max_request_headers_kb: 2048")
        return text

    with Stack(stubbed_policy(), None, origin=False, configure=configure) as stack:
        with Upstream(stack.ports.resizer) as resizer, Upstream(stack.ports.origin) as hidden:
            sealed = seal(stack, resizer)
            yield {"edge": Role("edge", stack, resizer, PATH), "gate": Role("gate", stack, hidden, sealed)}


MIB = 1 << 20


@pytest.mark.parametrize("where", ["edge", "gate"])
@pytest.mark.parametrize("size", [MIB // 2, MIB - 2000, MIB - 200, MIB, MIB + 200, MIB + 2000, 3 * MIB // 2])
def test_a_megabyte_of_headers(size: int, where: str, vast: dict[str, Role]) -> None:
    role = vast[where]
    answer = role.ask(headers=[("x-canary", "c" * (size // 16)) for _ in range(16)])
    role.check(answer, PICTURE)
    role.check_asked()
    role.serves_others()


@pytest.mark.parametrize("where", ["edge", "gate"])
@pytest.mark.parametrize("size", [60_000, MIB - 500, MIB + 500])
def test_a_megabyte_of_path(size: int, where: str, vast: dict[str, Role]) -> None:
    role = vast[where]
    role.upstream.behaves()
    for path in (f"/images/small/{'a' * size}", "/" + "a/" * (size // 2), f"{role.path}?{'width=1&' * (size // 8)}"):
        answer = wire.ask(role.port, request(path))
        assert 400 <= answer.status < 500 and answer.reason, f"\n{answer}"
        leaks.check(answer, role.stack)
    assert role.upstream.asked == []
    role.serves_others()


def test_the_edge_of_the_shipped_limit(stubbed: Stubbed) -> None:
    """Below it all is served, above it Envoy refuses, and there is no third."""
    stack, upstream = stubbed
    statuses = {}
    for size in (31_000, 32_000, 32_400, 32_600, 32_700, 32_768, 32_800, 33_000, 40_000):
        upstream.behaves()
        answer = wire.ask(stack.ports.edge, request(headers=[("x-canary", "c" * size)]))
        statuses[size] = answer.status
        if answer.status == 200:
            check_served(answer, stubbed)
        else:
            contract.check_refused_by_envoy(answer, stack, 431)
            assert not upstream.asked
    assert list(statuses.values()) == sorted(statuses.values()) and set(statuses.values()) == {200, 431}, f"{statuses}"
    serves_others(stubbed)


# ---- HTTP/2


def test_every_byte_in_a_name_of_http2(stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    served = set()
    for byte in range(256):
        upstream.behaves()
        with Connection2(stack.ports.edge) as connection:
            answer = connection.ask([*pseudo(), (b"x" + bytes([byte]) + b"y", b"canary")]).answer
        if answer.status == 200:
            served.add(byte)
            check_served(answer, stubbed)
        else:
            assert answer.status == 0 or 400 <= answer.status < 500, f"\n{answer}"
            assert upstream.asked == [], f"byte {byte:#x}"
    token = set(b"!#$%&'*+-.^`|~0123456789abcdefghijklmnopqrstuvwxyz")
    assert served <= token, f"{bytes(sorted(served - token))!r}"
    assert set(b"0123456789abcdefghijklmnopqrstuvwxyz-") <= served
    serves_others(stubbed)


def test_a_thousand_pieces_of_a_cookie_and_one_of_64_kib(roomy: Stubbed) -> None:
    stack, upstream = roomy
    crumbs = [(b"cookie", b"c%d=canary" % number) for number in range(1000)]
    for cookies in (crumbs, [(b"cookie", b"c=" + b"c" * 65536)], [*crumbs, (b"cookie", b"c=" + b"c" * 50000)]):
        upstream.behaves()
        with Connection2(stack.ports.edge) as connection:
            check_served(connection.ask([*pseudo(), *cookies]).answer, roomy)
    serves_others(roomy)


def flood(port: int, frames: int, payload: bytes) -> int:
    """One request whose headers do not end. Gives how many frames were taken before the connection was closed."""
    with Connection2(port) as connection, contextlib.suppress(OSError):
        block = connection.codec.encoder.encode(pseudo())
        first = HeadersFrame(1, data=block)
        first.flags.add("END_STREAM")
        connection.socket.sendall(first.serialize())
        connection.socket.settimeout(0.001)
        part = ContinuationFrame(1, data=payload).serialize()
        for number in range(frames):
            connection.socket.settimeout(10)
            connection.socket.sendall(part)
            connection.socket.settimeout(0.0)
            with contextlib.suppress(BlockingIOError):
                while data := connection.socket.recv(65536):
                    assert b"canary" not in data
                return number
    return number


@pytest.mark.parametrize("name", ["empty", "small", "large"])
def test_headers_that_do_not_end(name: str, stubbed: Stubbed) -> None:
    """CONTINUATION without end: Envoy closes the connection, and no request comes of it."""
    stack, upstream = stubbed
    upstream.behaves()
    # A literal header that is not indexed, `x-canary: ccc…`, so that the block is as valid as it is endless.
    size = 8000
    large = b"\x00\x08x-canary\x7f" + bytes([(size - 127) & 0x7F | 0x80, (size - 127) >> 7]) + b"c" * size
    payload = {"empty": b"", "small": b"\x00\x01x\x01y", "large": large}[name]
    taken = flood(stack.ports.edge, 200_000, payload)
    publish(f"CONTINUATION without end, {name} frames", f"closed after at most {taken} frames")
    assert taken < 190_000 and upstream.asked == []
    serves_others(stubbed)


def test_a_thousand_streams_that_are_reset_at_once(stubbed: Stubbed) -> None:
    """Rapid reset, from four connections. Envoy may end them; the next visitor is served."""
    stack, upstream = stubbed
    upstream.behaves(lambda connection: connection.recv(1))
    sent = ended = 0
    for _ in range(4):
        with Connection2(stack.ports.edge) as connection:
            try:
                for _ in range(bounded(2500, 250)):
                    connection.send(pseudo())
                    connection.codec.reset_stream(max(connection.streams), 8)
                    connection._flush()
                    sent += 1
            except (OSError, Closed):
                ended += 1
    publish("streams that are reset as soon as they are opened", f"{sent}; {ended} of 4 connections ended by Envoy")
    upstream.behaves()

    def served() -> bool:
        upstream.behaves()
        return wire.ask(stack.ports.edge, request()).status == 200

    until(served, "others are served")
    serves_others(stubbed)


def test_a_preface_and_nothing_else(stubbed: Stubbed) -> None:
    """Half a preface, half a frame and a frame of the largest size: nothing comes of them."""
    stack, upstream = stubbed
    upstream.behaves()
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    for data in (preface[:16], preface + b"\0\0", preface + b"\xff" * 40):
        with socket.create_connection(("127.0.0.1", stack.ports.edge), timeout=5) as connection:
            connection.sendall(data)
    assert upstream.asked == []
    serves_others(stubbed)
