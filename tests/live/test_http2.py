"""The edge over HTTP/2: the same answers, and what only HTTP/2 lets a visitor send."""

import pytest

import contract
import versions
from through_stub import Stubbed, check_served, check_upstream, serves_others
from wire import Answer
from wire2 import Connection2, Pairs, Stream, pseudo


def ask(stubbed: Stubbed, headers: Pairs, **more: object) -> Stream:
    stack, upstream = stubbed
    upstream.behaves()
    with Connection2(stack.ports.edge) as connection:
        return connection.ask(headers, **more)


def answered(stream: Stream) -> Answer:
    assert stream.answer.status, f"no answer, reset {stream.reset}\n{stream.answer}"
    assert not stream.trailers, f"{stream.trailers}"
    return stream.answer


def test_a_picture(stubbed: Stubbed) -> None:
    check_served(answered(ask(stubbed, pseudo())), stubbed)


def test_head_tells_what_get_would(stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    upstream.behaves()
    with Connection2(stack.ports.edge) as connection:
        get = answered(connection.ask(pseudo()))
        head = answered(connection.ask(pseudo(method="HEAD")))
        again = answered(connection.ask(pseudo()))
    assert (head.status, head.body) == (200, b"") and again.body == get.body
    without_date = [[pair for pair in answer.headers if pair[0] != "date"] for answer in (get, head, again)]
    assert without_date[0] == without_date[1] == without_date[2]


def test_many_streams_at_once(stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    upstream.behaves()
    paths = [
        ("/images/small/landscape.jpg", 200),
        ("/images/huge/landscape.jpg", 404),
        ("/photos/a?width=x", 400),
    ]
    with Connection2(stack.ports.edge) as connection:
        streams = [(connection.send(pseudo(path)), status) for path, status in paths * 10]
        for stream, status in streams:
            assert answered(connection.finish(stream)).status == status, f"\n{stream.answer}"


REFUSED = {
    "a preset that does not exist": (pseudo("/images/huge/a.jpg"), {}, "unknown-preset", 404),
    "GET that goes on": (pseudo(), {"body": b""}, "body-not-allowed", 400),
    "GET with a body": (pseudo(), {"body": b"canary"}, "body-not-allowed", 400),
    "GET with trailers": (
        pseudo(),
        {"trailers": [(b"x-pinhole-cluster", b"canary")]},
        "body-not-allowed",
        400,
    ),
    "POST with a body": (pseudo(method="POST"), {"body": b"canary"}, "method-not-allowed", 405),
    "a path of bytes that are no text": (pseudo("/images/small/\xff.jpg"), {}, "malformed-path", 400),
    "a path with a quotation mark": (pseudo('/photos/a?width="'), {}, "malformed-query", 400),
    "an authority with a comma": (pseudo(authority="a.example,b.example"), {}, "malformed-host", 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, stubbed: Stubbed) -> None:
    headers, more, reason, status = REFUSED[name]
    contract.check_refused(answered(ask(stubbed, headers, **more)), stubbed[0], reason, status)
    assert stubbed[1].asked == []
    serves_others(stubbed)


def check_not_served(stream: Stream) -> None:
    """Refused by Envoy: with an answer, or by resetting the stream, or the whole connection."""
    assert stream.answer.status == 0 or 400 <= stream.answer.status < 500, f"\n{stream.answer}"


def without(name: bytes) -> Pairs:
    return [pair for pair in pseudo() if pair[0] != name]


TWO_HOSTS = [*pseudo(), (b"host", b"a.example"), (b"host", b"b.example")]
NEVER = {
    "two paths": [*pseudo(), (b":path", b"/photos/a.jpg")],
    "two authorities": [*pseudo(), (b":authority", b"other.example.com")],
    "two methods": [*pseudo(), (b":method", b"HEAD")],
    "no path": without(b":path"),
    "no method": without(b":method"),
    "an empty path": pseudo(""),
    "an invented pseudo-header": [*pseudo(), (b":canary", b"1")],
    "a protocol, as for WebSockets": [*pseudo(method="CONNECT"), (b":protocol", b"websocket")],
    "a name in upper case": [*pseudo(), (b"X-Canary", b"1")],
    "a name with a line break": [*pseudo(), (b"x-canary\r\nx-pinhole-cluster", b"photos")],
    "a value with a line break": [*pseudo(), (b"x-canary", b"1\r\nx-pinhole-cluster: photos")],
    "a value with a NUL": [*pseudo(), (b"x-canary", b"1\0")],
    "a header of HTTP/1.1": [*pseudo(), (b"transfer-encoding", b"chunked")],
    "a name with an underscore": [*pseudo(), (b"x_amz_date", b"canary")],
    "a path with a blank": pseudo("/images/small/a b.jpg"),
    "a path with a line break": pseudo("/images/small/a\r\nx-pinhole-cluster: photos"),
    "a fragment": pseudo("/images/small/landscape.jpg#canary"),
    "an escaped slash": pseudo("/images/small/..%2flandscape.jpg"),
    "an absolute path": pseudo("http://img.example.com/images/small/landscape.jpg"),
    "an authority with user information": pseudo(authority="visitor@img.example.com"),
    "an authority with a blank": pseudo(authority="img example.com"),
}


@pytest.mark.parametrize("name", NEVER)
def test_never_reaches_the_resizer(name: str, stubbed: Stubbed) -> None:
    check_not_served(ask(stubbed, NEVER[name]))
    assert stubbed[1].asked == []
    serves_others(stubbed)


SERVED = {
    "header values of bytes that are no text": [
        *pseudo(),
        (b"accept", b"canary\xff\xfe"),
        (b"x-canary", b"\x80"),
    ],
    "ninety cookies": [*pseudo(), *[(b"cookie", b"session=canary")] * 90],
    "a cluster of the visitor's": [*pseudo(), (b"x-pinhole-cluster", b"canary")],
    "a host beside the authority": [*pseudo(), (b"host", b"canary.example")],
    "trailers wanted": [*pseudo(), (b"te", b"trailers")],
    "no authority, but a host": [*without(b":authority"), (b"host", b"img.example.com")],
}
# Before, Envoy dropped them like a single one.
(NEVER if versions.since("1.37") else SERVED)["two hosts beside the authority"] = TWO_HOSTS


@pytest.mark.parametrize("name", SERVED)
def test_served_like_any_other(name: str, stubbed: Stubbed) -> None:
    check_served(answered(ask(stubbed, SERVED[name])), stubbed)
    serves_others(stubbed)


def test_raw_text_in_a_path_is_encoded_by_envoy(stubbed: Stubbed) -> None:
    answer = answered(ask(stubbed, pseudo("/images/small/\xc3\xa9.jpg")))
    check_served(answer, stubbed, "/images/small/%C3%A9.jpg")


def test_thousands_of_cookies_reach_the_module(roomy: Stubbed) -> None:
    check_served(answered(ask(roomy, [*pseudo(), *[(b"cookie", b"session=canary")] * 3000])), roomy)
    serves_others(roomy)


def test_streams_that_are_reset_harm_nobody(stubbed: Stubbed) -> None:
    """Rapid reset, in small: requests that are cancelled as soon as they are sent."""
    stack, upstream = stubbed
    upstream.behaves(lambda connection: connection.recv(1))
    with Connection2(stack.ports.edge) as connection:
        for _ in range(50):
            connection.send(pseudo())
            connection.codec.reset_stream(max(connection.streams), 8)  # CANCEL
        connection._flush()
        upstream.behaves()
        assert answered(connection.ask(pseudo())).status == 200
    check_upstream(upstream.asked[-1:])
