"""Requests in which two readers could see different ends: the ways of request smuggling, as bytes.

`{path}` is one that is served, `{other}` another: what would be smuggled asks for that one. Each has the statuses
that come back, in order: what Envoy's framing takes for requests, and no more. Belongs here: the bytes. What must
hold for all of them is `test_desync.py`.
"""

from typing import NamedTuple

HOST = b"Host: img.example.com"
CHUNKED = b"Transfer-Encoding: chunked"
SMUGGLED = b"GET {other} HTTP/1.1\r\nHost: img.example.com\r\n\r\n"
LENGTH = b"Content-Length: %d"


class Case(NamedTuple):
    """What is sent, and what comes back. `asked`: how often the upstream is asked for `{other}`, which is nought
    unless that is a request of its own to Envoy, too."""

    data: bytes
    statuses: list[int]
    asked: int = 0


def head(*headers: bytes, line: bytes = b"GET {path} HTTP/1.1", end: bytes = b"\r\n") -> bytes:
    return end.join([line, HOST, *headers, b"", b""])


def post(*headers: bytes) -> bytes:
    return head(*headers, line=b"POST {path} HTTP/1.1")


def sized(extra: int = 0) -> bytes:
    """The length of what is smuggled, which the paths of a test replace; see `fill`."""
    return b"Content-Length: {length%+d}" % extra


def chunk(data: bytes) -> bytes:
    return b"{size:" + data + b"}\r\n" + data + b"\r\n"


def fill(data: bytes, path: bytes, other: bytes) -> bytes:
    """The bytes for these paths."""
    smuggled = SMUGGLED.replace(b"{other}", other)
    data = data.replace(b"{size:" + SMUGGLED + b"}", b"%x" % len(smuggled))
    for extra in range(-9, 10):
        data = data.replace(b"{length%+d}" % extra, b"%d" % (len(smuggled) + extra))
    return data.replace(b"{path}", path).replace(b"{other}", other)


END = b"0\r\n\r\n"

# Two lengths, or a length and chunks.
LENGTHS = {
    "CL.TE": Case(post(b"Content-Length: 5", CHUNKED) + END + SMUGGLED, [400]),
    "TE.CL": Case(post(CHUNKED, b"Content-Length: 4") + chunk(SMUGGLED) + END, [400]),
    "CL.TE in GET": Case(head(b"Content-Length: 5", CHUNKED) + END + SMUGGLED, [400]),
    "CL.TE with no length": Case(head(b"Content-Length: 0", CHUNKED) + END + SMUGGLED, [400]),
    "CL.0": Case(post(sized()) + SMUGGLED, [405]),
    "CL.0 in GET": Case(head(sized()) + SMUGGLED, [400]),
    "0.CL": Case(head(b"Content-Length: 44") + SMUGGLED, [400]),
    "0.CL, all but a byte": Case(head(sized(+1)) + SMUGGLED, [400]),
    "a byte too little": Case(head(sized(-1)) + SMUGGLED, [400]),
    "no length, and a request": Case(head(b"Content-Length: 0") + SMUGGLED, [200, 200], 1),
    "no length in POST, and a request": Case(post(b"Content-Length: 0") + SMUGGLED, [405, 200], 1),
    "POST without a length": Case(post() + SMUGGLED, [405, 200], 1),
    "the same length twice": Case(head(b"Content-Length: 0", b"Content-Length: 0") + SMUGGLED, [400]),
    "two lengths": Case(head(b"Content-Length: 0", sized()) + SMUGGLED, [400]),
    "two lengths, the first the longer": Case(head(sized(), b"Content-Length: 0") + SMUGGLED, [400]),
    "two lengths in one": Case(head(b"Content-Length: 0, 44") + SMUGGLED, [400]),
    "one length twice in one": Case(head(b"Content-Length: 0, 0") + SMUGGLED, [400]),
    "two lengths and a blank": Case(head(b"Content-Length: 0 44") + SMUGGLED, [400]),
    "a plus": Case(head(b"Content-Length: +0") + SMUGGLED, [400]),
    "a minus": Case(head(b"Content-Length: -0") + SMUGGLED, [400]),
    "zeros in front": Case(head(b"Content-Length: 0000") + SMUGGLED, [200, 200], 1),
    "hexadecimal": Case(head(b"Content-Length: 0x0") + SMUGGLED, [400]),
    "a fraction": Case(head(b"Content-Length: 0.0") + SMUGGLED, [400]),
    "an exponent": Case(head(b"Content-Length: 0e1") + SMUGGLED, [400]),
    "an underscore": Case(head(b"Content-Length: 4_4") + SMUGGLED, [400]),
    "more than 64 bits": Case(head(b"Content-Length: 18446744073709551616") + SMUGGLED, [400]),
    "the most of 64 bits": Case(head(b"Content-Length: 18446744073709551615") + SMUGGLED, [400]),
    "a hundred digits": Case(head(b"Content-Length: " + b"9" * 100) + SMUGGLED, [400]),
    "an empty length": Case(head(b"Content-Length:") + SMUGGLED, [400]),
    "a blank behind the name": Case(head(b"Content-Length : 44") + SMUGGLED, [400]),
    "a tab behind the name": Case(head(b"Content-Length\t: 44") + SMUGGLED, [400]),
    "a tab before the length": Case(head(b"Content-Length:\t0\t") + SMUGGLED, [200, 200], 1),
    "a vertical tab before the length": Case(head(b"Content-Length: \x0b44") + SMUGGLED, [400]),
    "a NUL behind the length": Case(head(b"Content-Length: 0\0") + SMUGGLED, [400]),
    "a digit of another script": Case(head(b"Content-Length: \xd9\xa0") + SMUGGLED, [400]),
    "an underscore in the name": Case(head(b"Content_Length: 44") + SMUGGLED, [400]),
    "a folded length": Case(head(b"Content-Length:\r\n 0") + SMUGGLED, [200, 200], 1),
    "a nominated length": Case(head(b"Connection: content-length", sized()) + SMUGGLED, [400]),
}

