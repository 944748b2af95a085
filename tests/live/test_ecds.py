"""pinhole's filters read from files, and again when these change: ECDS, in the form in which Istio's agent delivers it.

`envoy/demo/ecds.py` takes the configuration apart. What is run is what `envoy/README.md` says under "Another policy
without a restart"; what an agent does for want of the module is its block of RBAC.
"""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import contract
import ecds
import health
import wire
from conftest import RESIZER, ROOT, policy_of, policy_text
from stack import Stack, StackError
from waiting import PATIENCE, until
from wire import Answer, request

PATH, CACHE = "/images/small/landscape.jpg", "public, max-age=3600"
SMALL, SMALLER = (300, 225), (200, 150)


def smaller(**keys: object) -> str:
    """The basic policy with a smaller `small`, and these keys in `gate`."""
    policy = policy_of("policies/basic.json", RESIZER)
    policy["presets"]["small"]["width"] = SMALLER[0]
    policy["gate"].update(keys)
    return json.dumps(policy)


def ask(stack: Stack, path: str = PATH) -> Answer:
    return wire.ask(stack.ports.edge, request(path))


def size(stack: Stack) -> tuple[int, int] | None:
    """Of the picture that is served, which must be whole."""
    return contract.check_served(ask(stack), stack, CACHE, None, "image/jpeg")


def counted(stack: Stack, role: str = "edge") -> dict[str, int]:
    """Envoy's counters of what became of a filter's file."""
    prefix = f"extension_config_discovery.http_filter.pinhole_{role}."
    url = f"{stack.admin_url}/stats?format=json&type=Counters&filter=^{prefix.replace('.', '%5C.')}"
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:
        stats = json.load(response)["stats"]
    found = {stat["name"].removeprefix(prefix): stat["value"] for stat in stats}
    found = {name: value for name, value in found.items() if "." not in name}  # Envoy 1.36 has RBAC's here, too
    assert "config_reload" in found, f"Envoy's counters have other names than these: {sorted(found)}"
    return found


@contextmanager
def counting(stack: Stack, role: str = "edge", **expected: int) -> Iterator[None]:
    """What is done in here makes these counters go up by so much, and no other of those that tell of failure."""
    before = counted(stack, role)
    yield
    rises = lambda: {name: value - before[name] for name, value in counted(stack, role).items()}  # noqa: E731
    until(lambda: all(rises()[name] >= more for name, more in expected.items()), f"{expected}, but {rises()}")
    always = ("config_reload", "update_attempt")
    failures = {name: rise for name, rise in rises().items() if rise and name not in always}
    assert failures == expected, f"{failures}\n{stack.child('envoy').tail()}"


def put(stack: Stack, text: str, role: str = "edge") -> None:
    """The file with this text, as an operator or an agent puts it there."""
    ecds.replace(stack.filter_files[role], text)


def good(stack: Stack, policy: str | None = None) -> None:
    """Both filters with this policy, or with the first; waits until they are read."""
    parts = stack.apart(policy)
    for role in reversed(ecds.ROLES):
        if stack.filter_files[role].read_text() != parts.filters[role]:
            with counting(stack, role, update_success=1):
                put(stack, parts.filters[role], role)


@pytest.fixture(scope="module")
def running() -> Iterator[Stack]:
    with Stack(policy_text("policies/basic.json"), RESIZER, from_files=True, concurrency=2) as stack:
        yield stack


@pytest.fixture
def following(running: Stack) -> Iterator[Stack]:
    """A stack with the basic policy, read from files by two workers; the test may replace them."""
    good(running)
    assert size(running) == SMALL
    yield running
    health.check(running, refused=True)


def test_a_good_update_takes_effect_on_every_worker(following: Stack) -> None:
    good(following, smaller())
    for _ in range(20):  # each a connection of its own, so that both workers are asked
        assert size(following) == SMALLER
    good(following)
    for _ in range(20):
        assert size(following) == SMALL


def test_a_connection_outlives_the_policy(following: Stack) -> None:
    with wire.Connection(following.ports.edge) as connection:
        for policy, wanted in ((None, SMALL), (smaller(), SMALLER), (None, SMALL)):
            good(following, policy)
            answer = connection.ask(request(PATH))
            assert contract.check_served(answer, following, CACHE, None, "image/jpeg") == wanted


def test_the_gate_follows_its_own_file(following: Stack) -> None:
    """With another key it knows nothing of what the edge seals, until the edge has that key, too."""
    other = following.apart(smaller(seal_key={"env": "IMGPROXY_KEY"}))  # has the form of one
    with counting(following, "gate", update_success=1):
        put(following, other.filters["gate"], "gate")
    before = len(following.origin_requests())
    until(lambda: ask(following).status != 200, "the gate's new key")
    assert len(following.origin_requests()) <= before + 1, "at most one was still asked with the old key"
    with counting(following, update_success=1):
        put(following, other.filters["edge"])
    until(lambda: ask(following).status == 200, "the edge's new key")
    assert size(following) == SMALLER


def edited(stack: Stack, old: str, new: str) -> str:
    """The good file of the edge with another word."""
    text = stack.apart().filters["edge"]
    assert text.count(old) >= 1, f"{old!r} is not in\n{text}"
    return text.replace(old, new)


