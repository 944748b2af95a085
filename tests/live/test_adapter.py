"""The part of pinhole that talks to Envoy, against an Envoy that does what it seldom does.

Local replies, of pinhole's own and of filters around it (I50); visitors who go away at every stage (I51); and an Envoy
that refuses what it is asked for (I52; every function of the list by itself is `test_capabilities.py`).
"""

import json
import re
import socket
import struct
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

import contract
import health
import leaks
import storm
import wire
from conftest import stubbed_policy
from roles import Role, seal
from stack import Stack
from test_push import PATH as PUSHED
from test_push import WHOLE, Pushing, policy, start
from through_stub import PATH
from upstream import Upstream, png, response
from waiting import until
from wire import Answer, Connection, request
from wire2 import Connection2, pseudo

CANARY = [("X-Canary", "canary"), ("Set-Cookie", "canary"), ("Server", "canary")]


@contextmanager
def both_roles(configure: Callable[[str], str], log_level: str = "warning") -> Iterator[dict[str, Role]]:
    with Stack(stubbed_policy(), None, origin=False, configure=configure, log_level=log_level) as stack:
        with Upstream(stack.ports.resizer) as resizer, Upstream(stack.ports.origin) as origin:
            sealed = seal(stack, resizer)
            yield {"edge": Role("edge", stack, resizer, PATH), "gate": Role("gate", stack, origin, sealed)}


# ---- I50: what is called after a local reply

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


# ---- I50: replies of others

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


# ---- I51: visitors who go away


def end(connection: Connection, how: str) -> None:
    if how == "reset":  # no time to linger: the kernel sends RST instead of FIN
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.socket.close()


def active(stack: Stack) -> list[int]:
    """Requests that Envoy has under way: of visitors, and to upstreams."""
    names = "http.(edge|gate).downstream_rq_active|cluster.(resizer|photos).upstream_rq_active"
    with urllib.request.urlopen(f"{stack.admin_url}/stats?format=json&filter=^({names})$", timeout=5) as answer:
        return [stat["value"] for stat in json.load(answer)["stats"] if "value" in stat]


BIG = response(body=png().ljust(3_000_000, b"\0"))


def halfway(connection: socket.socket) -> None:
    connection.sendall(BIG[:200_000])
    connection.recv(1)


STAGES = {
    "in the headers": (lambda role: request(role.path)[:-9], None),
    "before the last byte of the headers": (lambda role: request(role.path)[:-1], None),
    "while the upstream works": (lambda role: request(role.path), lambda connection: connection.recv(1)),
    "while the answer stalls": (lambda role: request(role.path), halfway),
    "while the answer comes": (lambda role: request(role.path), BIG),
    "in the body of a refused request": (lambda role: request(role.path, body=b"abcdef")[:-3], None),
}


@pytest.mark.parametrize("how", ["closed", "reset"])
@pytest.mark.parametrize("stage", STAGES)
def test_i51_a_visitor_who_leaves_takes_his_request_with_him(stage: str, how: str, role: Role) -> None:
    data, behaviour = STAGES[stage]
    role.upstream.behaves(behaviour)
    for _ in range(10):
        connection = Connection(role.port)
        connection.send(data(role))
        if behaviour is not None:
            time.sleep(0.02)
        end(connection, how)
    until(lambda: not any(active(role.stack)), "nothing is under way")
    role.serves_others()


@pytest.mark.parametrize("stage", ["at once", "while the upstream works", "while the answer comes", "before its end"])
def test_i51_a_stream_that_is_reset_takes_its_request_with_it(stage: str, roles: dict[str, Role]) -> None:
    role = roles["edge"]
    role.upstream.behaves(BIG if stage == "while the answer comes" else lambda connection: connection.recv(1))
    with Connection2(role.port) as connection:
        for _ in range(20):
            if stage == "before its end":
                number = connection.codec.get_next_available_stream_id()
                connection.codec.send_headers(number, pseudo(), end_stream=False)
            else:
                connection.send(pseudo())
                number = max(connection.streams)
            if stage.startswith("while"):
                time.sleep(0.02)
            connection.codec.reset_stream(number, 8)  # CANCEL
            connection._flush()
        until(lambda: not any(active(role.stack)), "nothing is under way")
        role.upstream.behaves()
        assert connection.ask(pseudo()).answer.status == 200
    role.serves_others()


@pytest.fixture(scope="module")
def pushing() -> Iterator[Pushing]:
    with ExitStack() as exits:
        yield start(exits, policy())


@pytest.mark.parametrize("how", ["closed", "reset", "RST_STREAM"])
@pytest.mark.parametrize("waiting_for", ["origin", "resizer"])
def test_i51_a_visitor_who_leaves_a_pushed_picture(waiting_for: str, how: str, pushing: Pushing) -> None:
    go = threading.Event()

    def waits(connection: socket.socket) -> None:
        go.wait(5)
        connection.sendall(WHOLE if waiting_for == "origin" else response())

    pushing.origin.behaves(waits if waiting_for == "origin" else WHOLE)
    pushing.resizer.behaves(waits if waiting_for == "resizer" else None)
    asked = getattr(pushing, waiting_for).asked
    if how == "RST_STREAM":
        with Connection2(pushing.stack.ports.edge) as connection:
            streams = [connection.send(pseudo(PUSHED)) for _ in range(5)]
            until(lambda: len(asked) == len(streams), "all wait")
            for number in connection.streams:
                connection.codec.reset_stream(number, 8)
            connection._flush()
            until(lambda: not active(pushing.stack)[0], "nobody waits")
    else:
        connections = [Connection(pushing.stack.ports.edge) for _ in range(5)]
        for connection in connections:
            connection.send(request(PUSHED))
        until(lambda: len(asked) == len(connections), "all wait")
        for connection in connections:
            end(connection, how)
    go.set()
    until(lambda: not any(active(pushing.stack)), "nothing is under way")
    assert waiting_for == "resizer" or not pushing.resizer.asked, "what nobody waits for is not made"
    pushing.serves_others()


# ---- I52: what the host refuses

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
