"""Requests in which two readers could see different ends, to both listeners, with the shipped limits.

One request that is accepted is one request that the upstream is asked, of pinhole's own making; what is refused takes
all that may have belonged to it with it. `desync.py` has the bytes.
"""

import re
import socket
import time
from collections.abc import Iterator

import pytest

import contract
import desync
import leaks
from conftest import stubbed_policy
from roles import Role, seal
from stack import Stack
from through_stub import PATH
from upstream import Asked, Upstream
from wire import HOST, Answer, Closed, Connection
from wire2 import Connection2, Pairs, Stream, pseudo

OTHER = "/images/small/smuggled.jpg"
QUIET = 0.08  # seconds in which nothing more comes, after all that is expected has come
PATIENCE = 8.0

WORD, TEXT = re.compile(r"[a-z0-9-]+"), re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*")
LINE = re.compile(r"GET /[!-~]+ HTTP/1\.1")


class Received(Connection):
    """What came on a connection until it was quiet, to be read like a connection that is closed after it."""

    def __init__(self, sent: bytes, data: bytes) -> None:
        self.socket, other = socket.socketpair()
        other.close()
        self.sent, self.buffer = sent, data

    def answers(self) -> list[Answer]:
        found = []
        while self.buffer:
            found.append(self.answer())
        return found


def answers(port: int, data: bytes, expected: int) -> list[Answer]:
    """All that comes back. Waits for as many answers as are expected, and then for the end, or a while for more."""
    received, end = b"", time.monotonic() + PATIENCE
    with socket.create_connection(("127.0.0.1", port), timeout=QUIET) as connection:
        connection.sendall(data)
        while time.monotonic() < end:
            try:
                more = connection.recv(65536)
            except ConnectionResetError:
                break
            except TimeoutError:
                # Envoy leaves a second for the last answer to be read before it ends the connection that it closes.
                if received.count(b"HTTP/1.1 ") >= expected or b"\r\nconnection: close\r\n" in received:
                    break
                continue
            if not more:
                break
            received += more
    try:
        return Received(data, received).answers()
    except Closed as error:
        raise AssertionError(f"what came is no whole answer: {received[-300:]!r}") from error


@pytest.fixture(scope="module")
def shipped() -> Iterator[dict[str, tuple[Role, str]]]:
    """Both roles with the shipped limits, each with another path that it serves."""
    with Stack(stubbed_policy(), resizer=None, origin=False) as stack:
        with Upstream(stack.ports.resizer) as resizer, Upstream(stack.ports.origin) as origin:
            one, other = seal(stack, resizer), seal(stack, resizer, OTHER)
            yield {
                "edge": (Role("edge", stack, resizer, PATH), OTHER),
                "gate": (Role("gate", stack, origin, one), other),
            }


def smuggled(role: Role, asked: Asked) -> bool:
    """Whether this asks for the other."""
    if role.name == "gate":
        return asked.line.split(" ")[1].endswith("smuggled.jpg")
    return dict(asked.headers)["x-envoy-original-path"] == OTHER


def check_asked(role: Role, count: int, others: int) -> None:
    """The upstream was asked so often, each time with a whole request of pinhole's own, and so often for the other."""
    asked = role.upstream.asked
    assert len(asked) == count, f"{count} requests were accepted, but the upstream was asked {len(asked)}: {asked}"
    assert sum(smuggled(role, one) for one in asked) == others, f"{asked}"
    for one in asked:
        assert LINE.fullmatch(one.line), f"{one}"
        names = [name for name, _ in one.headers]
        assert len(set(names)) == len(names) and not {"content-length", "transfer-encoding", "connection"} & set(names)
        for name, value in one.headers:
            assert WORD.fullmatch(name) and TEXT.fullmatch(value), f"{name!r}: {value!r} in {one}"
        assert one.body == b"" and "canary" not in str(one), f"{one}"