RULES = "rbac.v3.RBAC\n    rules: {}\n"
# What is wrong with a file, and the counter that says so: it was refused, or it could not even be read.
BAD: dict[str, tuple[str, Callable[[Stack], str]]] = {
    "a policy with errors": ("update_rejected", lambda stack: stack.apart('{ "presets": {} }').filters["edge"]),
    "a policy that is not JSON": ("update_rejected", lambda stack: stack.apart("{").filters["edge"]),
    "no policy": ("update_rejected", lambda stack: stack.apart(" ").filters["edge"]),
    "a module that is not there": ("update_rejected", lambda stack: edited(stack, "pinhole.wasm", "absent.wasm")),
    "a role that pinhole has not": ("update_rejected", lambda stack: edited(stack, "root_id: edge", "root_id: other")),
    "the filter of another name": ("update_rejected", lambda stack: stack.apart().filters["gate"]),
    "a field that Envoy does not know": ("update_rejected", lambda stack: edited(stack, "root_id:", "rootid:")),
    "a filter that is not listed": ("update_rejected", lambda _: rbac("edge").replace(RULES, "cors.v3.Cors\n")),
    "no filter": ("update_rejected", lambda _: "resources: []\n"),
    "half a file": ("update_failure", lambda stack: stack.apart().filters["edge"][:400] + "\n  {"),
    "an empty file": ("update_failure", lambda _: ""),
}


@pytest.mark.parametrize("wrong", BAD)
def test_a_bad_update_changes_nothing(wrong: str, following: Stack) -> None:
    counter, text = BAD[wrong]
    with counting(following, config_fail=1, **{counter: 1}):
        put(following, text(following))
    for _ in range(10):
        assert size(following) == SMALL
    good(following, smaller())  # and the next good one is taken
    assert size(following) == SMALLER


def test_a_bad_policy_is_told_in_full(following: Stack) -> None:
    told = following.envoy_log.stat().st_size
    bad = ROOT / "tests" / "config" / "bad" / "limits"
    with counting(following, update_rejected=1, config_fail=1):
        put(following, following.apart(bad.with_suffix(".json").read_text()).filters["edge"])
    log = following.envoy_log.read_text()[told:]
    for line in bad.with_suffix(".err").read_text().splitlines():
        assert f"pinhole: {line}" in log, f"{line}\n{log}"


def test_a_file_that_is_written_in_place_is_not_seen(following: Stack) -> None:
    before = counted(following)
    following.filter_files["edge"].write_text(following.apart(smaller()).filters["edge"])
    time.sleep(1)
    assert counted(following) == before and size(following) == SMALL
    ecds.replace(following.filter_files["edge"], following.filter_files["edge"].read_text())
    until(lambda: size(following) == SMALLER, "the same text, renamed over itself")


def test_many_updates_leave_no_machine_behind(following: Stack) -> None:
    def machines() -> int:
        with urllib.request.urlopen(f"{following.admin_url}/stats?filter=v8.active", timeout=PATIENCE) as response:
            return int(response.read().split()[-1])

    before = machines()
    for index in range(30):
        good(following, smaller(url=f"http://127.0.0.1:{index + 1}") if index % 2 else None)
    good(following)
    until(lambda: machines() == before, f"{before} machines, as before")
    assert size(following) == SMALL


def test_a_bad_start_serves_nobody_and_heals() -> None:
    with Stack("{", RESIZER, from_files=True) as stack:  # which is ready, in Envoy's own eyes
        for path in (PATH, "/", "/ready", "/images/nope/landscape.jpg"):
            answer = ask(stack, path)
            assert (answer.status, answer.body) == (500, b""), f"\n{answer}"
            assert answer.one("cache-control") == "no-store" and answer.names <= contract.REFUSED | contract.HOP
        assert wire.ask(stack.ports.gate, request("/x")).status == 500
        assert stack.origin_requests() == [] and PATH not in stack.resizer_log.read_text()
        good(stack, policy_text("policies/basic.json"))
        assert size(stack) == SMALL
        health.check(stack, refused=True)


def test_without_its_file_envoy_does_not_start(tmp_path: Path) -> None:
    stack = Stack(resizer=None, directory=tmp_path, from_files=True)
    del stack.filter_files["gate"]  # so that nobody writes it
    with pytest.raises(StackError, match="filter-gate.yaml"), stack:
        pass


# ---- shut, as Istio's agent does it


def rbac(role: str) -> str:
    """The block of envoy/README.md, for this role."""
    text = (ROOT / "envoy" / "README.md").read_text()
    blocks = [block for block in text.split("```yaml\n")[1:] if "rbac.v3.RBAC" in block]
    assert len(blocks) == 1, "envoy/README.md shows one filter of RBAC"
    return blocks[0].split("```")[0].replace("pinhole_edge", f"pinhole_{role}")


def test_rbac_shuts_a_listener(following: Stack) -> None:
    before = len(following.origin_requests())
    with counting(following, update_success=1):
        put(following, rbac("edge"))
    for _ in range(10):
        answer = ask(following)
        assert (answer.status, answer.body) == (403, b"RBAC: access denied"), f"\n{answer}"
    assert len(following.origin_requests()) == before
    good(following)
    assert size(following) == SMALL


def test_rbac_shuts_the_gate(following: Stack) -> None:
    before = len(following.origin_requests())
    with counting(following, "gate", update_success=1):
        put(following, rbac("gate"), "gate")
    assert ask(following).status in (403, 404, 502), "what the resizer makes of the gate's 403"
    assert len(following.origin_requests()) == before
    good(following)
    assert size(following) == SMALL
