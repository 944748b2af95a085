"""What becomes of an upstream's answer: the table of envoy/README.md, row by row, and upstreams that break HTTP.

What such an answer could tell is `test_leaks.py`.
"""

import socket
import time
from functools import partial

import pytest

import contract
import documented
import origin
from documented import Row
from roles import Role
from stack import Stack
from through_stub import Stubbed, ask, serves_others
from upstream import chunked, png, response
from wire import Answer, Closed, Connection, request

CANARY = f"{origin.CANARY} on {origin.HOST}{origin.BASE}"
PNG = ("Content-Type", "image/png")


def check_picture(answer: Answer, stubbed: Stubbed) -> None:
    size = contract.check_served(answer, stubbed[0], "public, max-age=3600", None, "image/png")
    assert size == (3, 2), f"\n{answer}"


# ---- the table

# What "any other" means for the content type of a 200: none, several, no picture, or a picture in a coding.
OTHER_TYPES = [
    [],
    [PNG, ("Content-Type", "text/html")],
    [PNG, PNG],
    [PNG, ("Content-Encoding", "gzip")],
    *(
        [("Content-Type", kind)]
        for kind in (
            "",
            "image/",
            "image/jpegx",
            "image/*",
            "image/png, text/html",
            "image/png\r\n text/html",
            "image/svg+xml",
            "image/vnd.adobe.photoshop",
            "image/\xff",
            "text/html",
            "text/plain",
            "application/json",
            "application/octet-stream",
            "application/xml",
            "multipart/byteranges; boundary=a",
            "video/mp4",
        )
    ),
]
# Statuses of no class count as any other.
NUMBERS = {number: documented.row(number, None) for number in range(201, 600)}
NUMBERS |= {number: NUMBERS[599] for number in (600, 777, 999)}


def answers_of(row: Row) -> list[bytes]:
    """Every answer that the row is about."""
    if 200 in row.statuses and row.types:
        return [response(headers=[("Content-Type", kind)]) for kind in row.types]
    if row.statuses == {200}:
        return [response(headers=headers) for headers in OTHER_TYPES]
    numbers = [number for number, theirs in NUMBERS.items() if theirs is row]
    return [response(f"{number} Canary", body=b"" if number in (204, 304) else None) for number in numbers]


def test_the_table_knows_every_answer() -> None:
    answers = [len(answers_of(row)) for row in documented.rows() if row.statuses]
    assert all(answers) and sum(answers) == 5 + 5 + len(OTHER_TYPES) + len(NUMBERS), answers


@pytest.mark.parametrize("row", [row for row in documented.rows() if row.statuses], ids=lambda row: row.words)
def test_what_is_documented_is_what_becomes_of_it(row: Row, role: Role) -> None:
    outcome = getattr(row, role.name)
    for number, data in enumerate(answers_of(row)):
        kind = row.types[number] if row.types else "image/png"
        # HEAD: the stub has no picture of every type. For errors `test_leaks.py` shows that GET is the same.
        role.check(role.ask(data, "HEAD"), outcome, "HEAD", kind)
    role.serves_others()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "row", [row for row in documented.rows() if not row.statuses], ids=lambda row: row.words
)
def test_what_is_documented_is_what_becomes_of_none(row: Row, method: str, role: Role) -> None:
    behaviour = {
        "no answer, but an end": b"",
        "no answer in time": lambda connection: connection.recv(1),
    }[row.words]
    role.check(role.ask(behaviour, method), getattr(row, role.name), method)
    role.serves_others()


@pytest.mark.parametrize(
    "alias, kind", [("jpg", "jpeg"), ("pjpeg", "jpeg"), ("x-png", "png"), ("JPEG", "jpeg")]
)
def test_other_names_of_a_type(alias: str, kind: str, role: Role) -> None:
    data = response(headers=[("Content-Type", f"image/{alias}; a=b")])
    role.check(role.ask(data, "HEAD"), documented.PICTURE, "HEAD", f"image/{kind}")


# ---- what is not HTTP

BROKEN = {
    "not HTTP": b"220 canary ESMTP\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: canary\r\nConnection: upgrade\r\n\r\ncanary",
    "a header of a megabyte": response(headers=[PNG, ("X-Canary", "canary" * 170000)]),
    "an empty name": response(headers=[PNG, ("", CANARY)]),
    "a name of bytes that are no text": response(headers=[PNG, ("x-\xff", CANARY)]),
    "a value with a NUL": response(headers=[PNG, ("X-Canary", f"{CANARY}\0")]),
    "two lengths": response(headers=[PNG, ("Content-Length", "78"), ("Content-Length", "7")]),
    "a length that is no number": response(headers=[PNG, ("Content-Length", "canary")]),
    "a transfer coding": response(headers=[PNG, ("Transfer-Encoding", "gzip, chunked")], body=b"0\r\n\r\n"),
    "half a header, and closes": b"HTTP/1.1 200 OK\r\nX-Canary: can",
}


def check_failure(answer: Answer, stack: Stack, head: bool = False) -> None:
    """How Envoy calls what is not HTTP differs between its versions; that it is an upstream's fault does not."""
    assert answer.reason and answer.reason.startswith("upstream-"), f"\n{answer}"
    status = contract.UPSTREAM_STATUS[answer.reason]
    contract.check_refused(answer, stack, answer.reason, status, head)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_http_is_a_failure(name: str, method: str, role: Role) -> None:
    check_failure(role.ask(BROKEN[name], method), role.stack, method == "HEAD")
    role.serves_others()


def test_more_headers_than_envoy_takes_are_a_failure(stubbed: Stubbed) -> None:
    data = response(headers=[PNG, *[("X-Canary", CANARY)] * 101])
    check_failure(ask(stubbed, behaviour=data), stubbed[0])
    serves_others(stubbed)


# ---- bodies that come in pieces, break off, or do not come


def test_head_of_a_picture_of_unknown_length(stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    upstream.behaves(chunked(png()))
    with Connection(stack.ports.edge) as connection:
        head = connection.ask(request(method="HEAD"))
        assert (head.status, head.one("content-length")) == (200, None), f"\n{head}"
        contract.check_streamed(
            connection.ask(request()), stack, png()
        )  # had HEAD a body, it would be in front of this
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
