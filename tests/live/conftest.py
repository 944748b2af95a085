"""The live tests: real Envoy with the module, a real resizer, the demo's hidden origin, all on 127.0.0.1.

Stacks are started when a test first asks for one, and live as long as the run. FUNC_E, ENVOY_BIN and
RESIZER=imgproxy work as for the demo (envoy/README.md).
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "envoy" / "demo"))

from stack import Stack, StackError, find_envoy, find_func_e  # noqa: E402
from upstream import Upstream  # noqa: E402

import health  # noqa: E402

CASES = ROOT / "tests" / "cases"
RESIZER = os.environ.get("RESIZER", "thumbor")


def pytest_report_header() -> list[str]:
    try:
        binary = find_envoy()
    except StackError as error:
        pytest.exit(str(error), returncode=1)
    func_e = find_func_e()
    driver = f"func-e ({func_e}), which runs {binary}" if func_e else f"Envoy's binary ({binary})"
    return [f"pinhole: {RESIZER} as resizer, Envoy started by {driver}"]


def policy_text(name: str) -> str:
    """A policy of the corpus, with the resizer that this run uses."""
    policy = json.loads((CASES / name).read_text())
    if RESIZER != "thumbor":
        policy["resizer"] = json.loads((ROOT / "envoy" / f"policy-{RESIZER}.json").read_text())["resizer"]
    return json.dumps(policy)


@pytest.fixture(scope="session")
def stack_for() -> Iterator[Callable[[str], Stack]]:
    """The running stack for a policy of the corpus, such as `policies/basic.json`."""
    running: dict[str, Stack] = {}
    with ExitStack() as exits:

        def start(name: str) -> Stack:
            if name not in running:
                running[name] = exits.enter_context(Stack(policy=policy_text(name), resizer=RESIZER))
            return running[name]

        yield start


@pytest.fixture(scope="session")
def stack(stack_for: Callable[[str], Stack]) -> Stack:
    """The stack with the basic policy."""
    return stack_for("policies/basic.json")


def stubbed_policy() -> str:
    """The basic policy for a resizer that asks no gate, which so cannot say that a source may be kept."""
    policy = json.loads(policy_text("policies/basic.json"))
    policy["gate"]["private_sources"] = "refuse"
    return json.dumps(policy)


def impatient(text: str) -> str:
    """envoy.yaml with an edge that waits a second for the resizer, and a tenth of one before it hangs up."""
    idle = "          stream_idle_timeout: 30s\n"
    assert text.count("timeout: 20s") == 1 and text.count(idle) == 1
    text = text.replace("timeout: 20s", "timeout: 1s")
    return text.replace(idle, f"{idle}          delayed_close_timeout: 0.1s\n")


@pytest.fixture(scope="session")
def stubbed() -> Iterator[tuple[Stack, Upstream]]:
    """A stack whose resizer is a stub that records what it is asked and misbehaves as told."""
    with Stack(policy=stubbed_policy(), resizer=None, configure=impatient) as stack:
        with Upstream(stack.ports.resizer) as upstream:
            yield stack, upstream


TRAILERS = """\
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http_protocol_options: { enable_trailers: true } }
"""


def spacious(text: str) -> str:
    """envoy.yaml with an edge that takes more and longer headers than its own limits allow, and trailers."""
    limits = "            idle_timeout: 60s\n"
    assert text.count("max_request_headers_kb: 32") == 1 and limits in text
    text = text.replace("max_request_headers_kb: 32", "max_request_headers_kb: 96")
    assert text.count("  - name: resizer\n") == 1
    text = text.replace("  - name: resizer\n", f"  - name: resizer\n{TRAILERS}")
    return text.replace(limits, f"{limits}            max_headers_count: 5000\n", 1)


@pytest.fixture(scope="session")
def roomy() -> Iterator[tuple[Stack, Upstream]]:
    """Like `stubbed`, but Envoy's own limits on headers do not protect the module."""
    with Stack(policy=stubbed_policy(), resizer=None, configure=spacious) as stack:
        with Upstream(stack.ports.resizer) as upstream:
            yield stack, upstream


@pytest.fixture(autouse=True)
def unharmed(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test, the module of each stack that it used has neither panicked nor been reloaded."""
    yield
    for name in ("stack", "stubbed", "roomy"):
        if name in request.fixturenames:
            used = request.getfixturevalue(name)
            health.check(used if isinstance(used, Stack) else used[0])
