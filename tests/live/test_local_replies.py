"""Local replies (I50): after one of pinhole's own nothing is asked of Envoy any more, and those of other filters.

What Envoy and module call of each other is read from Envoy's own trace.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import contract
import health
import leaks
import storm
import wire
from conftest import stubbed_policy
from roles import Role, seal
from stack import Stack
from through_stub import PATH
from upstream import Upstream, response
from waiting import until
from wire import request
from wire2 import Connection2, pseudo

CANARY = [("X-Canary", "canary"), ("Set-Cookie", "canary"), ("Server", "canary")]


@contextmanager
def both_roles(configure: Callable[[str], str], log_level: str = "warning") -> Iterator[dict[str, Role]]:
    with Stack(stubbed_policy(), None, origin=False, configure=configure, log_level=log_level) as stack:
        with Upstream(stack.ports.resizer) as resizer, Upstream(stack.ports.origin) as origin:
            sealed = seal(stack, resizer)
            yield {"edge": Role("edge", stack, resizer, PATH), "gate": Role("gate", stack, origin, sealed)}


# ---- of pinhole itself

CALL = re.compile(r"\[vm->host\] \w+\.(\w+)\(")
OF_REQUESTS = re.compile(r"\[host->vm\] (proxy_on_\w+)\((\d+)")


@pytest.fixture(scope="module")
def traced() -> Iterator[dict[str, Role]]:
    """Both roles of an Envoy that writes down each call between itself and the module."""
    with both_roles(lambda text: text, log_level="trace") as roles:
        yield roles


def calls(stack: Stack, since: int, ends: int) -> list[str]:
    """What host and module called of each other since then, once so many exchanges have ended."""
    until(lambda: stack.envoy_log.read_text(errors="replace")[since:].count("proxy_on_delete(") >= ends, "it has ended")
    text = stack.envoy_log.read_text(errors="replace")[since:]
    lines = (OF_REQUESTS.search(line) or CALL.search(line) for line in text.splitlines())
    return [line[1] for line in lines if line]


STAGE_OF = ("proxy_on_request_headers", "proxy_on_response_headers")
REPLIED: dict[str, tuple[bytes | None, bytes | None, str]] = {
    "a refusal": (request("/no/thing"), None, "proxy_on_request_headers"),
    "a method": (request(method="POST", body=b"abc"), None, "proxy_on_request_headers"),
    "a body": (request(body=b"abc"), None, "proxy_on_request_headers"),
    "an upstream's error": (None, response("500 Canary", CANARY, b"canary"), "proxy_on_response_headers"),
    "a redirect": (None, response("302 Found", [*CANARY, ("Location", "/canary")]), "proxy_on_response_headers"),
    "no picture": (None, response(headers=[*CANARY, ("Content-Type", "text/html")]), "proxy_on_response_headers"),
    "no answer": (None, b"", "proxy_on_response_headers"),
}


@pytest.mark.parametrize("name", REPLIED)
@pytest.mark.parametrize("where", ["edge", "gate"])
def test_i50_nothing_is_called_after_a_local_reply(where: str, name: str, traced: dict[str, Role]) -> None:
    role = traced[where]
    sent, answer, stage = REPLIED[name]
    role.upstream.behaves(answer)
    since = len(role.stack.envoy_log.read_text(errors="replace"))
    got = wire.ask(role.port, sent or request(role.path))
    assert got.status >= 400 and got.reason and "canary" not in str(got), f"\n{got}"
    made = calls(role.stack, since, 1)
    assert made.count("proxy_send_local_response") == 1, f"{made}"
    place = made.index("proxy_send_local_response")
    before, after = made[:place], made[place + 1 :]
    assert [call for call in before if call in (*STAGE_OF, "proxy_on_response_body")][-1] == stage, f"{before}"
    # What passes now is our own: Envoy tells the module of it, which asks for nothing more.
    assert all(call.startswith("proxy_on_") for call in after), f"called after the reply: {after}"


# ---- of others

FIRST = "          http_filters:\n"
RBAC = """\
          - name: envoy.filters.http.rbac
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
              rules: { action: DENY, policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } } }
"""
LUA = """\
          - name: envoy.filters.http.lua
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code:
                inline_string: |
                  function envoy_on_request(handle)
                    handle:respond({ [":status"] = "STATUS", ["x-canary"] = "canary", ["set-cookie"] = "canary",
                      ["content-type"] = "text/html", ["location"] = "/canary", ["etag"] = "\\"canary\\"" }, "canary")
                  end
"""
RATE = """\
          - name: envoy.filters.http.local_ratelimit
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
              stat_prefix: limited
              token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: 3600s }
              filter_enabled: { default_value: { numerator: 100 } }
              filter_enforced: { default_value: { numerator: 100 } }
              response_headers_to_add: [{ header: { key: x-canary, value: canary } }]
              rate_limited_as_resource_exhausted: true
