"""Connections to a running Envoy, and the stubs behind it, all in one event loop: an upstream request is seen before
the answer that comes of it. A connection has one request under way, so that no answer is taken for another's.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, InformationalResponseReceived, ResponseReceived
from h2.events import StreamEnded, StreamReset, TrailersReceived
from h2.exceptions import ProtocolError

from positions import Request
from upstream import response
from wire import Answer

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close\r\n", re.IGNORECASE)

Done = Callable[[Request, "Answer | None", bytes], None]  # None: closed without an answer; bytes that follow it


class Visitor(asyncio.Protocol):
    """An HTTP/1.1 connection."""

    def __init__(self, done: Done, gone: Callable[["Visitor"], None]) -> None:
        self.done, self.gone = done, gone
        self.asked: Request | None = None
        self.since = 0.0
        self.buffer = b""
        self.early: list[int] = []

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def ask(self, request: Request, now: float) -> None:
        self.asked, self.since, self.buffer, self.early = request, now, b"", []
        self.transport.write(request.data)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while self.asked and (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[: end + 4]
            status = int(head[9:12]) if head[9:12].isdigit() else 0
            if 100 <= status < 200:
                self.early.append(status)
                self.buffer = self.buffer[end + 4 :]
                continue
            length = LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < whole:
                return
            body, rest = self.buffer[end + 4 : whole], self.buffer[whole:]
            request, self.asked, self.buffer = self.asked, None, b""
            lines = head[:-4].decode("latin-1").split("\r\n")[1:]
            pairs = (line.partition(":") for line in lines)
            headers = [(name.lower(), value.strip()) for name, _, value in pairs]
            answer = Answer(request.data, status, headers, body, self.early, head)
            if CLOSES.search(head) or request.alone:
                self.close()
            self.done(request, answer, rest)

    def connection_lost(self, _: Exception | None) -> None:
        request, self.asked = self.asked, None
        self.gone(self)
        if request:
            self.done(request, None, self.buffer)

    def close(self) -> None:
        self.gone(self)
        self.transport.close()


class Visitor2(asyncio.Protocol):
    """An HTTP/2 connection. Nothing of what it is given to send is checked."""

    def __init__(self, done: Done, gone: Callable[["Visitor2"], None]) -> None:
        self.done, self.gone = done, gone
        self.asked: Request | None = None
        self.since = 0.0
        self.codec = H2Connection(
            H2Configuration(
                header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False
            )
        )

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.codec.initiate_connection()
        self._flush()

    def ask(self, request: Request, now: float) -> None:
        self.asked, self.since = request, now
        sent = b"\r\n".join(b"%s: %s" % pair for pair in request.data)
        self.answer = Answer(sent, 0, [], b"")
        self.stream = self.codec.get_next_available_stream_id()
        self.codec.send_headers(self.stream, request.data, end_stream=True)
        self._flush()

    def data_received(self, data: bytes) -> None:
        try:
            events = self.codec.receive_data(data)
        except ProtocolError:
            return self.close_lost()
        for event in events:
            self._note(event)
        self._flush()

    def _note(self, event: object) -> None:
        if isinstance(event, ConnectionTerminated):
            return self.close_lost()
        if getattr(event, "stream_id", 0) != getattr(self, "stream", -1) or not self.asked:
            return None
        answer = self.answer
        if isinstance(event, InformationalResponseReceived):
            answer.early.append(int(dict(event.headers)[b":status"]))
        elif isinstance(event, (ResponseReceived, TrailersReceived)):
            pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers]
            answer.headers += [pair for pair in pairs if pair[0] != ":status"]
            answer.status = int(dict(pairs).get(":status", answer.status))
        elif isinstance(event, DataReceived):
            answer.body += event.data
            self.codec.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, (StreamEnded, StreamReset)):
            request, self.asked = self.asked, None
            self.done(request, answer if answer.status else None, b"")
        return None

    def close_lost(self) -> None:
        self.connection_lost(None)
        self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        request, self.asked = self.asked, None
        self.gone(self)
        if request:
            self.done(request, self.answer if self.answer.status else None, b"")

    close = close_lost

    def _flush(self) -> None:
        with suppress(ProtocolError):
            if data := self.codec.data_to_send():
                self.transport.write(data)


class Stub(asyncio.Protocol):
    """One connection of Envoy to a stub, which says what it was asked and answers the good picture."""

    PICTURE = response(connection="keep-alive")

    def __init__(self, asked: Callable[[bytes], None]) -> None:
        self.asked, self.buffer = asked, b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head, self.buffer = self.buffer[: end + 4], self.buffer[end + 4 :]
            self.asked(head)
            self.transport.write(self.PICTURE)
