"""Pushed sources: pinhole fetches the original and posts it to the resizer (`envoy/envoy-push.yaml`).

Origin and resizer are stubs here, which fail in every way that they can; `test_push_imaginary.py` has the real
resizer. After each test the module still lives and others are served.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

import contract
import origin
import wire
from bootstrap import ENVOY_YAML, inline_policy
from stack import Stack
from upstream import Asked, Behaviour, Upstream, chunked, png, response
from wire import Answer, Connection, request

PATH, SOURCE = "/images/small/landscape.jpg", f"{origin.BASE}landscape.jpg"
CACHE = "public, max-age=3600"
PNG = ("Content-Type", "image/png")
MOST, ENVOYS_MOST = 3_000_000, 4_000_000  # bytes of a source: by the policy, and that Envoy holds
ORIGINAL = png() + b"\0" * 1_000_000
CANARY = f"{origin.CANARY} on {origin.HOST}{origin.BASE}"


def policy(**limits: int) -> str:
    """The policy of envoy-push.yaml with other limits."""
    document = json.loads(inline_policy(ENVOY_YAML.with_name("envoy-push.yaml").read_text()))
    limits = {"source_bytes": MOST, "origin_seconds": 1, "resizer_seconds": 1} | limits
    document["resizer"]["imaginary"]["push"] = limits
    return json.dumps(document)


def narrow(text: str) -> str:
    """envoy-push.yaml that holds less of an answer."""
    limit = "http.async_response_buffer_limit: 9437184"
    assert text.count(limit) == 1
    return text.replace(limit, f"http.async_response_buffer_limit: {ENVOYS_MOST}")


class Pushing(NamedTuple):
    """A running edge between two stubs."""

    stack: Stack
    origin: Upstream
    resizer: Upstream

    def ask(
        self,
        origin: Behaviour | bytes | None = None,
        resizer: Behaviour | bytes | None = None,
        data: bytes | None = None,
    ) -> Answer:
        """The answer to a request, while the two behave like this; well, if nothing is said."""
        self.origin.behaves(response(body=ORIGINAL) if origin is None else origin)
        self.resizer.behaves(resizer)
        return wire.ask(self.stack.ports.edge, data or request(PATH))

    def check_served(self, answer: Answer, head: bool = False) -> None:
        size = contract.check_served(answer, self.stack, CACHE, None, "image/png", head)
        assert head or size == (3, 2), f"\n{answer}"

    def serves_others(self) -> None:
        self.check_served(self.ask())


@pytest.fixture(scope="module")
def pushing() -> Iterator[Pushing]:
    with ExitStack() as exits:
        yield start(exits, policy())


def start(exits: ExitStack, policy: str, configure: Callable[[str], str] = narrow) -> Pushing:
    settings = {"resizer": None, "origin": False, "configuration": "envoy-push.yaml", "configure": configure}
    stack = exits.enter_context(Stack(policy=policy, **settings))
    stubs = [exits.enter_context(Upstream(port)) for port in (stack.ports.origin, stack.ports.resizer)]
    return Pushing(stack, *stubs)


# ---- what is asked


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_source_is_fetched_and_posted(method: str, pushing: Pushing) -> None:
    visitors = [("cookie", "canary"), ("range", "bytes=0-1"), ("if-none-match", '"x"'), ("x-request-id", "canary")]
    answer = pushing.ask(data=request(PATH, method, headers=visitors))
    pushing.check_served(answer, head=method == "HEAD")
    (fetched,), (posted,) = pushing.origin.asked, pushing.resizer.asked
    assert fetched.line == f"GET {SOURCE} HTTP/1.1", "a HEAD needs the picture's length, and so the picture"
    assert sorted(fetched.headers) == [
        ("authorization", pushing.stack.env["PHOTOS_TOKEN"]),
        ("host", origin.HOST),
        ("user-agent", "pinhole"),
        ("via", contract.via(pushing.stack, "IMAGINARY_KEY")),
        ("x-forwarded-proto", "http"),
    ]
    url = urlsplit(posted.line.split(" ")[1])
    assert posted.line.startswith("POST /") and "url" not in parse_qs(url.query) and "sign" in parse_qs(url.query)
    headers = dict(posted.headers)
    assert len(headers.pop("x-request-id")) == 36, "Envoy's own, not the visitor's"
    assert headers == {
        "host": "imaginary.internal",
        "content-type": "image/png",
        "content-length": str(len(ORIGINAL)),
        "user-agent": "pinhole",
        "x-forwarded-proto": "http",
    }
    assert posted.body == ORIGINAL


def test_the_source_keeps_its_own_type(pushing: Pushing) -> None:
    for named, told in (("image/jpg; charset=x", "image/jpeg"), ("image/tiff", "image/tiff")):
        pushing.check_served(pushing.ask(response(headers=[("Content-Type", named)], body=ORIGINAL)))
        assert dict(pushing.resizer.asked[0].headers)["content-type"] == told


def test_nothing_of_either_answer_goes_on_but_the_picture(pushing: Pushing) -> None:
    leaky = [PNG, ("X-Canary", CANARY), ("Server", CANARY), ("Set-Cookie", CANARY), ("Error", CANARY), ("Link", CANARY)]
    answer = pushing.ask(response(headers=leaky, body=ORIGINAL), response(headers=leaky))
    pushing.check_served(answer)
    pushing.check_served(pushing.ask(chunked(ORIGINAL), chunked(png(), end=b"0\r\nX-Canary: canary\r\n\r\n")))


def test_refused_requests_ask_nobody(pushing: Pushing) -> None:
    for path, reason, status in (("/images/huge/a.jpg", "unknown-preset", 404), ("/strict/a.jpg?width=1001", "over-limit", 400)):
        answer = pushing.ask(data=request(path))
        contract.check_refused(answer, pushing.stack, reason, status)
        assert not pushing.origin.asked and not pushing.resizer.asked


# ---- what goes wrong


def stops(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)
    connection.recv(1)


def trickles(connection: socket.socket, data: bytes) -> None:
    for index in range(0, len(data), len(data) // 40):
        connection.sendall(data[index : index + len(data) // 40])
        time.sleep(0.1)


WHOLE = response(body=ORIGINAL)
OF_BOTH: dict[str, tuple[Behaviour | bytes, int, str]] = {
    "404": (response("404 Not Found", body=CANARY.encode()), 404, "source-not-found"),
    "401": (response("401 Unauthorized", body=CANARY.encode()), 502, "upstream-failed"),
    "500": (response("500 Internal Server Error", body=CANARY.encode()), 502, "upstream-failed"),
    "503": (response("503 Service Unavailable", body=CANARY.encode()), 503, "upstream-unavailable"),
    "a redirect": (response("302 Found", [("Location", f"http://{origin.HOST}/")]), 502, "upstream-redirected"),
    "406": (response("406 Not Acceptable", body=CANARY.encode()), 502, "not-an-image"),
    "a page": (response(headers=[("Content-Type", "text/html")], body=CANARY.encode()), 502, "not-an-image"),
    "no type": (response(headers=[]), 502, "not-an-image"),
    "packed": (response(headers=[PNG, ("Content-Encoding", "gzip")]), 502, "not-an-image"),
    "no answer": (partial(stops, data=b""), 504, "upstream-timeout"),
    "half an answer": (partial(stops, data=WHOLE[:-9]), 504, "upstream-timeout"),
    "an answer that takes too long": (partial(trickles, data=WHOLE), 504, "upstream-timeout"),
    "closes": (b"", 503, "upstream-unavailable"),
    "half a header, and closes": (b"HTTP/1.1 200 OK\r\nX-Cana", 502, "upstream-failed"),
    "not HTTP": (b"220 canary ESMTP\r\n\r\n", 502, "upstream-failed"),
    "breaks off": (WHOLE[:-9], 502, "upstream-failed"),
    "breaks off between chunks": (chunked(ORIGINAL, end=b""), 502, "upstream-failed"),
}
OF_THE_ORIGIN = OF_BOTH | {
    "no body": (response(body=b""), 502, "not-an-image"),
    "a byte more than the policy takes": (response(body=b"\0" * (MOST + 1)), 413, "source-too-large"),
    "more than Envoy holds": (response(body=b"\0" * (ENVOYS_MOST + 100_000)), 502, "upstream-failed"),
    "more than Envoy holds, in chunks": (chunked(*[b"\0" * 100_000] * 45), 502, "upstream-failed"),
    "without end": (lambda connection: [connection.sendall(part) for part in endless()], 502, "upstream-failed"),
}
OF_THE_RESIZER = OF_BOTH | {
    "a TIFF": (response(headers=[("Content-Type", "image/tiff")]), 502, "not-an-image"),
    "no body": (response(body=b""), 502, "upstream-failed"),
    "more than Envoy holds": (response(body=b"\0" * (ENVOYS_MOST + 100_000)), 502, "upstream-failed"),
}


def endless() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"10000\r\n" + b"\0" * 65536 + b"\r\n"


@pytest.mark.parametrize("fault", OF_THE_ORIGIN)
def test_an_origin_that_fails(fault: str, pushing: Pushing) -> None:
    behaviour, status, reason = OF_THE_ORIGIN[fault]
    began = time.monotonic()
    contract.check_refused(pushing.ask(origin=behaviour), pushing.stack, reason, status)
    assert time.monotonic() - began < 3, "the visitor waits no longer than the policy says"
    assert not pushing.resizer.asked, f"{pushing.resizer.asked}"
    pushing.serves_others()


@pytest.mark.parametrize("fault", OF_THE_RESIZER)
def test_a_resizer_that_fails(fault: str, pushing: Pushing) -> None:
    behaviour, status, reason = OF_THE_RESIZER[fault]
    contract.check_refused(pushing.ask(resizer=behaviour), pushing.stack, reason, status)
    pushing.serves_others()


def test_the_largest_source_that_is_taken(pushing: Pushing) -> None:
    pushing.check_served(pushing.ask(response(body=png().ljust(MOST, b"\0"))))
    assert len(pushing.resizer.asked[0].body) == MOST


def test_connections_that_were_closed_meanwhile(pushing: Pushing) -> None:
    """Envoy keeps a connection whose end it has not seen yet, and asks again when nothing comes of it."""
    for _ in range(10):
        origin = response(body=ORIGINAL, connection="keep-alive")
        pushing.check_served(pushing.ask(origin, response(connection="keep-alive")))


def test_neighbours_that_are_gone() -> None:
    with Stack(policy=policy(), resizer=None, origin=False, configuration="envoy-push.yaml") as stack:
        answer = wire.ask(stack.ports.edge, request(PATH))
        contract.check_refused(answer, stack, "upstream-unavailable", 503)
        with Upstream(stack.ports.origin):
            contract.check_refused(wire.ask(stack.ports.edge, request(PATH)), stack, "upstream-unavailable", 503)


@pytest.mark.parametrize("waiting_for", ["origin", "resizer"])
def test_a_visitor_who_goes_away(waiting_for: str, pushing: Pushing) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def waits(connection: socket.socket) -> None:
        asked.set()
        go_on.wait(5)
        connection.sendall(WHOLE if waiting_for == "origin" else response())

    pushing.origin.behaves(waits if waiting_for == "origin" else WHOLE)
    pushing.resizer.behaves(waits if waiting_for == "resizer" else None)
    with Connection(pushing.stack.ports.edge) as connection:
        connection.send(request(PATH))
        assert asked.wait(5)
    go_on.set()
    time.sleep(0.3)
    assert len(pushing.resizer.asked) == (waiting_for == "resizer"), "what nobody waits for is not made"
    pushing.serves_others()


# ---- many at once


def test_pictures_of_many_visitors_are_not_mixed_up() -> None:
    with ExitStack() as exits:
        stack = exits.enter_context(
            Stack(policy=policy(), resizer=None, origin=False, configuration="envoy-push.yaml", concurrency=2)
        )
        exits.enter_context(Echo(stack.ports.origin, lambda asked: asked.line.split(" ")[1].encode()))
        exits.enter_context(Echo(stack.ports.resizer, lambda asked: asked.body.removeprefix(png())))

        def one(index: int) -> None:
            answer = wire.ask(stack.ports.edge, request(f"/images/small/{index}.jpg"))
            assert answer.status == 200 and answer.body == png() + f"{origin.BASE}{index}.jpg".encode(), f"\n{answer}"

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(one, range(400)))


class Echo(Upstream):
    """Answers each request with a picture that ends in what it makes of the request."""

    def __init__(self, port: int, tail: Callable[[Asked], bytes]) -> None:
        super().__init__(port)
        self.tail = tail

    def answer(self, asked: Asked) -> bytes:
        return response(body=png() + self.tail(asked), connection="keep-alive")


def test_more_than_the_circuit_breaker_lets_through() -> None:
    """One request at a time: the rest is refused at once, and the module does not mind."""
    breaker = "thresholds: [{ max_connections: 64, max_requests: 64, max_pending_requests: 64, max_retries: 3 }]"

    def single(text: str) -> str:
        assert text.count(breaker) == 2
        return narrow(text).replace(breaker, "thresholds: [{ max_connections: 1, max_requests: 1, max_pending_requests: 1 }]")

    with ExitStack() as exits:
        tight = start(exits, policy(), single)
        tight.origin.behaves(lambda connection: (time.sleep(0.4), connection.sendall(WHOLE)))
        tight.resizer.behaves()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: wire.ask(tight.stack.ports.edge, request(PATH)), range(8)))
        assert {answer.status for answer in answers} == {200, 503}
        for answer in answers:
            if answer.status == 503:
                contract.check_refused(answer, tight.stack, "upstream-unavailable", 503)
        tight.serves_others()


def rss(stack: Stack) -> int:
    """The memory of Envoy's process in kB."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if os.path.basename(words[0]) == b"envoy" and str(stack.envoy_config).encode() in words:
                return int((process / "status").read_text().split("VmRSS:")[1].split()[0])
        except OSError:
            continue  # it has ended meanwhile
    raise AssertionError("Envoy is not running")


def test_memory_does_not_grow(pushing: Pushing) -> None:
    """Half a gigabyte of originals, a third of it for nobody: they leave nothing behind."""
    original = response(body=png().ljust(MOST, b"\0"))

    def burst(count: int) -> None:
        pushing.origin.behaves(original)
        pushing.resizer.behaves()
        for index in range(count):
            if index % 3 == 0:
                with Connection(pushing.stack.ports.edge) as connection:
                    connection.send(request(PATH))
                    time.sleep(0.002)
            else:
                pushing.check_served(wire.ask(pushing.stack.ports.edge, request(PATH)))

    burst(60)
    before = rss(pushing.stack)
    burst(180)
    grown = rss(pushing.stack) - before
    assert grown < 16_000, f"{grown} kB in 180 pictures"
