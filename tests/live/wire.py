"""HTTP/1.1 by hand: what is sent is exactly what a test wrote, and what came back is shown where it fails."""

import socket
from dataclasses import dataclass, field

LIMIT = 15.0  # seconds for one answer; the slowest picture takes a tenth of one
HOST = "img.example.com"


@dataclass
class Answer:
    """One response, and the request that it answers."""

    sent: bytes
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    early: list[int] = field(default_factory=list)  # informational responses before it
    head: bytes = b""  # status line and headers as they came; HTTP/2 has no such text

    def all(self, name: str) -> list[str]:
        return [value for other, value in self.headers if other == name]

    def one(self, name: str) -> str | None:
        """The value of a header that occurs at most once."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} occurs {len(values)} times\n{self}"
        return values[0] if values else None

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.headers}

    @property
    def reason(self) -> str | None:
        return self.one("x-pinhole-reason")

    def text(self) -> bytes:
        """Everything of it that a visitor can read."""
        headers = "".join(f"{name}: {value}\n" for name, value in self.headers)  # with trailers
        return self.head + headers.encode("latin-1") + self.body

    def __str__(self) -> str:
        lines = [f"  > {line!r}"[:200] for line in self.sent[:4000].split(b"\r\n")[:40]]
        lines += [f"  < {self.status}", *(f"  < {name}: {value}"[:200] for name, value in self.headers)]
        return "\n".join([*lines, f"  < {len(self.body)} bytes: {self.body[:120]!r}"])


def request(
    path: str = "/images/small/landscape.jpg",
    method: str = "GET",
    authority: str | None = HOST,
    headers: list[tuple[str, str]] | tuple = (),
    body: bytes = b"",
    version: str = "HTTP/1.1",
) -> bytes:
    """The bytes of a request; every character stands for one byte."""
    lines = [f"{method} {path} {version}"]
    if authority is not None:
        lines.append(f"Host: {authority}")
    if body:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Closed(Exception):
    """The other side closed the connection before the answer was complete."""


class Connection:
    """A connection that stays open for as many requests as a test likes."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        self.buffer, self.sent = b"", b""

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.sent = data
        self.socket.sendall(data)

    def ask(self, data: bytes) -> Answer:
        self.send(data)
        return self.answer(head=data.startswith(b"HEAD "))

    def answer(self, head: bool = False) -> Answer:
        """Reads one answer, and no byte of the next. `head`: it answers HEAD, so no body follows."""
        early = []
        while True:
            block = self._until(b"\r\n\r\n")
            first, *lines = block.decode("latin-1").split("\r\n")
            status = int(first.split(" ")[1])
            if status >= 200 or status == 101:
                break
            early.append(status)
        headers = [
            (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
        ]
        answer = Answer(self.sent, status, headers, b"", early, block)
        if not head and status not in (204, 304):
            answer.body = self._body(answer)
        return answer

    def is_closed(self) -> bool:
        """Waits until the other side closes; False if it sends something, or nothing for long."""
        try:
            return not self.buffer and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def _body(self, answer: Answer) -> bytes:
        if (length := answer.one("content-length")) is not None:
            return self._exactly(int(length))
        if answer.one("transfer-encoding") != "chunked":
            return self._rest()
        body = b""
        while size := int(self._until(b"\r\n"), 16):
            body += self._exactly(size)
            self._until(b"\r\n")
        trailers = self._until(b"\r\n")
        while trailers:
            name, _, value = trailers.decode("latin-1").partition(":")
            answer.headers.append((f"trailer {name.lower()}", value.strip()))
            trailers = self._until(b"\r\n")
        return body

    def _until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            self._more()
        found, _, self.buffer = self.buffer.partition(end)
        return found

    def _exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            self._more()
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found

    def _rest(self) -> bytes:
        try:
            while True:
                self._more()
        except Closed:
            found, self.buffer = self.buffer, b""
            return found

    def _more(self) -> None:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        except TimeoutError:
            raise AssertionError(f"no answer within {LIMIT:.0f} s to {self.sent[:500]!r}") from None
        if not data:
            raise Closed(f"closed after {self.buffer[:200]!r}, in answer to {self.sent[:500]!r}")
        self.buffer += data


def ask(port: int, data: bytes) -> Answer:
    """One request on a connection of its own."""
    with Connection(port) as connection:
        return connection.ask(data)
