"""Answers that leak nothing, in both roles: every known way in which an upstream shows itself, and some unknown ones.

The upstream is a stub that says what real ones say (`leaky_*.py`), with something secret in each. Expected is what
envoy/README.md documents (`documented.py`), in pinhole's words and under the names of `contract.py`. First comes the
scanner itself: one that finds nothing would let every test pass.
"""

import base64
import gzip
import random
import re
import string
import zlib

import pytest

import contract
import documented
import leaks
import wire
from documented import PICTURE, Outcome
from leaky_headers import FAMILIES, PATH, URL, Pairs
from leaky_servers import RESIZERS, SERVERS
from leaky_storage import STORAGE, LeakyAnswer
from origin import CANARY, HOST
from roles import Role
from upstream import chunked, png, response
from wire import Answer, request
from wire2 import Connection2, pseudo

SECRET = "secret.example.com"
PNG = ("Content-Type", "image/png")
ANSWERS = STORAGE | SERVERS | RESIZERS
EVERYTHING = [header for family in FAMILIES.values() for header in family]

# ---- the scanner, and what it is to find


@pytest.mark.parametrize(
    "text",
    [
        f"<p>{SECRET}</p>".encode(),
        SECRET.upper().encode(),
        b"%73%65%63%72%65%74%2e%65%78%61%6d%70%6c%65%2e%63%6f%6d",
        SECRET.encode().hex().upper().encode(),
        SECRET[::-1].encode(),
        *(base64.b64encode(b"x" * shift + SECRET.encode() + b"tail") for shift in range(4)),
        *(base64.urlsafe_b64encode(b"?" * shift + SECRET.encode()) for shift in range(4)),
    ],
)
def test_every_spelling_is_found(text: bytes) -> None:
    assert leaks.found_in(text, {"it": SECRET}) == ["it"]


def test_what_is_not_there_is_not_found() -> None:
    assert leaks.found_in(b"secret.example.org, " * 100, {"it": SECRET}) == []


def test_all_that_is_known_tells_something(role: Role) -> None:
    secrets = leaks.secrets_of(role.stack)
    for name, value in EVERYTHING:
        assert leaks.found_in(value.encode("latin-1"), secrets), f"{name}: {value} tells nothing"
    for name, known in ANSWERS.items():
        assert leaks.found_in(sent(known), secrets), f"{name!r} tells nothing"


# ---- known answers


def sent(known: LeakyAnswer) -> bytes:
    return response(known.status, known.headers, known.body)


def documented_outcome(known: LeakyAnswer, role: Role) -> Outcome:
    kind = dict(known.headers).get("Content-Type")
    return getattr(documented.row(int(known.status[:3]), kind), role.name)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", ANSWERS)
def test_of_a_known_answer_nothing_goes_on(name: str, method: str, role: Role) -> None:
    answer = role.ask(sent(ANSWERS[name]), method)
    role.check(answer, documented_outcome(ANSWERS[name], role), method)


def bare(answer: Answer) -> bytes:
    """The whole answer as it was on the wire, but for the time."""
    text, count = re.subn(rb"date: [^\r]*\r\n", b"", answer.head)
    assert count == 1, f"\n{answer}"
    return text + answer.body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_answers_for_one_reason_are_the_same_bytes(method: str, roles: dict[str, Role]) -> None:
    found: dict[Outcome, set[bytes]] = {}
    for known in ANSWERS.values():
        for role in roles.values():
            found.setdefault(documented_outcome(known, role), set()).add(bare(role.ask(sent(known), method)))
    found.pop(PICTURE)  # pictures of their own are not for a reason
    assert len(found) == 8 and all(len(texts) == 1 for texts in found.values()), found


def test_of_a_known_answer_nothing_goes_on_over_http2(roles: dict[str, Role]) -> None:
    edge = roles["edge"]
    with Connection2(edge.port) as connection:
        for known in ANSWERS.values():
            edge.upstream.behaves(sent(known))
            stream = connection.ask(pseudo())
            assert not stream.trailers, f"{stream}"
            edge.check(stream.answer, documented_outcome(known, edge))


# ---- headers


