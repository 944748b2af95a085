"""A source that leads back to pinhole: it ends there, and nobody can make or take away the sign of it."""

import json
from dataclasses import replace

import pytest

import contract
import wire
from bootstrap import Ports
from conftest import RESIZER, policy_text
from stack import Stack
from wire import request

PATH = "/images/small/landscape.jpg"


def test_a_loop_ends_where_it_began() -> None:
    """visitor, edge, resizer, gate, edge again: refused there, with one request of the resizer's in all."""
    policy = json.loads(policy_text("policies/basic.json"))
    policy["origins"]["photos"]["url"] = "http://img.example.com/images/small"
    policy["gate"]["private_sources"] = "refuse"
    ports = Ports.free()
    # The cluster of origins is the edge itself.
    ports = replace(ports, origin=ports.edge)
    with Stack(policy=json.dumps(policy), resizer=RESIZER, ports=ports, origin=False) as stack:
        answer = wire.ask(stack.ports.edge, request(PATH))
        assert answer.status in (404, 502) and answer.reason in contract.UPSTREAM_STATUS, f"\n{answer}"
    log = stack.envoy_log.read_text()
    edge = [line for line in log.splitlines() if "] edge " in line]
    assert len(edge) == 2 and "508" in edge[0] and "reason=upstream-looped" in edge[0], f"{edge}"
    assert log.count("] gate ") == 1, log


def test_a_visitor_can_shut_out_only_himself(stack: Stack) -> None:
    via = contract.via(stack)
    for value in (via, f"1.0 proxy.example.com, {via} (nginx)"):
        answer = wire.ask(stack.ports.edge, request(headers=[("via", value)]))
        contract.check_refused(answer, stack, "upstream-looped", 508)
    twice = wire.ask(stack.ports.edge, request(headers=[("via", "1.1 a"), ("via", via)]))
    contract.check_refused(twice, stack, "upstream-looped", 508)
    assert wire.ask(stack.ports.edge, request()).status == 200


@pytest.mark.parametrize("value", ["1.1 pinhole", "1.1 pinhole-" + "0" * 24, "1.1 image-resizing", "1.1 canary, 1.1 x"])
def test_the_marks_of_others_mean_nothing(value: str, stack: Stack) -> None:
    answer = wire.ask(stack.ports.edge, request(headers=[("via", value)]))
    contract.check_served(answer, stack, "public, max-age=3600", None, "image/jpeg")


def test_the_origin_is_told_who_asks_whatever_the_visitor_says(stack: Stack) -> None:
    wire.ask(stack.ports.edge, request(headers=[("via", "1.1 canary"), ("connection", "via")]))
    asked = dict(stack.origin_requests()[-1]["headers"])
    assert asked["via"] == contract.via(stack), f"{asked}"
