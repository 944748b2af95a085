"""A module that dies, and what those get whose requests it had: no request passes unchecked.

No request can kill the shipped module, so these run another (`killed.py`).
"""

import re
import socket
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

import leaks
import wire
from conftest import ROOT
from figures import publish
from killed import HEADER, SAID, TRAPPING, check_dead, kill, killable, killed, recovery, replaced
from roles import Role
from stack import MODULE
from through_stub import PATH, Stubbed, ask, check_served
from upstream import chunked, png, response
from waiting import until
from wire import Answer, Closed, Connection, request
from wire2 import Connection2, pseudo

WAYS = ("abort", "stack", "memory")
LEAKY = [("Content-Type", "image/png"), ("X-Canary", "canary"), ("Set-Cookie", "canary"), ("Location", "/canary")]


@pytest.fixture(scope="module")
def one_worker() -> Iterator[dict[str, Role]]:
    with killed() as roles:
        yield roles


# ---- only here


def test_the_shipped_module_has_nothing_of_it(stubbed: Stubbed) -> None:
    notice = b"this module has the feature `test-trap`"
    assert notice in TRAPPING.read_bytes() and notice not in MODULE.read_bytes()
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    assert manifest["features"] == {"test-trap": []}, "no feature is on by default"
    for how in WAYS:
        check_served(ask(stubbed, request(headers=[(HEADER, how)])), stubbed)


def test_no_shipped_file_fails_open() -> None:
    """Every filter says what happens where the module dies, and none lets requests through."""
    word = re.compile(r"(fail_?open|failure_?policy|fail_?strategy)[\"']?\s*[:=]\s*[\"']?(\w+)", re.IGNORECASE)
    shut = {"FAIL_RELOAD", "FAIL_CLOSE", "FAIL_CLOSED", "false"}
    said = Counter()
    for path in sorted((ROOT / "envoy").rglob("*")):
        if path.suffix in (".yaml", ".yml", ".json", ".py", ".md"):
            for name, value in word.findall(path.read_text()):
                assert value in shut, f"{path}: {name}: {value}"
                said[path] += 1
    for path in (ROOT / "envoy").rglob("*.yaml"):
        text = path.read_text()
        filters = len(re.findall(r"^ *root_id: (?:edge|gate)$", text, re.MULTILINE))
        assert said[path] == filters or "root_id" not in text, f"{path}: {filters} filters, {said[path]} policies"
    assert sum(said.values()) >= 18, f"{said}"


# ---- what those get who are there


class Wait(NamedTuple):
    """An upstream that answers when it is told to: nothing before that, or the first half."""

    go: threading.Event
    first: bytes
    rest: bytes

    def __call__(self, connection: socket.socket) -> None:
        connection.sendall(self.first)
        self.go.wait(10)
        connection.sendall(self.rest)


WHOLE = response(headers=LEAKY, body=png().ljust(100_000, b"\0"))
UNDER_WAY = {"that waits for headers": (b"", WHOLE), "that waits for the rest": (WHOLE[:50_000], WHOLE[50_000:])}


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("name", UNDER_WAY)
@pytest.mark.parametrize("where", ["edge", "gate"])
def test_a_request_is_ended_and_never_passed_on(where: str, name: str, how: str, one_worker: dict[str, Role]) -> None:
    """Two connections of HTTP/1.1, and two streams of HTTP/2, which the gate does not speak."""
    role = one_worker[where]
    first, rest = UNDER_WAY[name]
    behaviour = Wait(threading.Event(), first, rest)
    role.upstream.behaves(behaviour)
    with ExitStack() as exits:
        connections = [exits.enter_context(Connection(role.port)) for _ in range(2)]
        for connection in connections:
            connection.send(request(role.path))
        streams = []
        if where == "edge":
            newer = exits.enter_context(Connection2(role.port))
            streams = [newer.send(pseudo(role.path)) for _ in range(2)]
        until(lambda: len(role.upstream.asked) == len(connections + streams), "all of them wait")
        time.sleep(0.2)  # and have what there is
        kill(role, how)
        behaviour.go.set()
        for connection in connections:
            if not first:
                check_dead(role, connection.answer())
                continue
            with pytest.raises(Closed) as closed:
                connection.answer()
            assert "canary" not in str(closed.value)
        for stream in streams:
            newer.finish(stream)
            leaks.check(stream.answer, role.stack)
            assert "canary" not in str(stream.answer)
            if not first:
                check_dead(role, stream.answer)
            else:
                assert stream.reset and len(stream.answer.body) < 100_000, f"\n{stream.answer}"
    recovery(role)


