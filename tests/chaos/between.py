"""A TCP proxy between Envoy and an upstream, that slows, holds, cuts and refuses when it is told to.

It knows nothing of HTTP: what it does to an answer, a bad network does. Each connection has two threads. What a fault was
doing to a connection ends with the fault.
"""

import socket
import struct
import threading
import time
from contextlib import suppress
from enum import Enum, auto

PIECE = 16384


class Mode(Enum):
    """What becomes of what the upstream says."""

    PASS = auto()
    REFUSE = auto()  # nobody listens, and what is open is reset
    RESET = auto()  # connections are taken, and reset at the first byte of a request
    HOLD = auto()  # nothing gets through, in either direction, until it ends
    DRIBBLE = auto()  # a few bytes at a time
    CUT = auto()  # each answer ends in its body


class Between:
    """A context manager; `mode` may be changed at any time by `becomes`."""

    def __init__(self, port: int, upstream: int) -> None:
        self.port, self.upstream, self.mode = port, upstream, Mode.PASS
        self.piece, self.pause = 256, 0.1  # of DRIBBLE: 2.5 kB a second
        self.most = 3000  # of CUT: bytes of an answer, headers included
        self.listener: socket.socket | None = None
        self.connections: set[socket.socket] = set()
        self.lock = threading.Lock()

    def __enter__(self) -> "Between":
        self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.mode = Mode.REFUSE
        self._hang_up()

    def becomes(self, mode: Mode) -> None:
        before, self.mode = self.mode, mode
        if mode is Mode.REFUSE:
            self._hang_up()
        elif before is Mode.REFUSE:
            self._listen()

    def _listen(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _hang_up(self) -> None:
        if self.listener:
            # Closing alone would leave the thread in accept(), and the port with it.
            with suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        with self.lock:
            open_ones = list(self.connections)
        for connection in open_ones:
            reset(connection)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = listener.accept()
                near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self.upstream), timeout=5)
        except OSError:  # the upstream is down: so is this connection, at once
            reset(near)
            near.close()
            return
        far.settimeout(None)
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.connections |= {near, far}
        back = threading.Thread(target=self._answers, args=(far, near), daemon=True)
        back.start()
        self._requests(near, far)
        back.join()
        with self.lock:
            self.connections -= {near, far}
        near.close()
        far.close()

    def _requests(self, near: socket.socket, far: socket.socket) -> None:
        """From Envoy to the upstream."""
        with suppress(OSError):
            while data := near.recv(PIECE):
                self._wait()
                if self.mode is Mode.RESET:
                    reset(near)
                    reset(far)
                    return
                far.sendall(data)
        with suppress(OSError):
            far.shutdown(socket.SHUT_WR)

    def _answers(self, far: socket.socket, near: socket.socket) -> None:
        """From the upstream to Envoy."""
        sent = 0
        with suppress(OSError):
            while data := far.recv(PIECE):
                self._wait()
                if self.mode is not Mode.CUT:
                    self._send(near, data)
                    sent = 0
                    continue
                near.sendall(data[: self.most - sent])
                sent += len(data)
                if sent >= self.most:
                    break
        for connection in (near, far):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _send(self, near: socket.socket, data: bytes) -> None:
        while data and self.mode is Mode.DRIBBLE:
            near.sendall(data[: self.piece])
            data = data[self.piece :]
            time.sleep(self.pause)
        near.sendall(data)

    def _wait(self) -> None:
        while self.mode is Mode.HOLD:
            time.sleep(0.01)


def reset(connection: socket.socket) -> None:
    """Ends a connection, and lets it be reset when it is closed, as a host that goes away does."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
