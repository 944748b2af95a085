"""A module that dies: who notices, and what he gets. No request passes unchecked meanwhile, and it comes back.

No request can kill the shipped module, so these run another, which `.make/wasm trapping` builds: a header of a request,
or an answer, kills it there (`src/filter/trap.rs`).
"""

import re
import socket
import threading
import time
import tomllib
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import pytest

import leaks
import wire
from conftest import ROOT, stubbed_policy
from figures import publish, spread
from roles import Role, seal
from stack import MODULE, Stack
from storm import bounded
from through_stub import PATH, Stubbed, ask, check_served
from upstream import Upstream, chunked, png, response
from waiting import until
from wire import Answer, Closed, Connection, request
from wire2 import Connection2, pseudo

TRAPPING = ROOT / "target" / "trapping" / "wasm32-wasip1" / "release" / "pinhole.wasm"
HEADER = "x-test-trap"
WAYS = ("abort", "stack", "memory")
SHIPPED_BACKOFF = "reload_config: { backoff: { base_interval: 0.1s, max_interval: 1s } }"
# All that Envoy says where the module is dead; the first three its `local_reply_config` adds, at the edge.
SAID = {"cache-control", "x-content-type-options", "date", "server", "content-length", "connection"}
LEAKY = [("Content-Type", "image/png"), ("X-Canary", "canary"), ("Set-Cookie", "canary"), ("Location", "/canary")]

Change = Callable[[str], str]


def replaced(text: str, old: str, new: str, times: int) -> str:
    assert text.count(old) == times, f"the configuration has {old!r} {text.count(old)} times"
    return text.replace(old, new)


def killable(text: str) -> str:
    """The configuration with the module that can be killed, which hangs up at once where it has to."""
    text = replaced(text, str(MODULE.relative_to(ROOT)), str(TRAPPING.relative_to(ROOT)), 1)
    idle = "          stream_idle_timeout: 30s\n"
    return replaced(text, idle, f"{idle}          delayed_close_timeout: 0.1s\n", 1)


def balanced(text: str) -> str:
    """As many connections of the edge for each worker, not who takes them first."""
    port = "  - name: edge\n"
    return replaced(text, port, f"{port}    connection_balance_config: {{ exact_balance: {{}} }}\n", 1)


@contextmanager
def killed(change: Change = lambda text: text, concurrency: int = 1) -> Iterator[dict[str, Role]]:
    """Both roles, each before a stub, of an Envoy whose module can be killed."""
    if not TRAPPING.is_file():
        pytest.fail(f"{TRAPPING.relative_to(ROOT)} is missing; run `.make/wasm trapping`")
    configure = lambda text: change(killable(text))  # noqa: E731
    with Stack(stubbed_policy(), None, origin=False, configure=configure, concurrency=concurrency) as stack:
        with Upstream(stack.ports.resizer) as resizer, Upstream(stack.ports.origin) as origin:
            sealed = seal(stack, resizer)
            yield {"edge": Role("edge", stack, resizer, PATH), "gate": Role("gate", stack, origin, sealed)}


@pytest.fixture(scope="module")
def one_worker() -> Iterator[dict[str, Role]]:
    with killed() as roles:
        yield roles


def kill(role: Role, how: str = "abort") -> Answer:
    answer = wire.ask(role.port, request(role.path, headers=[(HEADER, how)]))
    check_dead(role, answer)
    return answer


def check_dead(role: Role, answer: Answer) -> None:
    """Envoy's words, and nothing else."""
    assert (answer.status, answer.body) == (503, b""), f"\n{answer}"
    assert answer.names <= SAID and answer.one("server") == "envoy", f"\n{answer}"
    assert role.name == "gate" or answer.one("cache-control") == "no-store", f"\n{answer}"
    leaks.check(answer, role.stack)


def recovery(role: Role) -> float:
    """How long it takes until a request is served as ever. Until then, each gets Envoy's words."""
    role.upstream.behaves()
    began = time.monotonic()
    while (answer := wire.ask(role.port, request(role.path))).status != 200:
        check_dead(role, answer)
        assert time.monotonic() - began < 30, "it does not come back"
        time.sleep(0.002)
    took = time.monotonic() - began
    role.check_asked()
    return took


def counters(stack: Stack) -> dict[str, float]:
    """Envoy's counters of the two plugins, as Prometheus reads them."""
    with urllib.request.urlopen(f"{stack.admin_url}/stats/prometheus", timeout=5) as answer:
        lines = re.findall(r"^(envoy_wasm_pinhole_\w+)\{[^}]*\} (\S+)$", answer.read().decode(), re.MULTILINE)
    assert lines, "Envoy's counters have other names"
    return {name: float(value) for name, value in lines}


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
        with pytest.raises(Closed) as closed:
            connection.answer()
    assert "canary" not in str(closed.value).split("in answer to")[0], f"{closed.value}"
    recovery(role)


@pytest.mark.parametrize("where", ["edge", "gate"])
def test_a_module_that_is_busy_holds_its_worker_and_lives(where: str, one_worker: dict[str, Role]) -> None:
    role = one_worker[where]
    role.upstream.behaves()
    began = time.monotonic()
    answer = wire.ask(role.port, request(role.path, headers=[(HEADER, "loop")]))
    assert answer.status == 200 and time.monotonic() - began > 0.3, f"\n{answer}"
    role.serves_others()


# ---- how long it is away

BACKOFFS = {
    "shipped (0.1 s to 1 s)": SHIPPED_BACKOFF,
    "0.02 s to 0.1 s": "reload_config: { backoff: { base_interval: 0.02s, max_interval: 0.1s } }",
    "Envoy's own": "reload_config: {}",
}


