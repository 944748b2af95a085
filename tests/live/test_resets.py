"""Visitors who go away (I51): in every stage of a request, by either version of HTTP, also while a source is pushed.

They leave nothing behind that is under way, and others are served.
"""

import json
import socket
import struct
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from roles import Role
from stack import Stack
from test_push import PATH as PUSHED
from test_push import WHOLE, Pushing, policy, start
from upstream import png, response
from waiting import until
from wire import Connection, request
from wire2 import Connection2, pseudo


def end(connection: Connection, how: str) -> None:
    if how == "reset":  # no time to linger: the kernel sends RST instead of FIN
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.socket.close()


def active(stack: Stack) -> list[int]:
    """Requests that Envoy has under way: of visitors, and to upstreams."""
    names = "http.(edge|gate).downstream_rq_active|cluster.(resizer|photos).upstream_rq_active"
    with urllib.request.urlopen(f"{stack.admin_url}/stats?format=json&filter=^({names})$", timeout=5) as answer:
        return [stat["value"] for stat in json.load(answer)["stats"] if "value" in stat]


BIG = response(body=png().ljust(3_000_000, b"\0"))


def halfway(connection: socket.socket) -> None:
    connection.sendall(BIG[:200_000])
    connection.recv(1)


STAGES = {
    "in the headers": (lambda role: request(role.path)[:-9], None),
    "before the last byte of the headers": (lambda role: request(role.path)[:-1], None),
    "while the upstream works": (lambda role: request(role.path), lambda connection: connection.recv(1)),
    "while the answer stalls": (lambda role: request(role.path), halfway),
    "while the answer comes": (lambda role: request(role.path), BIG),
    "in the body of a refused request": (lambda role: request(role.path, body=b"abcdef")[:-3], None),
}


@pytest.mark.parametrize("how", ["closed", "reset"])
@pytest.mark.parametrize("stage", STAGES)
def test_i51_a_visitor_who_leaves_takes_his_request_with_him(stage: str, how: str, role: Role) -> None:
    data, behaviour = STAGES[stage]
    role.upstream.behaves(behaviour)
    for _ in range(10):
        connection = Connection(role.port)
        connection.send(data(role))
        if behaviour is not None:
            time.sleep(0.02)
        end(connection, how)
    until(lambda: not any(active(role.stack)), "nothing is under way")
    role.serves_others()


@pytest.mark.parametrize("stage", ["at once", "while the upstream works", "while the answer comes", "before its end"])
def test_i51_a_stream_that_is_reset_takes_its_request_with_it(stage: str, roles: dict[str, Role]) -> None:
    role = roles["edge"]
    role.upstream.behaves(BIG if stage == "while the answer comes" else lambda connection: connection.recv(1))
    with Connection2(role.port) as connection:
        for _ in range(20):
            if stage == "before its end":
                number = connection.codec.get_next_available_stream_id()
                connection.codec.send_headers(number, pseudo(), end_stream=False)
            else:
                connection.send(pseudo())
                number = max(connection.streams)
            if stage.startswith("while"):
                time.sleep(0.02)
            connection.codec.reset_stream(number, 8)  # CANCEL
            connection._flush()
        until(lambda: not any(active(role.stack)), "nothing is under way")
        role.upstream.behaves()
        assert connection.ask(pseudo()).answer.status == 200
    role.serves_others()


@pytest.fixture(scope="module")
def pushing() -> Iterator[Pushing]:
    with ExitStack() as exits:
        yield start(exits, policy())


@pytest.mark.parametrize("how", ["closed", "reset", "RST_STREAM"])
@pytest.mark.parametrize("waiting_for", ["origin", "resizer"])
def test_i51_a_visitor_who_leaves_a_pushed_picture(waiting_for: str, how: str, pushing: Pushing) -> None:
    go = threading.Event()

    def waits(connection: socket.socket) -> None:
        go.wait(5)
        connection.sendall(WHOLE if waiting_for == "origin" else response())

    pushing.origin.behaves(waits if waiting_for == "origin" else WHOLE)
    pushing.resizer.behaves(waits if waiting_for == "resizer" else None)
    asked = getattr(pushing, waiting_for).asked
    if how == "RST_STREAM":
        with Connection2(pushing.stack.ports.edge) as connection:
            streams = [connection.send(pseudo(PUSHED)) for _ in range(5)]
            until(lambda: len(asked) == len(streams), "all wait")
            for number in connection.streams:
                connection.codec.reset_stream(number, 8)
            connection._flush()
            until(lambda: not active(pushing.stack)[0], "nobody waits")
    else:
        connections = [Connection(pushing.stack.ports.edge) for _ in range(5)]
        for connection in connections:
            connection.send(request(PUSHED))
        until(lambda: len(asked) == len(connections), "all wait")
        for connection in connections:
            end(connection, how)
    go.set()
    until(lambda: not any(active(pushing.stack)), "nothing is under way")
    assert waiting_for == "resizer" or not pushing.resizer.asked, "what nobody waits for is not made"
    pushing.serves_others()
