"""Visitors who take their time: each is ended by the shipped limits, or nearly these, and holds nobody else up."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

import contract
import leaks
import wire
from conftest import stubbed_policy
from figures import publish
from stack import Stack
from storm import bounded
from test_push import Pushing, narrow, policy, rss, start
from test_push import PATH as PUSHED
from test_resets import active
from through_stub import Stubbed, serves_others
from upstream import Upstream, png, response
from waiting import until
from wire import Answer, Connection, request
from wire2 import Connection2, pseudo

IDLE = 2.0
BIG = response(body=png().ljust(8_000_000, b"\0"))


def impatient(text: str) -> str:
    """envoy.yaml with an edge on which nothing may move for two seconds only."""
    idle = "stream_idle_timeout: 30s\n"
    assert text.count(idle) == 1
    return text.replace(idle, f"stream_idle_timeout: {IDLE:.0f}s\n")


@pytest.fixture(scope="module")
def idle() -> Iterator[Stubbed]:
    with Stack(stubbed_policy(), None, configure=impatient) as stack, Upstream(stack.ports.resizer) as upstream:
        yield stack, upstream


def test_headers_that_come_byte_by_byte(stubbed: Stubbed) -> None:
    """Twenty at once, until the shipped `request_headers_timeout` of five seconds; meanwhile others are served."""
    stack, upstream = stubbed
    connections = [Connection(stack.ports.edge) for _ in range(20)]
    began = time.monotonic()
    for number, byte in enumerate(request()[:12], 1):
        for connection in connections:
            connection.send(bytes([byte]))
        serves_others(stubbed)
        upstream.behaves()
        time.sleep(max(0.0, began + 0.3 * number - time.monotonic()))
    answers = [connection.answer() for connection in connections]
    took = time.monotonic() - began
    for answer, connection in zip(answers, connections, strict=True):
        assert (answer.status, answer.reason) == (408, "malformed-request"), f"\n{answer}"
        leaks.check(answer, stack)
        connection.socket.close()
    publish("headers of which a byte comes each 0.3 s", f"408 after {took:.1f} s")
    assert 4 < took < 9 and upstream.asked == []
    serves_others(stubbed)


def test_a_body_that_does_not_come_is_not_waited_for(idle: Stubbed) -> None:
    stack, upstream = idle
    upstream.behaves()
    for method, status in (("POST", 405), ("GET", 400)):
        with Connection(stack.ports.edge) as connection:
            began = time.monotonic()
            answer = connection.ask(request(method=method, headers=[("content-length", "1000000")]))
            assert answer.status == status and time.monotonic() - began < 2, f"\n{answer}"
    assert upstream.asked == []
    serves_others(idle)


def test_who_does_not_read_is_ended(idle: Stubbed) -> None:
    """Answers of eight megabytes, of which nobody reads more than the headers."""
    stack, upstream = idle
    upstream.behaves(BIG)
    connections = []
    for _ in range(10):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", stack.ports.edge))
        connection.sendall(request())
        connections.append(connection)
    with Connection2(stack.ports.edge) as newer:
        for _ in range(10):
            newer.send(pseudo())  # their windows are never opened further
        until(lambda: active(stack)[0] >= 20 or sum(active(stack)) >= 20, "all of them have begun")
        began = time.monotonic()
        until(lambda: not any(active(stack)), "all are ended")
        took = time.monotonic() - began
    for connection in connections:
        connection.close()
    publish(f"visitors who do not read, stream_idle_timeout {IDLE:.0f} s", f"ended after {took:.1f} s")
    assert took < 3 * IDLE + 2
    serves_others(idle)


def test_who_reads_slowly_gets_all_of_it(idle: Stubbed) -> None:
    """As long as something moves, for longer than nothing may move."""
    stack, upstream = idle
    upstream.behaves(response(body=png().ljust(1_000_000, b"\0")))
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", stack.ports.edge))
        connection.sendall(request(headers=[("connection", "close")]))
        began, text = time.monotonic(), b""
        while data := connection.recv(16_000):
            text += data
            if time.monotonic() - began < IDLE + 1:
                time.sleep(0.05)
    head, _, body = text.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200") and len(body) == 1_000_000, f"{head!r} {len(body)}"
    serves_others(idle)


# ---- pushed sources that never come


def never(connection: socket.socket) -> None:
    connection.settimeout(60)
    connection.recv(1)


def many(pushing: Pushing, count: int) -> list[tuple[float, Answer]]:
    """As many at once as the circuit breaker lets through."""

    def one(_: int) -> tuple[float, Answer]:
        began = time.monotonic()
        answer = wire.ask(pushing.stack.ports.edge, request(PUSHED))
        return time.monotonic() - began, answer

    with ThreadPoolExecutor(50) as pool:
        return list(pool.map(one, range(count)))


def test_sources_that_never_come_leave_nothing_behind() -> None:
    """Ended by the policy's `origin_seconds`: 504 for each, and the memory of hundreds of them is given back."""
    with ExitStack() as exits:
        pushing = start(exits, policy(origin_seconds=1))
        pushing.origin.behaves(never)
        many(pushing, 100)
        before = rss(pushing.stack)
        found = many(pushing, bounded(500, 150))
        grown = rss(pushing.stack) - before
        for took, answer in found:
            contract.check_refused(answer, pushing.stack, "upstream-timeout", 504)
            assert 0.9 < took < 4, f"{took}"
        until(lambda: not any(active(pushing.stack)), "nothing is under way")
        assert not pushing.resizer.asked
        longest = max(took for took, _ in found)
        publish(
            "pushed sources that never come, origin_seconds 1",
            f"{len(found)} times 504, the last after {longest:.1f} s; Envoy has {grown} kB more",
        )
        assert grown < 4000, f"{grown} kB"
        pushing.serves_others()


def test_a_pushed_request_is_ended_by_the_idle_timeout() -> None:
    """Where the policy waits for longer than Envoy does."""
    with ExitStack() as exits:
        pushing = start(exits, policy(origin_seconds=20), lambda text: narrow(impatient(text)))
        pushing.origin.behaves(never)
        found = many(pushing, 20)
        for took, answer in found:
            contract.check_refused(answer, pushing.stack, "upstream-timeout", 504)
            assert IDLE - 0.2 < took < IDLE + 3, f"{took}"
        publish(
            f"the same, origin_seconds 20, stream_idle_timeout {IDLE:.0f} s",
            f"504 after {max(took for took, _ in found):.1f} s",
        )
        pushing.serves_others()