@pytest.mark.parametrize("name", BACKOFFS)
def test_how_long_it_takes_until_it_serves_again(name: str) -> None:
    """Kills, each as soon as it is back, of either role in turn."""
    with killed(lambda text: replaced(text, SHIPPED_BACKOFF, BACKOFFS[name], 2)) as roles:
        times = []
        before = counters(roles["edge"].stack)
        count = bounded(25, 6)
        for number in range(count):
            role = roles["gate" if number % 2 else "edge"]
            kill(role)
            times.append(recovery(role))
        after = counters(roles["edge"].stack)
    publish(f"back after a trap, back-off {name}", spread(times))
    started = {name: after[name] - before[name] for name in after if name.endswith("vm_reload_success")}
    assert min(started.values()) >= count // 2 and sum(started.values()) >= count, f"{started}"
    assert not any(value for name, value in after.items() if name.endswith("vm_reload_failure")), f"{after}"


def test_closed_stays_closed() -> None:
    """What FAIL_CLOSED would mean: the worker does not serve again."""
    with killed(lambda text: replaced(text, "failure_policy: FAIL_RELOAD", "failure_policy: FAIL_CLOSED", 2)) as roles:
        edge = roles["edge"]
        kill(edge)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            edge.upstream.behaves()
            check_dead(edge, wire.ask(edge.port, request(PATH)))
            assert edge.upstream.asked == []
            time.sleep(0.1)
        # The gate is another plugin, but has the same VM.
        check_dead(roles["gate"], wire.ask(roles["gate"].port, request(roles["gate"].path)))


# ---- what others notice

LOAD = 4.0  # seconds


class Load:
    """Visitors who ask again and again, each on one connection and so of one worker; what each of them got."""

    def __init__(self, role: Role, count: int) -> None:
        self.role, self.stop = role, threading.Event()
        self.got: dict[str, Counter] = {}
        self.wrong: list[str] = []
        kinds = [self._older, self._newer]
        self.threads = [threading.Thread(target=kinds[n % 2], args=(n,), daemon=True) for n in range(count)]

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(20)

    def _note(self, name: str, answer: Answer) -> None:
        self.got[name][answer.status] += 1
        try:
            if answer.status == 200:
                assert answer.body == png() and answer.one("cache-control") == "public, max-age=3600", f"\n{answer}"
            else:
                check_dead(self.role, answer)
        except AssertionError as error:
            self.wrong.append(str(error))

    def _older(self, number: int) -> None:
        self.got[name := f"HTTP/1.1 {number}"] = Counter()
        with Connection(self.role.port) as connection:
            while not self.stop.wait(0.005):
                self._note(name, connection.ask(request()))

    def _newer(self, number: int) -> None:
        self.got[name := f"HTTP/2 {number}"] = Counter()
        with Connection2(self.role.port) as connection:
            while not self.stop.wait(0.01):
                streams = [connection.send(pseudo()) for _ in range(3)]
                for stream in streams:
                    self._note(name, connection.finish(stream).answer)


def test_other_workers_notice_nothing() -> None:
    """Three workers with as many connections each. One of them is killed again and again."""
    with killed(balanced, concurrency=3) as roles, ExitStack() as exits:
        edge = roles["edge"]
        edge.upstream.behaves()
        load = exits.enter_context(Load(edge, 17))
        killer = exits.enter_context(Connection(edge.port))
        until(lambda: all(sum(got.values()) > 5 for got in load.got.values()) and len(load.got) == 17, "all are served")
        kills, end = 0, time.monotonic() + LOAD
        while time.monotonic() < end:
            check_dead(edge, killer.ask(request(headers=[(HEADER, "abort")])))
            kills += 1
            while killer.ask(request()).status != 200:
                time.sleep(0.01)
        load.stop.set()
        exits.pop_all().close()
        asked = list(edge.upstream.asked)
    assert not load.wrong, load.wrong[:3]
    hit = {name for name, got in load.got.items() if got[503]}
    served, failed = (sum(got[status] for got in load.got.values()) for status in (200, 503))
    publish(
        f"one of three workers killed {kills} times in {LOAD:.0f} s under load",
        f"{served} served, {failed} got 503, all of them on {len(hit)} of {len(load.got)} connections",
    )
    # The one that kills is the sixth of its worker. Ended connections would be in nobody's numbers.
    assert {name.split(" ")[0] for name in hit} == {"HTTP/1.1", "HTTP/2"} and 4 <= len(hit) <= 6, f"{hit} {load.got}"
    assert all(set(got) <= {200, 503} and sum(got.values()) > 50 for got in load.got.values()), f"{load.got}"
    assert kills >= 3
    for one in asked:
        assert re.fullmatch(r"GET /[\w=-]{28}/fit-in/\S+ HTTP/1\.1", one.line), f"passed on unchecked: {one}"


def test_the_alerts_see_it(one_worker: dict[str, Role]) -> None:
    """What `alerts.yml` looks at is there, and rises where the module is started again."""
    text = (ROOT / "envoy" / "observability" / "alerts.yml").read_text()
    (trap,) = re.findall(r"- alert: PinholeTraps\n(.*?)\n\n", text, re.DOTALL)
    watched = set(re.findall(r"envoy_wasm_\w+", trap))
    before = counters(one_worker["edge"].stack)
    assert len(watched) == 2 and set(re.findall(r"envoy_wasm_\w+", text)) <= before.keys()
    for role in one_worker.values():
        kill(role)
        recovery(role)
    after = counters(one_worker["edge"].stack)
    assert all(after[name] > before[name] for name in watched), f"{watched}: {before} {after}"


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
