"""How long a module that died is away, who notices, and what operators see of it (`killed.py`)."""

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

import wire
from conftest import ROOT
from figures import publish, spread
from killed import HEADER, balanced, check_dead, counters, kill, killed, recovery, replaced
from roles import Role
from storm import bounded
from through_stub import PATH
from upstream import png
from waiting import until
from wire import Answer, Connection, request
from wire2 import Connection2, pseudo

SHIPPED_BACKOFF = "reload_config: { backoff: { base_interval: 0.1s, max_interval: 1s } }"


@pytest.fixture(scope="module")
def one_worker() -> Iterator[dict[str, Role]]:
    with killed() as roles:
        yield roles


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
