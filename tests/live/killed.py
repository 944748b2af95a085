"""An Envoy whose module a request, or an answer, can kill: `.make/wasm trapping` builds that module (`src/filter/trap.rs`).

Belongs here: how it is started and killed, and what is seen of it until it is back. The tests are `test_vm_killed.py` and
`test_vm_recovery.py`.
"""

import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import leaks
import wire
from conftest import ROOT, stubbed_policy
from roles import Role, seal
from stack import MODULE, Stack
from through_stub import PATH
from upstream import Upstream
from wire import Answer, request

TRAPPING = ROOT / "target" / "trapping" / "wasm32-wasip1" / "release" / "pinhole.wasm"
HEADER = "x-test-trap"
# All that Envoy says where the module is dead; the first three its `local_reply_config` adds, at the edge.
SAID = {"cache-control", "x-content-type-options", "date", "server", "content-length", "connection"}

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
