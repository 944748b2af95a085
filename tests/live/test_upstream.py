"""What the visitor sees of a resizer that misbehaves: nothing but pinhole's own words."""

import socket
import time
from functools import partial

import pytest

import contract
import origin
from through_stub import Stubbed, ask, serves_others
from upstream import png, response
from wire import Answer, Closed, Connection, request
from wire2 import Connection2, pseudo

CANARY = f"{origin.CANARY} on {origin.HOST}{origin.BASE}"

# One of each family that tells where a picture comes from, and one that nobody has heard of.
LEAKY = [
    ("Server", f"Thumbor/{CANARY}"),
    ("Via", f"1.1 {origin.HOST}"),
    ("X-Amz-Request-Id", CANARY),
    ("X-Ms-Copy-Source", f"http://{origin.HOST}{origin.BASE}"),
    ("X-Goog-Hash", CANARY),
    ("ETag", f'"{CANARY}"'),
    ("Last-Modified", "Tue, 24 Nov 2026 02:19:19 GMT"),
    ("Location", f"http://{origin.HOST}{origin.BASE}"),
    ("Content-Location", f"http://{origin.HOST}{origin.BASE}"),
    ("Refresh", f"0; url=http://{origin.HOST}"),
    ("Link", f"<http://{origin.HOST}{origin.BASE}>; rel=canonical"),
    ("Content-Disposition", f'inline; filename="{CANARY}"'),
    ("Set-Cookie", f"session={CANARY}"),
    ("Set-Cookie", f"again={CANARY}"),
    ("WWW-Authenticate", f'Basic realm="{CANARY}"'),
    ("Access-Control-Allow-Origin", f"http://{origin.HOST}"),
    ("Timing-Allow-Origin", "*"),
    ("Server-Timing", f'origin;desc="{CANARY}"'),
    ("Alt-Svc", f'h3="{origin.HOST}:443"'),
    ("Cache-Control", "public, s-maxage=31536000"),
    ("CDN-Cache-Control", "public"),
    ("Surrogate-Control", "public"),
    ("Expires", "Fri, 31 Dec 2100 23:59:59 GMT"),
    ("Age", "7"),
    ("Vary", "*"),
    ("Accept-Ranges", "bytes"),
    ("Content-Language", "x-canary"),
    ("X-Envoy-Upstream-Service-Time", "7"),
    ("X-Envoy-Upstream-Healthchecked-Cluster", CANARY),
    ("X-Pinhole-Reason", CANARY),
    ("X-Content-Type-Options", CANARY),
    ("X-Zz-Unheard-Of", CANARY),
    ("X-Bytes", f"\xff\xfe{CANARY}"),
]
PNG = ("Content-Type", "image/png")


def check_picture(answer: Answer, stubbed: Stubbed) -> None:
    size = contract.check_served(answer, stubbed[0], "public, max-age=3600", None, "image/png")
    assert size == (3, 2), f"\n{answer}"


def test_no_header_of_the_resizer_goes_on(stubbed: Stubbed) -> None:
    check_picture(ask(stubbed, behaviour=response(headers=[PNG, *LEAKY])), stubbed)
    serves_others(stubbed)


