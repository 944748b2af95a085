"""Virtual hosts that are bound to a host, as Istio and Envoy Gateway make them: routed by a header of pinhole's.

The edge's route configuration is here what Istio makes of `envoy/istio/edge.yaml` (`tests/istio` asserts that it does).
"""

import json
from collections.abc import Iterator

import pytest

import contract
import through_stub
import wire
from conftest import RESIZER, policy_text, stubbed_policy
from stack import Stack
from upstream import Upstream
from wire import request

PATH = "/images/small/landscape.jpg"
NOT_FOUND = """\
              - match: { prefix: "/" }
                direct_response: { status: 404 }
"""


def bound_to_a_host(text: str) -> str:
    """envoy.yaml whose edge serves one host, finds the resizer by the header, and gives it its own name there."""
    to_resizer = f"cluster: resizer\n{' ' * 18}host_rewrite_literal: thumbor.internal\n"
    by_header = "{ name: x-pinhole-cluster, string_match: { exact: resizer } }"
    for old, new in (
        ('domains: ["*"]', "domains: [img.example.com]"),
        ('- match: { prefix: "/" }\n', f'- match: {{ prefix: "/", headers: [{by_header}] }}\n'),
        ("cluster_header: x-pinhole-cluster\n", to_resizer),
        ("          http_filters:\n", f"{NOT_FOUND}          http_filters:\n"),
    ):
        assert text.count(old) == 2, f"envoy.yaml has {old!r} {text.count(old)} times"  # at the edge and at the gate
        text = text.replace(old, new, 1)
    return text


def for_one_host(policy: str, authority: str) -> str:
    """The policy with this authority of its resizer, for one host."""
    document = json.loads(policy)
    next(iter(document["resizer"].values()))["authority"] = authority
    for route in document["routes"]:
        route["hosts"] = ["img.example.com"]
    return json.dumps(document)


@pytest.fixture(scope="module")
def keeping() -> Iterator[Stack]:
    policy = for_one_host(policy_text("policies/basic.json"), "keep")
    with Stack(policy=policy, resizer=RESIZER, configure=bound_to_a_host) as stack:
        yield stack


@pytest.mark.parametrize("authority", ["img.example.com", "IMG.example.com:8443"])
def test_a_kept_host_finds_its_route(authority: str, keeping: Stack) -> None:
    answer = wire.ask(keeping.ports.edge, request(PATH, authority=authority))
    size = contract.check_served(answer, keeping, "public, max-age=3600", None, "image/jpeg")
    assert size == (300, 225)


def test_refusals_are_pinholes_own(keeping: Stack) -> None:
    for path, headers, reason, status in (
        ("/strict/landscape.jpg?width=5000", [], "over-limit", 400),
        ("/images/huge/landscape.jpg", [], "unknown-preset", 404),
        ("/anything", [("x-pinhole-cluster", "resizer")], "no-route", 404),
    ):
        answer = wire.ask(keeping.ports.edge, request(path, headers=headers))
        contract.check_refused(answer, keeping, reason, status)
    answer = wire.ask(keeping.ports.edge, request(PATH, authority="other.example.com"))
    contract.check_refused(answer, keeping, "no-route", 404)


def stubbed(authority: str) -> Stack:
    return Stack(for_one_host(stubbed_policy(), authority), resizer=None, configure=bound_to_a_host)


def test_the_resizer_sees_the_name_that_the_route_gives_it() -> None:
    with stubbed("keep") as stack, Upstream(stack.ports.resizer) as resizer:
        through_stub.check_served(through_stub.ask((stack, resizer)), (stack, resizer))


def test_without_it_envoy_finds_no_route() -> None:
    """What `keep` is for: a rewritten authority has no virtual host."""
    with stubbed("thumbor.internal") as stack, Upstream(stack.ports.resizer) as resizer:
        answer = through_stub.ask((stack, resizer))
        assert answer.status == 404 and resizer.asked == [], f"\n{answer}"
    line = next(line for line in stack.envoy_log.read_text().splitlines() if "] edge " in line)
    assert f"GET {PATH} 404 NR " in line, line
