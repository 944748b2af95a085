"""An Envoy that refuses what the module asks of it (I52): nobody is let through.

Every function and callback of the shipped list by itself is `test_capabilities.py`.
"""

import re
from collections.abc import Callable
from contextlib import ExitStack

import pytest

import contract
import health
import leaks
import wire
from conftest import stubbed_policy
from roles import seal
from stack import Stack
from test_push import policy, start
from through_stub import PATH
from upstream import Upstream, response
from wire import Answer, request

CANARY = [("X-Canary", "canary"), ("Set-Cookie", "canary"), ("Server", "canary")]

LIST = re.compile(r" +capability_restriction_config: (?:\*capabilities\n|&capabilities\n(?: {18,}.*\n)+)")
ALL = """
    proxy_on_configure proxy_on_context_create proxy_on_request_headers proxy_on_response_headers proxy_on_response_body
    proxy_on_response_trailers proxy_on_delete proxy_on_http_call_response
    proxy_get_header_map_pairs proxy_set_header_map_pairs proxy_replace_header_map_value proxy_get_buffer_bytes
    proxy_set_buffer_bytes proxy_http_call proxy_send_local_response proxy_get_property proxy_set_property
    proxy_get_current_time_nanoseconds proxy_get_shared_data proxy_set_shared_data proxy_define_metric
    proxy_increment_metric proxy_record_metric proxy_log
    environ_get environ_sizes_get random_get""".split()


def withheld(name: str) -> Callable[[str], str]:
    """The configuration in which the module may call all that it needs, but for this."""
    allowed = ", ".join(f"{one}: {{}}" for one in ALL if one != name)
    assert name in ALL
    added = f"capability_restriction_config: {{ allowed_capabilities: {{ {allowed} }} }}\n"

    def configure(text: str) -> str:
        text = LIST.sub("", text)
        found = re.sub(r"( +)(root_id: (?:edge|gate)\n)", rf"\1\2\1{added}", text)
        assert found.count(added) == text.count("root_id: ")
        return found

    return configure


OF_A_REQUEST = ["get_header_map_pairs", "set_header_map_pairs", "get_current_time_nanoseconds", "set_property"]


@pytest.mark.parametrize("name", OF_A_REQUEST)
def test_i52_a_function_that_is_withheld_closes(name: str) -> None:
    """What the module asks in the midst of a request, of either role: nobody is let through without it."""
    with Stack(stubbed_policy(), None, origin=False) as stack, Upstream(stack.ports.resizer) as resizer:
        env, sealed = stack.env, seal(stack, resizer)
    with Stack(stubbed_policy(), None, origin=False, configure=withheld(f"proxy_{name}"), env=env) as stack:
        with Upstream(stack.ports.resizer) as resizer, Upstream(stack.ports.origin) as hidden:
            for upstream in (resizer, hidden):
                upstream.behaves(response(headers=[("Content-Type", "image/png"), *CANARY]))
            asks = [(stack.ports.edge, PATH), (stack.ports.edge, "/no/thing"), (stack.ports.gate, sealed)]
            for port, path in [*asks, (stack.ports.gate, "/no/thing")]:
                for cluster in ("resizer", "photos"):
                    headers = [("x-pinhole-cluster", cluster), ("cookie", "canary")]
                    answer = wire.ask(port, request(path, headers=headers))
                    assert answer.status >= 400 and "canary" not in str(answer.headers), f"\n{answer}"
                    leaks.check(answer, stack)
            assert "canary" not in str(resizer.asked + hidden.asked), f"{resizer.asked} {hidden.asked}"
            assert not resizer.asked and not hidden.asked, f"{resizer.asked} {hidden.asked}"


def test_i52_a_call_that_is_refused_is_an_upstream_that_is_not_there() -> None:
    """`proxy_http_call` to a cluster that Envoy does not have: 503, at once, and the module lives."""

    def configure(text: str) -> str:
        assert text.count("  - name: photos\n") == 1
        text = text.replace("  - name: photos\n", "  - name: another\n")
        return text.replace("cluster_name: photos", "cluster_name: another")

    with ExitStack() as exits:
        pushing = start(exits, policy(), configure)
        for _ in range(3):
            answer = pushing.ask()
            contract.check_refused(answer, pushing.stack, "upstream-unavailable", 503)
        assert not pushing.origin.asked and not pushing.resizer.asked
        health.check(pushing.stack)


def test_i52_a_cluster_that_is_not_there_is_an_upstream_that_is_not_there() -> None:
    """The same where Envoy's router finds no cluster of the name that pinhole wrote."""

    def configure(text: str) -> str:
        text = text.replace("  - name: resizer\n", "  - name: another\n")
        return text.replace("cluster_name: resizer", "cluster_name: another")

    with Stack(stubbed_policy(), None, configure=configure) as stack, Upstream(stack.ports.resizer) as upstream:
        answer: Answer = wire.ask(stack.ports.edge, request(PATH))
        assert answer.status in (502, 503, 504) and answer.reason in contract.UPSTREAM_STATUS, f"\n{answer}"
        leaks.check(answer, stack)
        assert not upstream.asked
        health.check(stack)