"""
FAULT = """\
          - name: envoy.filters.http.fault
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault
              abort: { http_status: 418, percentage: { numerator: 100 } }
"""
OTHERS = {
    "RBAC": RBAC,
    "Lua, 200": LUA.replace("STATUS", "200"),
    "Lua, 302": LUA.replace("STATUS", "302"),
    "Lua, 403": LUA.replace("STATUS", "403"),
    "Lua, 500": LUA.replace("STATUS", "500"),
    "a rate limit": RATE,
    "a fault": FAULT,
}


# Each needs an Envoy of its own.
SOME = OTHERS if storm.WHOLE else ("RBAC", "Lua, 200")


@contextmanager
def beside(filters: str, place: str) -> Iterator[tuple[Stack, Upstream, Upstream]]:
    """An Envoy with another filter before or behind pinhole, in both listeners, and its two upstreams."""

    def configure(text: str) -> str:
        if place == "before":
            assert text.count(FIRST) == 2
            return text.replace(FIRST, FIRST + filters)
        # The anchor is what the gate's list refers to.
        router, again = "          - &router\n            name: envoy.filters.http.router\n", "          - *router\n"
        assert text.count(router) == text.count(again) == 1
        return text.replace(router, filters + router).replace(again, filters + again)

    with Stack(stubbed_policy(), None, origin=False, configure=configure) as stack:
        with Upstream(stack.ports.resizer) as resizer, Upstream(stack.ports.origin) as hidden:
            yield stack, resizer, hidden
            health.check(stack)


@pytest.mark.parametrize("name", SOME)
def test_i50_a_reply_behind_pinhole_is_stripped(name: str) -> None:
    """Whoever answers in the upstream's place: only pinhole's words reach the visitor."""
    with beside(OTHERS[name], "behind") as (stack, resizer, hidden):
        if name == "a rate limit":
            assert wire.ask(stack.ports.edge, request(PATH)).status == 200
            resizer.behaves()
        answers = [wire.ask(stack.ports.edge, request(path)) for path in (PATH, "/no/thing", PATH)]
        answers += [wire.ask(stack.ports.gate, request("/no/thing"))]
        with Connection2(stack.ports.edge) as connection:
            answers.append(connection.ask(pseudo()).answer)
        for answer in answers:
            assert answer.status >= 400 and answer.reason, f"\n{answer}"
            assert "canary" not in answer.text().decode("latin-1"), f"\n{answer}"
            assert answer.names <= contract.REFUSED | contract.HOP and answer.one("cache-control") == "no-store"
            leaks.check(answer, stack)
        assert not resizer.asked and not hidden.asked


@pytest.mark.parametrize("name", SOME)
def test_i50_a_reply_before_pinhole_is_that_filters_own(name: str) -> None:
    """Envoy asks a module nothing about the answer to a request that it did not ask it about. So the module is in no
    state that it does not know, and no upstream is asked; what such a filter says is its own matter."""
    with beside(OTHERS[name], "before") as (stack, resizer, hidden):
        if name == "a rate limit":
            assert wire.ask(stack.ports.edge, request(PATH)).status == 200
            assert wire.ask(stack.ports.gate, request("/no/thing")).status == 403
            resizer.behaves()
        for port in (stack.ports.edge, stack.ports.gate):
            for path in (PATH, "/no/thing"):
                answer = wire.ask(port, request(path, headers=[("x-pinhole-cluster", "photos")]))
                status = re.search(r", (\d+)", name)
                wanted = int(status[1]) if status else {"RBAC": 403, "a rate limit": 429, "a fault": 418}[name]
                assert answer.status == wanted, f"\n{answer}"
                leaks.check(answer, stack)
        assert not resizer.asked and not hidden.asked


DIRECT = """\
              - match: { path: "/images/small/landscape.jpg" }
                direct_response: { status: STATUS, body: { inline_string: canary } }
                response_headers_to_add: [{ header: { key: set-cookie, value: canary } }]
"""
ROUTES = "              routes:\n"


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_i50_a_direct_response_is_judged_like_an_upstreams(status: int) -> None:
    def configure(text: str) -> str:
        assert text.count(ROUTES) == 2
        return text.replace(ROUTES, ROUTES + DIRECT.replace("STATUS", str(status)), 1)

    with Stack(stubbed_policy(), None, origin=False, configure=configure) as stack:
        with Upstream(stack.ports.resizer) as upstream:
            answer = wire.ask(stack.ports.edge, request(PATH))
            # pinhole has rewritten the request before the route is chosen, so this one is not.
            assert answer.status in (200, *contract.UPSTREAM_STATUS.values()), f"\n{answer}"
            assert "canary" not in answer.text().decode("latin-1"), f"\n{answer}"
            assert (answer.status == 200) == (len(upstream.asked) == 1)
            health.check(stack)
