"""Requests that no browser sends: whatever they are, the next visitor is served and the module is unharmed.

Most run against a stub in the resizer's place, which shows to the last header what went upstream.
"""

import contextlib
import socket
import struct

import pytest

import contract
import wire
from stack import Stack
from through_stub import B3, PATH, Stubbed, ask, check_served, serves_others
from wire import Closed, Connection, request


def numbered(count: int) -> list[tuple[str, str]]:
    return [(f"x-canary-{number}", "canary") for number in range(count)]


SERVED = {
    "ninety headers": request(headers=numbered(90)),
    "header values of bytes that are no text": request(
        headers=[
            (name, "canary\xff\xfe\x80")
            for name in ("accept", "cookie", "traceparent", "tracestate", "x-request-id", "user-agent")
        ]
    ),
    "a forwarded protocol that is none": request(headers=[("x-forwarded-proto", "\xff")]),
    "header names of every allowed character": request(headers=[("x-canary!#$%&'*+-.^`|~", "1")]),
    "a folded header": request(headers=[("x-canary", "one\r\n two")]),
    "an empty header": request(headers=[("cookie", "")]),
    "a cluster of the visitor's": request(headers=[("X-Pinhole-Cluster", "canary")]),
    "two clusters of the visitor's": request(headers=[("x-pinhole-cluster", "canary")] * 2),
    "a nominated cluster": request(
        headers=[("connection", "x-pinhole-cluster"), ("x-pinhole-cluster", "canary")]
    ),
    "nominated headers of ours": request(headers=[("connection", "x-request-id, user-agent")]),
    "instructions to Envoy": request(
        headers=[
            ("x-envoy-original-path", "/canary"),
            ("x-envoy-upstream-rq-timeout-ms", "1"),
            ("x-envoy-expected-rq-timeout-ms", "1"),
            ("x-envoy-upstream-alt-stat-name", "canary"),
            ("x-envoy-retry-on", "5xx"),
            ("x-envoy-force-trace", "canary"),
        ]
    ),
    "other hosts and addresses": request(
        headers=[
            ("x-forwarded-host", "canary"),
            ("x-forwarded-for", "canary"),
            ("x-forwarded-port", "canary"),
            ("forwarded", "host=canary"),
            ("x-original-url", "/canary"),
            ("x-host", "canary"),
        ]
    ),
    "another method": request(headers=[("x-http-method-override", "DELETE")]),
    "credentials": request(
        headers=[
            ("authorization", "Bearer canary"),
            ("cookie", "session=canary"),
            ("cookie", "again=canary"),
            ("proxy-authorization", "Basic canary"),
            ("x-amz-security-token", "canary"),
        ]
    ),
    "an absolute target, whose host counts": request(
        f"http://img.example.com{PATH}", authority="canary.example"
    ),
    "an upgrade that is not nominated": request(headers=[("upgrade", "canary")]),
    "HTTP/2 over HTTP/1.1": request(
        headers=[
            ("connection", "Upgrade, HTTP2-Settings"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAMAAABkAARAAAAAAAIAAAAA"),
        ]
    ),
    "trailers wanted": request(headers=[("te", "trailers")]),
    "lines that end with a line feed only": request().replace(b"\r\n", b"\n"),
}


@pytest.mark.parametrize("name", SERVED)
def test_served_like_any_other(name: str, stubbed: Stubbed) -> None:
    check_served(ask(stubbed, SERVED[name]), stubbed)
    serves_others(stubbed)


CHUNKED = ("transfer-encoding", "chunked")
REFUSED = {
    "one byte above pinhole's limit": (request("/" + "a" * 2048), "path-too-long", 414),
    "thirty thousand bytes of path": (request("/" + "a" * 30000), "path-too-long", 414),
    "two hosts": (request(headers=[("Host", "other.example.com")]), "malformed-host", 400),
    "the same host twice": (request(headers=[("Host", wire.HOST)]), "malformed-host", 400),
    "POST with a body": (request(method="POST", body=b"canary"), "method-not-allowed", 405),
    "GET with a body": (request(body=b"canary"), "body-not-allowed", 400),
    "GET with chunks": (request(headers=[CHUNKED]) + b"6\r\ncanary\r\n0\r\n\r\n", "body-not-allowed", 400),
    "GET with no chunk": (request(headers=[CHUNKED]) + b"0\r\n\r\n", "body-not-allowed", 400),
    "GET with trailers": (
        request(headers=[CHUNKED]) + b"0\r\nx-pinhole-cluster: canary\r\n\r\n",
        "body-not-allowed",
        400,
    ),
    "CONNECT": (
        request("img.example.com:443", "CONNECT", "img.example.com:443"),
        "method-not-allowed",
        405,
    ),
    "DELETE by any other name": (
        request(method="DELETE", headers=[("x-http-method-override", "GET")]),
        "method-not-allowed",
        405,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_pinhole(name: str, stubbed: Stubbed) -> None:
    data, reason, status = REFUSED[name]
    contract.check_refused(ask(stubbed, data), stubbed[0], reason, status)
    assert stubbed[1].asked == []
    serves_others(stubbed)


BY_ENVOY = {
    "a hundred and one headers": (request(headers=numbered(101)), 431),
    "a thousand headers": (request(headers=numbered(1000)), 431),
    "sixty thousand bytes of path": (request("/" + "a" * 60000), 431),
    "sixty thousand bytes of cookie": (request(headers=[("cookie", "a" * 60000)]), 431),
    "a name with an underscore": (request(headers=[("x_pinhole_cluster", "canary")]), 400),
    "a credential's name with underscores": (request(headers=[("x_amz_date", "canary")]), 400),
    "a name with a blank at its end": (request(headers=[("x-pinhole-cluster ", "canary")]), 400),
    "a name with a blank": (request(headers=[("x canary", "1")]), 400),
    "a name of bytes that are no text": (request(headers=[("x-\xff", "1")]), 400),
    "an empty name": (request(headers=[("", "1")]), 400),
    "a pseudo-header as header": (request(headers=[(":path", "/canary")]), 400),
    "a NUL in a value": (request(headers=[("x-canary", "a\0b")]), 400),
    "no host": (request(authority=None), 400),
    "no host, in HTTP/1.0": (request(authority=None, version="HTTP/1.0"), 426),
    "HTTP/1.0": (request(version="HTTP/1.0"), 426),
    "HTTP/0.9": (f"GET {PATH}\r\n\r\n".encode(), 426),
    "HTTP/9.9": (request(version="HTTP/9.9"), 426),
    "a nominated host": (request(headers=[("connection", "host")]), 400),
    "more nominations than are read": (
        request(headers=[("connection", ", ".join(f"x-{number}" for number in range(11)))]),
        400,
    ),
    "an upgrade": (request(headers=[("connection", "upgrade"), ("upgrade", "websocket")]), 403),
    "OPTIONS of the server": (request("*", "OPTIONS"), 404),
    "another scheme": (request(f"https://img.example.com{PATH}"), 403),
    "two lengths": (request(headers=[("content-length", "0"), ("content-length", "6")]) + b"canary", 400),
    "a length and chunks": (request(headers=[CHUNKED, ("content-length", "6")]) + b"0\r\n\r\n", 400),
    "a negative length": (request(headers=[("content-length", "-1")]), 400),
    "a length with a sign": (request(headers=[("content-length", "+6")]) + b"canary", 400),
    "a method of forty thousand letters": (request(method="G" * 40000), 431),
    "not HTTP": (b"canary\r\n\r\n", 400),
    "TLS": (bytes.fromhex("16030100a5010000a10303"), 400),
}


@pytest.mark.parametrize("name", BY_ENVOY)
def test_refused_by_envoy(name: str, stubbed: Stubbed) -> None:
    data, status = BY_ENVOY[name]
    contract.check_refused_by_envoy(ask(stubbed, data), stubbed[0], status)
    assert stubbed[1].asked == []
    serves_others(stubbed)


@pytest.mark.parametrize("coding", ["gzip, chunked", "xchunked", "identity"])
def test_no_other_transfer_coding_is_read(coding: str, stubbed: Stubbed) -> None:
    answer = ask(stubbed, request(headers=[("transfer-encoding", coding)]) + b"0\r\n\r\n")
    assert answer.status == 501 and answer.body in contract.ENVOY_TEXTS, f"\n{answer}"
    assert stubbed[1].asked == []
    serves_others(stubbed)


@pytest.mark.parametrize("count", [1000, 1023, 1024, 1025, 3000])
def test_thousands_of_headers_reach_the_module(count: int, roomy: Stubbed) -> None:
    check_served(ask(roomy, request(headers=numbered(count))), roomy)
    serves_others(roomy)


def test_a_thousand_cookies_reach_the_module(roomy: Stubbed) -> None:
    check_served(ask(roomy, request(headers=[("cookie", "session=canary")] * 1000)), roomy)
    check_served(ask(roomy, request(headers=[("cookie", "canary" * 10000)])), roomy)


def test_a_thousand_accept_headers_reach_the_module(roomy: Stubbed) -> None:
    path = "/photos/landscape.jpg?format=auto"
    answer = ask(roomy, request(path, headers=[("accept", "image/webp;q=0.1,image/avif;q=0.001")] * 1000))
    assert answer.status == 200 and answer.one("vary") == "accept", f"\n{answer}"
    serves_others(roomy)


def test_sixty_thousand_bytes_of_path_reach_the_module(roomy: Stubbed) -> None:
    answer = ask(roomy, request("/images/small/" + "a/" * 30000))
    contract.check_refused(answer, roomy[0], "path-too-long", 414)
    answer = ask(roomy, request("/photos/a?" + "width=1&" * 7000))
    contract.check_refused(answer, roomy[0], "path-too-long", 414)
    serves_others(roomy)


def test_a_trace_of_the_visitor_goes_on_to_the_resizer_only(stubbed: Stubbed) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = [("traceparent", parent), ("tracestate", "visitor=1"), ("x-request-id", "canary")]
    headers += [(name, "80f198ee56343ba8") for name in B3]
    check_served(ask(stubbed, request(headers=headers)), stubbed)
    told = dict(stubbed[1].asked[0].headers)
    assert (told["traceparent"], told["tracestate"]) == (parent, "visitor=1")
    assert {told.get(name) for name in B3} == {"80f198ee56343ba8"}
    check_served(ask(stubbed, request(headers=[*headers, ("traceparent", "canary")])), stubbed)
    assert "traceparent" not in dict(stubbed[1].asked[0].headers)
    check_served(ask(stubbed, request(headers=[("b3", "0; canary"), ("x-b3-traceid", "0/canary")])), stubbed)
    assert not B3 & dict(stubbed[1].asked[0].headers).keys()


def test_credentials_of_the_visitor_never_reach_the_origin(stack: Stack) -> None:
    before = len(stack.origin_requests())
    headers = [
        ("authorization", "Bearer visitor-canary"),
        ("cookie", "visitor-canary"),
        ("tracestate", "canary=1"),
    ]
    assert wire.ask(stack.ports.edge, request(headers=headers)).status == 200
    (asked,) = stack.origin_requests()[before:]
    assert [value for name, value in asked["headers"] if name == "authorization"] == [
        stack.env["PHOTOS_TOKEN"]
    ]
    assert "canary=" not in str(asked) and "visitor" not in str(asked)
    assert "visitor-canary" not in stack.resizer_log.read_text(), "the resizer was told"


def test_pipelined_requests_are_answered_in_order(stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    upstream.behaves()
    with Connection(stack.ports.edge) as connection:
        connection.send(request() + request(method="HEAD") + request("/photos/small.jpg") + request())
        for head in (False, True, False, False):
            answer = connection.answer(head=head)
            assert answer.status == 200 and len(answer.body) == (0 if head else 78), f"\n{answer}"
    assert len(upstream.asked) == 4


def test_what_follows_a_refused_body_is_not_a_request(stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    upstream.behaves()
    for method in ("POST", "GET"):
        with Connection(stack.ports.edge) as connection:
            connection.send(request(method=method, body=request("/photos/smuggled.jpg")))
            answer = connection.answer()
            assert answer.status in (400, 405) and answer.one("connection") == "close", f"\n{answer}"
            assert connection.is_closed(), f"there was a second answer\n{answer}"
    assert upstream.asked == []


def test_a_refusal_never_answers_a_later_request(stubbed: Stubbed) -> None:
    """Envoy closes after a local reply to one of several pipelined requests; it must never be out of step."""
    stack, upstream = stubbed
    upstream.behaves()
    for refused in (request("/nothing"), request(method="DELETE"), request("/images/small/%ff")):
        with Connection(stack.ports.edge) as connection:
            connection.send(request() + refused + request())
            assert connection.answer().status == 200
            assert connection.answer().status >= 400
            with contextlib.suppress(Closed):
                assert connection.answer().status == 200


def test_a_connection_stays_open_after_a_refusal(stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    upstream.behaves()
    with Connection(stack.ports.edge) as connection:
        for path, status in ((PATH, 200), ("/images/huge/a.jpg", 404), (PATH, 200), ("/", 404), (PATH, 200)):
            answer = connection.ask(request(path))
            assert answer.status == status, f"\n{answer}"


@pytest.mark.parametrize(
    "sent", [b"GET /images/small/land", request()[:-2], request(), request(body=b"abc")[:-2]]
)
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_visitors_who_go_away_harm_nobody(sent: bytes, reset: bool, stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    upstream.behaves(lambda connection: connection.recv(1))  # never answers: they leave while they wait
    for _ in range(5):
        with Connection(stack.ports.edge) as connection:
            connection.send(sent)
            if reset:  # no time to linger: the kernel sends RST instead of FIN
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    upstream.behaves()
    # Not `serves_others`: Envoy may still be asking for those who left.
    contract.check_served(
        wire.ask(stack.ports.edge, request()), stack, "public, max-age=3600", None, "image/png"
    )