def check_answers(role: Role, found: list[Answer]) -> None:
    """Each is the stub's picture, or a refusal, and none tells anything."""
    for answer in found:
        leaks.check(answer, role.stack)
        if answer.status != 200:
            texts = contract.ENVOY_TEXTS | {b"Not Found"}
            assert (answer.reason or answer.body in texts) and len(answer.body) < 60, f"\n{answer}"


@pytest.mark.parametrize("name", desync.CASES)
@pytest.mark.parametrize("where", ["edge", "gate"])
def test_one_accepted_request_is_one_upstream_request(where: str, name: str, shipped: dict) -> None:
    role, other = shipped[where]
    data, statuses, others = desync.CASES[name]
    role.upstream.behaves()
    found = answers(role.port, desync.fill(data, role.path.encode(), other.encode()), len(statuses))
    got = [answer.status for answer in found]
    check_answers(role, found)
    check_asked(role, got.count(200), others)
    wanted = desync.AT_GATE.get(name, statuses) if where == "gate" else statuses
    assert got == wanted, "\n".join(str(answer) for answer in found)


# ---- HTTP/2, which says itself where a body ends


def without(name: bytes, *added: tuple[bytes, bytes]) -> Pairs:
    return [pair for pair in pseudo() if pair[0] != name] + list(added)


SMUGGLED = b"GET /images/small/smuggled.jpg HTTP/1.1\r\nHost: img.example.com\r\n\r\n"
# Headers, what follows them, and whether it is served.
OF_HTTP2: dict[str, tuple[Pairs, dict, bool]] = {
    "chunks": ([*pseudo(), (b"transfer-encoding", b"chunked")], {"body": b"0\r\n\r\n" + SMUGGLED}, False),
    "chunks and no body": ([*pseudo(), (b"transfer-encoding", b"chunked")], {}, False),
    "a length of nothing before a body": ([*pseudo(), (b"content-length", b"0")], {"body": SMUGGLED}, False),
    "a length that is too small": ([*pseudo(), (b"content-length", b"3")], {"body": SMUGGLED}, False),
    "a length that is too large": ([*pseudo(), (b"content-length", b"999")], {"body": SMUGGLED}, False),
    "a length without a body": ([*pseudo(), (b"content-length", b"3")], {}, False),
    "a length of nothing": ([*pseudo(), (b"content-length", b"0")], {}, True),
    "two lengths": ([*pseudo(), (b"content-length", b"0"), (b"content-length", b"67")], {"body": SMUGGLED}, False),
    "a length that is none": ([*pseudo(), (b"content-length", b"+0")], {}, False),
    "a body": (pseudo(), {"body": SMUGGLED}, False),
    "a request as trailers": (pseudo(), {"trailers": [(b"x", b"y\r\n\r\n" + SMUGGLED)]}, False),
    "a request in a value": ([*pseudo(), (b"x", b"y\r\n\r\n" + SMUGGLED)], {}, False),
    "a request in a name": ([*pseudo(), (b"x: y\r\n\r\n" + SMUGGLED, b"z")], {}, False),
    "a line feed in a value": ([*pseudo(), (b"x", b"y\nz: a")], {}, False),
    "a carriage return in a value": ([*pseudo(), (b"x", b"y\rz: a")], {}, False),
    "a colon in a name": ([*pseudo(), (b"x: y", b"z")], {}, False),
    "a blank in a name": ([*pseudo(), (b"x y", b"z")], {}, False),
    "an empty name": ([*pseudo(), (b"", b"z")], {}, False),
    "a blank around a value": ([*pseudo(), (b"x", b" y ")], {}, True),
    "a request in the path": (pseudo("/images/small/a.jpg HTTP/1.1\r\nHost: a\r\n\r\nGET /b"), {}, False),
    "a request in the method": (pseudo(method="GET /images/small/smuggled.jpg HTTP/1.1\r\nx: y"), {}, False),
    "a method with a blank": (pseudo(method="GET "), {}, False),
    "a request in the authority": (pseudo(authority="a\r\n\r\nGET /b HTTP/1.1"), {}, False),
    "a request in the scheme": (without(b":scheme", (b":scheme", b"http://a/b HTTP/1.1\r\nx: y")), {}, False),
    "a scheme of another kind": (without(b":scheme", (b":scheme", b"file")), {}, True),
    "no scheme": (without(b":scheme"), {}, False),
    "a header of HTTP/1.1": ([*pseudo(), (b"connection", b"keep-alive")], {}, False),
    "a kept connection": ([*pseudo(), (b"keep-alive", b"1")], {}, False),
    "an upgrade": ([*pseudo(), (b"upgrade", b"h2c")], {}, False),
    "TE of chunks": ([*pseudo(), (b"te", b"chunked")], {}, False),
    "an expectation": ([*pseudo(), (b"expect", b"100-continue")], {}, True),
    "an expectation and a body": ([*pseudo(), (b"expect", b"100-continue")], {"body": SMUGGLED}, False),
    "a pseudo-header behind the others": ([pseudo()[0], *pseudo()[2:], (b"x", b"y"), pseudo()[1]], {}, False),
    "a pseudo-header of answers": ([*pseudo(), (b":status", b"200")], {}, False),
}


