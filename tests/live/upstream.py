"""A stub in the resizer's or the origin's place: it records what it is asked, and answers what a test gives it."""

import io
import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from PIL import Image


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (3, 2), (20, 110, 120)).save(out, "PNG")
    return out.getvalue()


def response(
    status: str = "200 OK",
    headers: list[tuple[str, str]] | tuple = (("Content-Type", "image/png"),),
    body: bytes | None = None,
    connection: str = "close",
) -> bytes:
    """The bytes of an answer; every character of a header stands for one byte."""
    body = png() if body is None else body
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
    if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
        lines.append(f"Content-Length: {len(body)}")
    lines.append(
        f"Connection: {connection}"
    )  # or Envoy might send the next request on it before it sees it end
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(
    *chunks: bytes,
    status: str = "200 OK",
    headers: list[tuple[str, str]] | tuple = (("Content-Type", "image/png"),),
    end: bytes = b"0\r\n\r\n",
) -> bytes:
    """An answer whose length nobody knows when its headers go out. `end` may hold trailers."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk) + end
    return response(status, [*headers, ("Transfer-Encoding", "chunked"), ("Trailer", "X-Canary")], body)


# Headers, after those of informational answers.
HEADS = re.compile(rb"(?:HTTP/1\.1 1.*?\r\n\r\n)*.*?\r\n\r\n", re.DOTALL)


def without_body(data: bytes) -> bytes:
    """What of an answer is sent to HEAD."""
    heads = HEADS.match(data)
    return heads[0] if heads else data


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes = b""


Behaviour = Callable[[socket.socket], None]


class Upstream:
    """A context manager. Each connection has a thread; a request is recorded before it is answered."""

    def __init__(self, port: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", port))
        self.asked: list[Asked] = []
        self.behaves()

    def __enter__(self) -> "Upstream":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone would leave the thread in accept(), and the port with it, until somebody connects.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def behaves(self, behaviour: Behaviour | bytes | None = None) -> None:
        """From now on: sends these bytes, or does this, and closes; None: a good picture, and stays open."""
        self.asked.clear()
        self.behaviour = behaviour

    def answer(self, asked: Asked) -> bytes:
        """The good picture."""
        return response(connection="keep-alive")

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            buffer = b""
            while True:
                while b"\r\n\r\n" not in buffer:
                    if not (data := connection.recv(65536)):
                        return
                    buffer += data
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                line, *rest = head.decode("latin-1").split("\r\n")
                pairs = (header.partition(":") for header in rest)
                headers = [(name.lower(), value.strip()) for name, _, value in pairs]
                length = int(dict(headers).get("content-length", 0))
                while len(buffer) < length:
                    if not (data := connection.recv(65536)):
                        return
                    buffer += data
                body, buffer = buffer[:length], buffer[length:]
                asked = Asked(line, headers, body)
                self.asked.append(asked)
                behaviour = self.behaviour
                if callable(behaviour):
                    behaviour(connection)
                    return
                answer = self.answer(asked) if behaviour is None else behaviour
                connection.sendall(without_body(answer) if line.startswith("HEAD ") else answer)
                if behaviour is not None:
                    return