def disguised(headers: Pairs) -> Pairs:
    """Each of them twice, in some letter case and some order. pytest prints the seed where a test fails."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    twice = headers * 2
    chance.shuffle(twice)
    return [("".join(chance.choice((c.upper(), c.lower())) for c in name), value) for name, value in twice]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_header_of_a_known_family_goes_on(family: str, role: Role) -> None:
    data = response(headers=[PNG, *disguised(FAMILIES[family])])
    role.check(role.ask(data), PICTURE)
    role.check(role.ask(data, "HEAD"), PICTURE, "HEAD")
    role.check_asked("HEAD")


def test_no_known_header_goes_on_with_all_the_others(role: Role) -> None:
    """More than a thousand at once, which Envoy takes only where it is told to: `conftest.spacious`."""
    headers = disguised(EVERYTHING)
    role.check(role.ask(response(headers=[PNG, *headers])), PICTURE)
    role.check(role.ask(response("403 Forbidden", headers)), Outcome(502, "upstream-failed"))


def test_a_header_that_nobody_has_heard_of_does_not_go_on(role: Role) -> None:
    letters = string.ascii_letters + string.digits + "-!#$%&'*+.^`|~"
    names = ["X-Zz-" + "".join(random.choices(string.ascii_letters, k=12))]
    names += ["".join(random.choices(letters, k=random.randint(1, 40))) for _ in range(60)]
    print(names)
    role.check(role.ask(response(headers=[PNG, *[(name, f"{CANARY} {HOST}") for name in names]])), PICTURE)


@pytest.mark.parametrize("kind", [f"image/png; name={CANARY}", f"IMAGE/PNG;charset={HOST}", "image/x-png"])
def test_of_the_content_type_only_the_type_goes_on(kind: str, role: Role) -> None:
    role.check(role.ask(response(headers=[("Content-Type", kind)])), PICTURE)


def test_no_word_of_the_status_line_goes_on(role: Role) -> None:
    answer = role.ask(response(f"200 {HOST}: {CANARY}"))
    assert answer.head.startswith(b"HTTP/1.1 200 OK\r\n"), f"{answer.head}"
    role.check(answer, PICTURE)


# ---- what comes before an answer, and after it

HINT = f"Link: <{URL}>; rel=preload\r\nX-Canary: {CANARY}\r\n\r\n"
EARLY = {
    "100": [f"HTTP/1.1 100 Continue\r\n{HINT}"],
    "102": [f"HTTP/1.1 102 Processing\r\n{HINT}"],
    "103": [f"HTTP/1.1 103 Early Hints\r\n{HINT}"],
    "199": [f"HTTP/1.1 199 {CANARY}\r\n{HINT}"],
    "several": [f"HTTP/1.1 {status} {CANARY}\r\n{HINT}" for status in (103, 103, 102, 100)],
}


@pytest.mark.parametrize("early", EARLY)
def test_no_informational_answer_goes_on(early: str, role: Role) -> None:
    before = "".join(EARLY[early]).encode()
    role.check(role.ask(before + response()), PICTURE)
    role.check(role.ask(before + response(), "HEAD"), PICTURE, "HEAD")
    role.check(role.ask(before + response("404 Not Found")), Outcome(404, "source-not-found"))
    role.serves_others()


TRAILERS = f"X-Canary: {CANARY}\r\nLink: <{URL}>\r\nSet-Cookie: a={CANARY}\r\nX-Bytes: \xff\r\n"
END = f"0\r\n{TRAILERS}\r\n".encode("latin-1")


def test_no_trailer_goes_on(role: Role) -> None:
    """Envoy passes trailers on, from both upstreams and to both visitors: `conftest.spacious` makes it."""
    answer = role.ask(chunked(png()[:40], png()[40:], end=END))
    contract.check_streamed(answer, role.stack, png())
    gone = chunked(b"canary", status="404 Not Found", end=END)
    role.check(role.ask(gone), Outcome(404, "source-not-found"))
    role.serves_others()


def test_over_http2_nothing_comes_before_or_after_either(roles: dict[str, Role]) -> None:
    edge = roles["edge"]
    for headers in (FAMILIES["generic"], FAMILIES["Envoy"]):
        data = chunked(png(), headers=[PNG, *disguised(headers)], end=END)
        edge.upstream.behaves("".join(EARLY["several"]).encode() + data)
        with Connection2(edge.port) as connection:
            stream = connection.ask(pseudo())
        assert not stream.trailers, f"{stream}"
        contract.check_streamed(stream.answer, edge.stack, png())


# ---- bodies

LEAKY_BODY = f"<Error><HostId>{HOST}</HostId><Key>{PATH}</Key><Id>{CANARY}</Id></Error>".encode() * 20
PACKED = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "x-gzip": gzip.compress,
    "br": lambda body: b"\x1b" + body,  # whatever it holds, nobody opens it
    "identity, gzip": gzip.compress,
    CANARY: bytes,
}


@pytest.mark.parametrize("coding", PACKED)
def test_no_packed_body_goes_on(coding: str, role: Role) -> None:
    accepted = [("accept-encoding", "gzip, deflate, br")]
    not_an_image = Outcome(502, "not-an-image")
    for status, kind, body, outcome in (
        ("200 OK", "image/png", png(), not_an_image),
        ("200 OK", "text/html", LEAKY_BODY, not_an_image),
        ("404 Not Found", "application/xml", LEAKY_BODY, Outcome(404, "source-not-found")),
        ("403 Forbidden", "application/json", LEAKY_BODY, Outcome(502, "upstream-failed")),
    ):
        headers = [("Content-Type", kind), ("Content-Encoding", coding), ("Vary", "Accept-Encoding")]
        packed = PACKED[coding](body)
        for data in (response(status, headers, packed), chunked(packed, status=status, headers=headers)):
            role.check(role.ask(data, headers=accepted), outcome)
            role.check(role.ask(data, "HEAD", accepted), outcome, "HEAD")


def test_a_coding_that_is_none_is_not_named(role: Role) -> None:
    role.check(role.ask(response(headers=[PNG, ("Content-Encoding", "identity")])), PICTURE)


@pytest.mark.parametrize("size", [0, 1, 30, 31, 100_000])
def test_no_body_of_an_error_goes_on_whatever_its_length(size: int, role: Role) -> None:
    body = (LEAKY_BODY * 60)[:size]
    for data in (response("500 Oops", body=body), chunked(body[:31], body[31:], status="500 Oops")):
        role.check(role.ask(data), Outcome(502, "upstream-failed"))
    role.serves_others()


# ---- answers to what nobody asked

CONDITIONS = {
    "a range": [("range", "bytes=0-9")],
    "ranges": [("range", "bytes=0-9,20-29"), ("if-range", f'"{CANARY}"')],
    "a range outside": [("range", "bytes=9999999-")],
    "a validator": [("if-none-match", f'"{CANARY}", W/"x"')],
    "a time": [("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT")],
    "what must be so": [
        ("if-match", f'"{CANARY}"'),
        ("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ],
}
PARTS = (
    f"--{CANARY}\r\nContent-Type: image/png\r\nContent-Range: bytes 0-9/4711\r\n\r\n".encode() + png()[:10]
)
PARTIAL = {
    "206": (
        response("206 Partial Content", [PNG, ("Content-Range", "bytes 0-9/78")], png()[:10]),
        "upstream-failed",
    ),
    "206 in parts": (
        response(
            "206 Partial Content", [("Content-Type", f"multipart/byteranges; boundary={CANARY}")], PARTS
        ),
        "upstream-failed",
    ),
    "200 in parts": (
        response(headers=[("Content-Type", f"multipart/byteranges; boundary={CANARY}")], body=PARTS),
        "not-an-image",
    ),
    "304": (
        response("304 Not Modified", [("ETag", f'"{CANARY}"'), ("Content-Location", URL)], b""),
        "upstream-redirected",
    ),
    "412": (response("412 Precondition Failed", [("ETag", f'"{CANARY}"')], LEAKY_BODY), "upstream-failed"),
    "416": (
        response("416 Range Not Satisfiable", [("Content-Range", "bytes */4711"), PNG], LEAKY_BODY),
        "upstream-failed",
    ),
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions_and_ranges_are_told_to_no_upstream(condition: str, method: str, role: Role) -> None:
    whole = response(headers=[PNG, ("Accept-Ranges", "bytes"), ("ETag", f'"{CANARY}"')])
    role.check(role.ask(whole, method, CONDITIONS[condition]), PICTURE, method)
    role.check_asked(method)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", PARTIAL)
def test_no_part_of_a_picture_goes_on(name: str, method: str, role: Role) -> None:
    data, reason = PARTIAL[name]
    for headers in CONDITIONS.values():
        role.check(role.ask(data, method, headers), Outcome(502, reason), method)


# ---- another form


@pytest.mark.parametrize("kind", ["application/grpc", "application/grpc+proto"])
def test_who_speaks_grpc_gets_the_same_status_without_a_body(kind: str, role: Role) -> None:
    """Envoy has a form of its own for replies to gRPC: 200, and the text in `grpc-message`. It is not used."""
    headers = [("content-type", kind)]
    refused = wire.ask(role.port, request("/images/huge/a.jpg", headers=headers))
    expected = (404, "unknown-preset") if role.name == "edge" else (403, "not-sealed")
    found = role.ask(sent(STORAGE["S3: no such key"]), headers=headers)
    for answer, wanted in ((refused, expected), (found, (404, "source-not-found"))):
        assert (answer.status, answer.reason, answer.body) == (*wanted, b""), f"\n{answer}"
        assert answer.one("content-length") == "0" and answer.one("cache-control") == "no-store", f"\n{answer}"
        assert answer.names <= contract.REFUSED | contract.HOP, f"\n{answer}"
        leaks.check(answer, role.stack)
    role.check(role.ask(headers=headers), PICTURE)