def test_a_status_line_with_words_of_its_own(stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    upstream.behaves(response(f"200 {CANARY}"))
    with Connection(stack.ports.edge) as connection:
        connection.send(request())
        first = connection._until(b"\r\n")
    assert first == b"HTTP/1.1 200 OK"


REPLACED = {
    "200 text/html": (
        response(headers=[("Content-Type", "text/html")], body=b"<p>" + CANARY.encode()),
        "not-an-image",
    ),
    "200 image/svg+xml": (
        response(headers=[("Content-Type", "image/svg+xml")], body=CANARY.encode()),
        "not-an-image",
    ),
    "200 without a type": (response(headers=[]), "not-an-image"),
    "200 with two types": (response(headers=[PNG, ("Content-Type", "text/html")]), "not-an-image"),
    "200 with two types in one": (
        response(headers=[("Content-Type", "image/png, text/html")]),
        "not-an-image",
    ),
    "200 of bytes that are no text": (response(headers=[("Content-Type", "image/\xff")]), "not-an-image"),
    "200 compressed": (response(headers=[PNG, ("Content-Encoding", "gzip")]), "not-an-image"),
    "200 of a megabyte of text": (
        response(headers=[("Content-Type", "text/plain")], body=CANARY.encode() * 16000),
        "not-an-image",
    ),
    "204": (b"HTTP/1.1 204 No Content\r\nServer: canary\r\n\r\n", "upstream-failed"),
    "206": (response("206 Partial Content", [PNG, ("Content-Range", "bytes 0-77/1000")]), "upstream-failed"),
    "301": (response("301 Moved Permanently", LEAKY, CANARY.encode()), "upstream-redirected"),
    "302": (response("302 Found", [*LEAKY, PNG]), "upstream-redirected"),
    "304": (b"HTTP/1.1 304 Not Modified\r\nETag: canary\r\n\r\n", "upstream-redirected"),
    "400": (response("400 Bad Request", LEAKY, CANARY.encode()), "upstream-failed"),
    "401": (response("401 Unauthorized", LEAKY, CANARY.encode()), "upstream-failed"),
    "403": (response("403 Forbidden", LEAKY, CANARY.encode()), "upstream-failed"),
    "404": (response("404 Not Found", [*LEAKY, PNG], CANARY.encode()), "source-not-found"),
    "408": (response("408 Request Timeout", LEAKY, CANARY.encode()), "upstream-timeout"),
    "410": (response("410 Gone", LEAKY, CANARY.encode()), "source-not-found"),
    "416": (response("416 Range Not Satisfiable", [("Content-Range", "bytes */4711")]), "upstream-failed"),
    "429": (response("429 Too Many Requests", [*LEAKY, ("Retry-After", "7")]), "upstream-unavailable"),
    "500": (response("500 Internal Server Error", LEAKY, CANARY.encode()), "upstream-failed"),
    "502": (response("502 Bad Gateway", LEAKY, CANARY.encode()), "upstream-failed"),
    "503": (response("503 Service Unavailable", LEAKY, CANARY.encode()), "upstream-unavailable"),
    "504": (response("504 Gateway Timeout", LEAKY, CANARY.encode()), "upstream-timeout"),
    "599": (response("599 Canary", LEAKY, CANARY.encode()), "upstream-failed"),
    "999": (response("999 Canary", LEAKY, CANARY.encode()), "upstream-failed"),
    "not HTTP": (b"220 canary ESMTP\r\n\r\n", None),
    "another protocol": (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: canary\r\nConnection: upgrade\r\n\r\ncanary",
        None,
    ),
    "a hundred and one headers": (response(headers=[PNG, *[("X-Canary", CANARY)] * 101]), None),
    "a header of a megabyte": (response(headers=[PNG, ("X-Canary", "canary" * 170000)]), None),
    "an empty name": (response(headers=[PNG, ("", CANARY)]), None),
    "a name of bytes that are no text": (response(headers=[PNG, ("x-\xff", CANARY)]), None),
    "two lengths": (response(headers=[PNG, ("Content-Length", "78"), ("Content-Length", "7")]), None),
    "a length that is no number": (response(headers=[PNG, ("Content-Length", "canary")]), None),
    "nothing, and closes": (b"", "upstream-unavailable"),
    "half a header, and closes": (b"HTTP/1.1 200 OK\r\nX-Canary: can", None),
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", REPLACED)
def test_replaced_as_a_whole(name: str, method: str, stubbed: Stubbed) -> None:
    sent, reason = REPLACED[name]
    answer = ask(stubbed, request(method=method), behaviour=sent)
    # How Envoy calls what is not HTTP differs between its versions; that it is an upstream's fault does not.
    reason = reason or answer.reason
    assert reason and reason.startswith("upstream-") or REPLACED[name][1], f"\n{answer}"
    contract.check_refused(
        answer, stubbed[0], reason, contract.UPSTREAM_STATUS[reason], head=method == "HEAD"
    )
    serves_others(stubbed)


@pytest.mark.parametrize("interim", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_informational_answers_of_the_resizer_do_not_go_on(interim: str, stubbed: Stubbed) -> None:
    hint = f"HTTP/1.1 {interim}\r\nLink: <http://{origin.HOST}{origin.BASE}>; rel=preload\r\n\r\n".encode()
    check_picture(ask(stubbed, behaviour=hint + response()), stubbed)
    serves_others(stubbed)


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + end
    return response(headers=[PNG, ("Transfer-Encoding", "chunked"), ("Trailer", "X-Canary")], body=body)


def check_chunked(answer: Answer) -> None:
    """A picture whose length nobody knew when its headers went out."""
    assert (answer.status, answer.body) == (200, png()), f"\n{answer}"
    assert answer.names - {"transfer-encoding"} <= contract.SERVED, f"\n{answer}"


TRAILERS = f"0\r\nX-Canary: {CANARY}\r\nX-Bytes: \xff\r\n\r\n".encode("latin-1")


def test_trailers_do_not_go_on(stubbed: Stubbed) -> None:
    check_chunked(ask(stubbed, behaviour=chunked(png()[:40], png()[40:], end=TRAILERS)))
    serves_others(stubbed)


def test_trailers_that_reach_the_module_do_not_go_on(roomy: Stubbed) -> None:
    """Envoy drops trailers of HTTP/1.1 unless told otherwise; here it is, and HTTP/2 could carry them on."""
    stack, upstream = roomy
    upstream.behaves(chunked(png(), end=TRAILERS))
    with Connection2(stack.ports.edge) as connection:
        stream = connection.ask(pseudo())
    assert stream.answer.body == png() and stream.trailers == [], f"{stream}"
    serves_others(roomy)


def test_head_of_a_picture_of_unknown_length(stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    upstream.behaves(chunked(png()))
    with Connection(stack.ports.edge) as connection:
        head = connection.ask(request(method="HEAD"))
        assert (head.status, head.one("content-length")) == (200, None), f"\n{head}"
        check_chunked(connection.ask(request()))  # had HEAD a body, it would be in front of this
    serves_others(stubbed)


def test_head_of_a_large_picture_has_no_body(stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    upstream.behaves(response(body=png() + b"\0" * 3_000_000))
    with Connection(stack.ports.edge) as connection:
        head = connection.ask(request(method="HEAD"))
        assert head.one("content-length") == "3000078", f"\n{head}"
        again = connection.ask(request())
        assert len(again.body) == 3_000_078, f"\n{again}"
    serves_others(stubbed)


def in_pieces(connection: socket.socket, data: bytes, size: int, pause: float) -> None:
    for start in range(0, len(data), size):
        connection.sendall(data[start : start + size])
        time.sleep(pause)


def test_an_answer_in_small_pieces(stubbed: Stubbed) -> None:
    check_picture(ask(stubbed, behaviour=partial(in_pieces, data=response(), size=7, pause=0.002)), stubbed)


def test_a_picture_that_breaks_off_is_not_passed_off_as_whole(stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    for broken in (response()[:-30], chunked(png()[:40], end=b"")):
        upstream.behaves(broken)
        with Connection(stack.ports.edge) as connection:
            connection.send(request())
            with pytest.raises(Closed):
                connection.answer()
    serves_others(stubbed)


def test_a_resizer_that_does_not_answer(stubbed: Stubbed) -> None:
    answer = ask(stubbed, behaviour=lambda connection: connection.recv(1))
    contract.check_refused(answer, stubbed[0], "upstream-timeout", 504)
    serves_others(stubbed)


def test_a_resizer_that_stops_in_the_middle(stubbed: Stubbed) -> None:
    def stops(connection: socket.socket) -> None:
        connection.sendall(response()[:-30])
        connection.recv(1)

    stack, upstream = stubbed
    upstream.behaves(stops)
    with Connection(stack.ports.edge) as connection:
        connection.send(request())
        with pytest.raises(Closed):
            connection.answer()
    serves_others(stubbed)


def test_what_the_resizer_has_begun_is_not_asked_again(stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    contract.check_refused(ask(stubbed, behaviour=b""), stack, "upstream-unavailable", 503)
    assert len(upstream.asked) == 1, f"{upstream.asked}"
