"""HTTP/2 by hand, with prior knowledge: the codec checks nothing of what it is given to send."""

import socket
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from wire import HOST, LIMIT, Answer

Pairs = list[tuple[bytes, bytes]]


def pseudo(path: str = "/images/small/landscape.jpg", method: str = "GET", authority: str = HOST) -> Pairs:
    """The four that a request begins with."""
    pairs = [(":method", method), (":scheme", "http"), (":authority", authority), (":path", path)]
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


@dataclass
class Stream:
    """One request, and what came back: an answer, or the code of a reset."""

    answer: Answer
    reset: int | None = None
    done: bool = False
    trailers: list = field(default_factory=list)


class Connection2:
    """A context manager; several requests may be under way at once."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        self.codec = H2Connection(
            H2Configuration(
                client_side=True,
                header_encoding=None,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=True,
            )
        )
        self.codec.initiate_connection()
        self.streams: dict[int, Stream] = {}
        self.ended = False

    def __enter__(self) -> "Connection2":
        self._flush()
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, headers: Pairs, body: bytes | None = None, trailers: Pairs | None = None) -> Stream:
        """Sends a request. Without body and trailers its headers end it."""
        number = self.codec.get_next_available_stream_id()
        sent = b"\r\n".join(name + b": " + value for name, value in headers)
        self.streams[number] = stream = Stream(Answer(sent, 0, [], b""))
        self.codec.send_headers(number, headers, end_stream=body is None and trailers is None)
        if body is not None:
            self.codec.send_data(number, body, end_stream=trailers is None)
        if trailers is not None:
            self.codec.send_headers(number, trailers, end_stream=True)
        self._flush()
        return stream

    def finish(self, stream: Stream) -> Stream:
        """Reads until the stream is done: answered, reset, or lost with its connection."""
        while not (stream.done or self.ended):
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                raise AssertionError(f"no answer within {LIMIT:.0f} s\n{stream.answer}") from None
            except ConnectionResetError:
                data = b""
            self.ended |= not data
            for event in self.codec.receive_data(data) if data else []:
                self._note(event)
            if not self.ended:
                self._flush()
        return stream

    def ask(self, headers: Pairs, body: bytes | None = None, trailers: Pairs | None = None) -> Stream:
        return self.finish(self.send(headers, body, trailers))

    def _note(self, event: object) -> None:
        if isinstance(event, ConnectionTerminated):
            self.ended = True
            return
        stream = self.streams.get(getattr(event, "stream_id", 0))
        if stream is None:
            return
        answer = stream.answer
        if isinstance(event, (ResponseReceived, InformationalResponseReceived)):
            pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers]
            status = int(dict(pairs)[":status"])
            if isinstance(event, InformationalResponseReceived):
                answer.early.append(status)
            else:
                answer.status, answer.headers = status, [pair for pair in pairs if pair[0] != ":status"]
        elif isinstance(event, DataReceived):
            answer.body += event.data
            self.codec.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, TrailersReceived):
            stream.trailers += event.headers
        elif isinstance(event, StreamReset):
            # NO_ERROR after the answer only says that the rest of the request is not wanted.
            stream.reset, stream.done = (event.error_code or None), True
        elif isinstance(event, StreamEnded):
            stream.done = True

    def _flush(self) -> None:
        if data := self.codec.data_to_send():
            self.socket.sendall(data)