# Transfer codings that one reader takes for chunked and another does not. A GET with chunks is refused, and nothing
# that follows it is read.
CODINGS = {
    "chunks": Case(head(CHUNKED) + END + SMUGGLED, [400]),
    "chunks that hold a request": Case(head(CHUNKED) + chunk(SMUGGLED) + END, [400]),
    "POST with chunks": Case(post(CHUNKED) + END + SMUGGLED, [405]),
    "in capitals": Case(head(b"TRANSFER-ENCODING: CHUNKED") + END + SMUGGLED, [400]),
    "a blank behind the name": Case(head(b"Transfer-Encoding : chunked") + END + SMUGGLED, [400]),
    "a tab behind the name": Case(head(b"Transfer-Encoding\t: chunked") + END + SMUGGLED, [400]),
    "a tab before the value": Case(head(b"Transfer-Encoding:\tchunked") + END + SMUGGLED, [400]),
    "a vertical tab before the value": Case(head(b"Transfer-Encoding: \x0bchunked") + END + SMUGGLED, [400]),
    "a form feed behind the value": Case(head(b"Transfer-Encoding: chunked\x0c") + END + SMUGGLED, [400]),
    "a NUL behind the value": Case(head(b"Transfer-Encoding: chunked\0") + END + SMUGGLED, [400]),
    "a no-break space": Case(head(b"Transfer-Encoding: \xa0chunked") + END + SMUGGLED, [501]),
    "a letter in front": Case(head(b"Transfer-Encoding: xchunked") + END + SMUGGLED, [501]),
    "a letter behind": Case(head(b"Transfer-Encoding: chunkedx") + END + SMUGGLED, [501]),
    "in quotation marks": Case(head(b'Transfer-Encoding: "chunked"') + END + SMUGGLED, [501]),
    "with a parameter": Case(head(b"Transfer-Encoding: chunked;q=1") + END + SMUGGLED, [501]),
    "twice": Case(head(CHUNKED, CHUNKED) + END + SMUGGLED, [501]),
    "twice in one": Case(head(b"Transfer-Encoding: chunked, chunked") + END + SMUGGLED, [501]),
    "before identity": Case(head(b"Transfer-Encoding: chunked, identity") + END + SMUGGLED, [501]),
    "behind identity": Case(head(b"Transfer-Encoding: identity, chunked") + END + SMUGGLED, [501]),
    "behind gzip": Case(head(b"Transfer-Encoding: gzip, chunked") + END + SMUGGLED, [501]),
    "and then another": Case(head(CHUNKED, b"Transfer-Encoding: x") + END + SMUGGLED, [501]),
    "a comma behind": Case(head(b"Transfer-Encoding: chunked,") + END + SMUGGLED, [501]),
    "a comma in front": Case(head(b"Transfer-Encoding: ,chunked") + END + SMUGGLED, [501]),
    "none": Case(head(b"Transfer-Encoding:") + SMUGGLED, [501]),
    "identity": Case(head(b"Transfer-Encoding: identity", sized()) + SMUGGLED, [400]),
    "folded": Case(head(b"Transfer-Encoding:\r\n chunked") + END + SMUGGLED, [400]),
    "folded name": Case(head(b"Transfer-Encoding\r\n : chunked") + END + SMUGGLED, [400]),
    "hidden in a fold": Case(head(b"X: y\r\n Transfer-Encoding: chunked") + SMUGGLED, [200, 200], 1),
    "behind a line feed": Case(head(b"X: y\nTransfer-Encoding: chunked") + END + SMUGGLED, [400]),
    "behind a carriage return": Case(head(b"X: y\rTransfer-Encoding: chunked") + END + SMUGGLED, [200, 400]),
    "a NUL in the name": Case(head(b"Transfer\0-Encoding: chunked") + END + SMUGGLED, [400]),
    "an underscore in the name": Case(head(b"Transfer_Encoding: chunked") + END + SMUGGLED, [400]),
    "nominated": Case(head(b"Connection: transfer-encoding", CHUNKED) + END + SMUGGLED, [400]),
    "as TE": Case(head(b"TE: chunked") + SMUGGLED, [200, 200], 1),
}


