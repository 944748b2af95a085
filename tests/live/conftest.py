"""The live tests: real Envoy with the module, a real resizer, the demo's hidden origin, all on 127.0.0.1.

Stacks are started when a test first asks for one, and live as long as the run. FUNC_E, ENVOY_BIN and
RESIZER work as for the demo (envoy/README.md).
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
sys.path.insert(0, str(ROOT / "envoy" / "image"))
sys.path.append(str(ROOT / "tests" / "chaos"))

import resizers  # noqa: E402
from stack import Stack, StackError, find_envoy, find_func_e  # noqa: E402
from upstream import Upstream  # noqa: E402

import figures  # noqa: E402
import health  # noqa: E402
from roles import Role, seal  # noqa: E402
from through_stub import PATH  # noqa: E402

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if figures.found:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(figures.found))


def policy_of(name: str, resizer: str) -> dict:
    """A policy of the corpus, with this resizer."""
    return json.loads((CASES / name).read_text()) | {"resizer": resizers.section(resizer)}


def policy_text(name: str) -> str:
    """A policy of the corpus, with the resizer that this run uses."""
    return json.dumps(policy_of(name, RESIZER))


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


def with_origin(policy: str, **keys: object) -> str:
    """The policy with these keys in each of its origins."""
    document = json.loads(policy)
    for origin in document["origins"].values():
        origin.update(keys)
    return json.dumps(document)


def stubbed_policy() -> str:
    """The basic policy for a resizer that asks no gate, which so cannot say that a source may be kept.

    A stub takes any dialect. It is thumbor's, whose URLs show the sealed source as it is.
    """
    policy = json.loads((CASES / "policies/basic.json").read_text())
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


TRAILERS_AND_MANY_HEADERS = """\
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        common_http_protocol_options: { max_headers_count: 5000 }
        explicit_http_config: { http_protocol_options: { enable_trailers: true } }
"""


def spacious(text: str) -> str:
    """envoy.yaml without the limits of Envoy's own that protect the module: more and longer headers, and trailers.

    The gate waits for the origin half a second, twice.
    """
    for old, new in (
        ("max_request_headers_kb: 32", "max_request_headers_kb: 96"),
        ("per_try_timeout: 4s", "per_try_timeout: 0.5s"),
        ("  - name: resizer\n", f"  - name: resizer\n{TRAILERS_AND_MANY_HEADERS}"),
        ("  - name: photos\n", f"  - name: photos\n{TRAILERS_AND_MANY_HEADERS}"),
    ):
        assert text.count(old) == 1, f"envoy.yaml has {old!r} {text.count(old)} times"
        text = text.replace(old, new)
    for old, new in (
        ("            idle_timeout: 60s\n", "            max_headers_count: 5000\n"),
        ("          merge_slashes: true\n", "          http_protocol_options: { enable_trailers: true }\n"),
    ):
        assert text.count(old) == 2, f"envoy.yaml has {old!r} {text.count(old)} times"
        text = text.replace(old, old + new)  # at the edge and at the gate
    return text


@pytest.fixture(scope="session")
def surrounded() -> Iterator[tuple[Stack, Upstream, Upstream]]:
    """An Envoy between two stubs, the resizer's and the origin's, whose own limits do not protect the module."""
    policy = stubbed_policy()
    with Stack(policy, resizer=None, origin=False, configure=lambda text: spacious(impatient(text))) as stack:
        with Upstream(stack.ports.resizer) as resizer, Upstream(stack.ports.origin) as origin:
            yield stack, resizer, origin


@pytest.fixture(scope="session")
def roomy(surrounded: tuple[Stack, Upstream, Upstream]) -> tuple[Stack, Upstream]:
    """The edge of it, and the stub that it asks: like `stubbed`, but for Envoy's limits."""
    return surrounded[:2]


@pytest.fixture(scope="session")
def roles(surrounded: tuple[Stack, Upstream, Upstream]) -> dict[str, Role]:
    """Both roles of it."""
    stack, resizer, origin = surrounded
    sealed = seal(stack, resizer)
    return {"edge": Role("edge", stack, resizer, PATH), "gate": Role("gate", stack, origin, sealed)}


@pytest.fixture(params=["edge", "gate"])
def role(request: pytest.FixtureRequest, roles: dict[str, Role]) -> Role:
    """Each role in turn, in front of a stub."""
    return roles[request.param]


@pytest.fixture(autouse=True)
def unharmed(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test, the module of each stack that it used has neither panicked nor been reloaded."""
    yield
    for name in ("stack", "stubbed", "surrounded", "pushing"):
        if name in request.fixturenames:
            used = request.getfixturevalue(name)
            health.check(used if isinstance(used, Stack) else used[0])