@pytest.mark.parametrize("name", OF_HTTP2)
def test_one_accepted_request_of_http2_is_one_upstream_request(name: str, shipped: dict) -> None:
    role, _ = shipped["edge"]
    headers, more, served = OF_HTTP2[name]
    role.upstream.behaves()
    with Connection2(role.port) as connection:
        stream = connection.ask(headers, **more)
        time.sleep(0.05)  # what was not to be asked would have been by now
        check_asked(role, int(served), 0)
        check_stream(role, stream, served)
    role.serves_others()


def check_stream(role: Role, stream: Stream, served: bool) -> None:
    """Served, or refused: with an answer, or by ending the stream or the connection."""
    status = stream.answer.status
    assert (status == 200) if served else (status == 0 or 400 <= status < 500), f"\n{stream.answer}"
    if status:
        check_answers(role, [stream.answer])


def test_the_gate_speaks_no_http2(shipped: dict) -> None:
    gate, _ = shipped["gate"]
    gate.upstream.behaves()
    (answer,) = answers(gate.port, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 1)
    assert answer.status == 400 and gate.upstream.asked == [], f"\n{answer}"


# ---- many requests in one piece


@pytest.mark.parametrize("where", ["edge", "gate"])
def test_a_hundred_pipelined_requests(where: str, shipped: dict) -> None:
    role, _ = shipped[where]
    role.upstream.behaves()
    found = answers(role.port, get(role.path) * 100, 100)
    check_answers(role, found)
    assert [answer.status for answer in found] == [200] * 100
    check_asked(role, 100, 0)


@pytest.mark.parametrize("where", ["edge", "gate"])
def test_a_hundred_pipelined_requests_with_refusals_in_between(where: str, shipped: dict) -> None:
    """Answers come in order, each once. Envoy may close after a refusal: then nothing behind it was asked for, and a
    client that asks for the rest again gets the rest."""
    role, _ = shipped[where]
    refusal = 404 if where == "edge" else 403
    requests = [(get("/no/thing"), refusal) if number % 7 == 6 else (get(role.path), 200) for number in range(100)]
    wanted = [status for _, status in requests]
    role.upstream.behaves()
    got: list[int] = []
    while len(got) < 100:
        rest = requests[len(got) :]
        found = answers(role.port, b"".join(data for data, _ in rest), len(rest))
        check_answers(role, found)
        statuses = [answer.status for answer in found]
        assert statuses and (len(statuses) == len(rest) or statuses[-1] == refusal), f"{statuses}"
        got += statuses
        assert got == wanted[: len(got)]
        check_asked(role, got.count(200), 0)
    role.serves_others()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