def chunks(data: bytes) -> Case:
    """Chunks that are none, in a GET: it is refused with the same 400 before they are looked at, and after."""
    return Case(head(CHUNKED) + data + SMUGGLED, [400])


CHUNKS = {
    "an extension": chunks(b"1;a=b\r\nx\r\n" + END),
    "an extension with a line feed": chunks(b"1;a\nx\r\n" + END),
    "an extension with quotation marks": chunks(b'1;a="\r\nx\r\n' + END),
    "a long extension": chunks(b"1;" + b"a" * 20000 + b"\r\nx\r\n" + END),
    "a line feed behind the size": chunks(b"1\nx\r\n" + END),
    "a carriage return behind the size": chunks(b"1\rx\r\n" + END),
    "a line feed behind the data": chunks(b"1\r\nx\n" + END),
    "other bytes behind the data": chunks(b"1\r\nxyz" + END),
    "a plus": chunks(b"+1\r\nx\r\n" + END),
    "0x": chunks(b"0x1\r\nx\r\n" + END),
    "an underscore": chunks(b"1_0\r\nx\r\n" + END),
    "a blank behind the size": chunks(b"1 \r\nx\r\n" + END),
    "a size of more than 64 bits": chunks(b"10000000000000001\r\nx\r\n" + END),
    "an empty size": chunks(b"\r\nx\r\n" + END),
    "zeros in front": chunks(b"0000000000000000000000001\r\nx\r\n" + END),
    "an end of line feeds": chunks(b"0\n\n"),
    "a request in the trailers": chunks(b"0\r\n" + SMUGGLED.replace(b"\r\n\r\n", b"\r\n")),
    "a length in the trailers": chunks(b"0\r\n" + sized() + b"\r\n\r\n"),
}

# The first line, and what stands around it.
LINES = {
    "empty lines in front": Case(b"\r\n\r\n" + head() + SMUGGLED, [200, 200], 1),
    "two blanks": Case(head(line=b"GET  {path} HTTP/1.1") + SMUGGLED, [200, 200], 1),
    "a tab": Case(head(line=b"GET\t{path} HTTP/1.1") + SMUGGLED, [200, 200], 1),
    "a blank in front": Case(head(line=b" GET {path} HTTP/1.1") + SMUGGLED, [400]),
    "a blank behind": Case(head(line=b"GET {path} HTTP/1.1 ") + SMUGGLED, [200, 200], 1),
    "in lower case": Case(head(line=b"get {path} HTTP/1.1") + SMUGGLED, [400]),
    "a version in lower case": Case(head(line=b"GET {path} http/1.1") + SMUGGLED, [400]),
    "a version of two digits": Case(head(line=b"GET {path} HTTP/1.10") + SMUGGLED, [400]),
    "a zero before the version": Case(head(line=b"GET {path} HTTP/01.1") + SMUGGLED, [400]),
    "HTTP/2.0": Case(head(line=b"GET {path} HTTP/2.0") + SMUGGLED, [426]),
    "HTTP/1.0 that stays open": Case(head(b"Connection: keep-alive", line=b"GET {path} HTTP/1.0") + SMUGGLED, [426]),
    "HTTP/1.0 with chunks": Case(head(CHUNKED, line=b"GET {path} HTTP/1.0") + END + SMUGGLED, [426]),
    "HTTP/1.0 with a length": Case(head(sized(), line=b"GET {path} HTTP/1.0") + SMUGGLED, [426]),
    "HTTP/0.9": Case(b"GET {path}\r\n" + SMUGGLED, [426]),
    "a version in the path": Case(head(line=b"GET {path} HTTP/1.1 HTTP/1.1") + SMUGGLED, [400]),
    "a NUL in the path": Case(head(line=b"GET {path}\0 HTTP/1.1") + SMUGGLED, [400]),
    "a carriage return in the path": Case(head(line=b"GET {path}\r HTTP/1.1") + SMUGGLED, [200, 200], 1),
    "no slash": Case(head(line=b"GET canary HTTP/1.1") + SMUGGLED, [400]),
    "a question mark": Case(head(line=b"GET ? HTTP/1.1") + SMUGGLED, [400]),
    "another host in the target": Case(head(line=b"GET http://canary.example{path} HTTP/1.1"), [200]),
    "a target with a user": Case(head(line=b"GET http://a@b{path} HTTP/1.1") + SMUGGLED, [200, 200], 1),
    "OPTIONS *": Case(head(line=b"OPTIONS * HTTP/1.1") + SMUGGLED, [404, 200], 1),
    "GET *": Case(head(line=b"GET * HTTP/1.1") + SMUGGLED, [400]),
    "CONNECT, and a request": Case(head(line=b"CONNECT img.example.com:443 HTTP/1.1") + SMUGGLED, [405]),
    "HTTP/2 behind a request": Case(head() + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SMUGGLED, [200, 400]),
}