OF_THE_UPSTREAM = {
    "headers": response(headers=[*LEAKY, (HEADER, "abort")]),
    "an error's headers": response("500 Canary", [*LEAKY, (HEADER, "abort")], b"canary"),
    "a redirect's headers": response("302 Canary", [*LEAKY, (HEADER, "abort")], b"canary"),
}


@pytest.mark.parametrize("name", OF_THE_UPSTREAM)
@pytest.mark.parametrize("where", ["edge", "gate"])
def test_an_answer_that_kills_it_is_not_passed_on(where: str, name: str, one_worker: dict[str, Role]) -> None:
    role = one_worker[where]
    check_dead(role, role.ask(OF_THE_UPSTREAM[name]))
    recovery(role)


@pytest.mark.parametrize("where", ["edge", "gate"])
@pytest.mark.parametrize("framing", [response, chunked])
def test_a_body_that_kills_it_is_broken_off(framing: Callable, where: str, one_worker: dict[str, Role]) -> None:
    role = one_worker[where]
    deadly = f"{HEADER}, canary".encode()
    data = response(body=deadly) if framing is response else chunked(deadly, end=b"0\r\nX-Canary: canary\r\n\r\n")
    role.upstream.behaves(data)
    with Connection(role.port) as connection:
        connection.send(request(role.path))
        try:
            # On a busy machine it may still be away from the kill before, or die before its headers have left.
            check_dead(role, connection.answer())
        except Closed as closed:
            assert "canary" not in str(closed).split("in answer to")[0], f"{closed}"
    recovery(role)


@pytest.mark.parametrize("where", ["edge", "gate"])
def test_a_module_that_is_busy_holds_its_worker_and_lives(where: str, one_worker: dict[str, Role]) -> None:
    role = one_worker[where]
    role.upstream.behaves()
    began = time.monotonic()
    answer = wire.ask(role.port, request(role.path, headers=[(HEADER, "loop")]))
    assert answer.status == 200 and time.monotonic() - began > 0.3, f"\n{answer}"
    role.serves_others()


# ---- pushed sources


def test_who_waits_for_a_pushed_picture_is_ended_by_the_idle_timeout() -> None:
    """The module that knew of him is gone, so the origin's answer reaches nobody. Envoy's limit is what is left."""
    from test_push import narrow, policy, start

    def configure(text: str) -> str:
        return replaced(narrow(killable(text)), "stream_idle_timeout: 30s", "stream_idle_timeout: 2s", 1)

    with ExitStack() as exits:
        pushing = start(exits, policy(origin_seconds=1), configure)
        answers: list[tuple[float, Answer]] = []
        wait = Wait(threading.Event(), b"", WHOLE)
        pushing.origin.behaves(wait)
        with Connection(pushing.stack.ports.edge) as connection:
            began = time.monotonic()
            connection.send(request(PATH))
            until(lambda: len(pushing.origin.asked) == 1, "the origin is asked")
            dead = wire.ask(pushing.stack.ports.edge, request(PATH, headers=[(HEADER, "abort")]))
            assert dead.status == 503 and dead.names <= SAID, f"\n{dead}"
            wait.go.set()
            answers.append((time.monotonic() - began, connection.answer()))
            took, answer = time.monotonic() - began, answers[0][1]
        assert answer.status in (503, 504) and "canary" not in str(answer), f"\n{answer}"
        leaks.check(answer, pushing.stack)
        publish("a pushed request whose module died, stream_idle_timeout 2 s", f"{answer.status} after {took:.1f} s")
        assert took < 4
        assert not pushing.resizer.asked
        until(lambda: pushing.ask().status == 200, "others are served")
        pushing.serves_others()