# Lines of headers, and what ends them.
HEADERS = {
    "line feeds only": Case(head(end=b"\n") + SMUGGLED, [200, 200], 1),
    "a line feed among others": Case(head(b"A: b\nC: d") + SMUGGLED, [200, 200], 1),
    "a line feed twice ends it": Case(head(b"A: b\n\nGET {other} HTTP/1.1\r\nX: y"), [200, 400]),
    "carriage returns only": Case(head(end=b"\r") + SMUGGLED, [400]),
    "a carriage return in a value": Case(head(b"A: b\rc") + SMUGGLED, [200, 200], 1),
    "two carriage returns": Case(head(b"A: b\r") + SMUGGLED, [200, 200], 1),
    "a fold": Case(head(b"A: b\r\n c") + SMUGGLED, [200, 200], 1),
    "a fold of the first header": Case(b"GET {path} HTTP/1.1\r\n Host: a\r\n" + HOST + b"\r\n\r\n" + SMUGGLED, [400]),
    "a folded host": Case(b"GET {path} HTTP/1.1\r\nHost: img.example.com\r\n b\r\n\r\n" + SMUGGLED, [400]),
    "a line without a colon": Case(head(b"canary") + SMUGGLED, [400]),
    "a line of a colon": Case(head(b":") + SMUGGLED, [400]),
    "a name with a NUL": Case(head(b"A\0: b") + SMUGGLED, [400]),
    "a value with a NUL": Case(head(b"A: b\0") + SMUGGLED, [400]),
    "two hosts": Case(head(b"Host: canary.example") + SMUGGLED, [400]),
    "a host of two": Case(head(line=b"GET {path} HTTP/1.1\r\nHost: a, b") + SMUGGLED, [400]),
}

# What changes how a connection goes on.
CONNECTIONS = {
    "one after the other": Case(head() + SMUGGLED, [200, 200], 1),
    "closes, and another": Case(head(b"Connection: close") + SMUGGLED, [200]),
    "a body, and another": Case(head(b"Content-Length: 3") + b"abc" + SMUGGLED, [400]),
    "an expectation": Case(head(b"Expect: 100-continue") + SMUGGLED, [200, 200], 1),
    "an expectation and a length": Case(head(b"Expect: 100-continue", sized()) + SMUGGLED, [400]),
    "an expectation in POST": Case(post(b"Expect: 100-continue", sized()) + SMUGGLED, [405]),
    "an expectation twice": Case(head(b"Expect: 100-continue", b"Expect: 100-continue") + SMUGGLED, [400]),
    "an obscure expectation": Case(head(b"Expect: y 100-continue") + SMUGGLED, [400]),
    "an unknown expectation": Case(head(b"Expect: canary") + SMUGGLED, [400]),
    "a change to h2c": Case(head(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")
                            + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [200, 400]),
    "a change to h2c that is not nominated": Case(head(b"Upgrade: h2c") + SMUGGLED, [200, 200], 1),
    "a change to websocket": Case(head(b"Connection: Upgrade", b"Upgrade: websocket") + SMUGGLED, [403]),
    "a change to websocket with a length": Case(
        head(b"Connection: Upgrade", b"Upgrade: websocket", sized()) + SMUGGLED, [403]
    ),
    "a refusal, and another": Case(head(line=b"GET /nothing/here HTTP/1.1") + SMUGGLED, [404, 200], 1),
    "a kept proxy connection": Case(head(b"Proxy-Connection: keep-alive") + SMUGGLED, [200, 200], 1),
}

CASES = {
    f"{subject}: {name}": case
    for subject, cases in (
        ("length", LENGTHS), ("coding", CODINGS), ("chunk", CHUNKS), ("line", LINES), ("header", HEADERS),
        ("connection", CONNECTIONS),
    )
    for name, case in cases.items()
}

# Where the gate, which knows no paths but sealed ones, says something else.
AT_GATE = {"connection: a refusal, and another": [403, 200]}
