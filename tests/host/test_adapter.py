"""I50, I51 and I52: the module in a host that fails, forgets, and calls in any order (mock.py).

What a real Envoy shows of the same is in tests/live; here each host call fails with each status, which no Envoy can be
brought to.
"""

from __future__ import annotations

import itertools
import json

import pytest

import mock
from mock import CONTINUE, FAILURES, PAUSE, REQUEST_HEADERS, RESPONSE_BODY, RESPONSE_HEADERS, Headers, Host

if not mock.MODULE.exists():
    pytest.skip(f"the module is not built: {mock.MODULE}, by `make wasm`", allow_module_level=True)

SHIPPED = json.loads((mock.ROOT / "envoy/policy.json").read_text())
PUSHED = json.loads((mock.ROOT / "tests/config/good/imaginary-pushed.json").read_text())

# What may be sent upstream, beside what joins traces, and what may go on to a visitor.
UPSTREAM = {b":method", b":scheme", b":authority", b":path", b"x-pinhole-cluster", b"x-forwarded-proto", b"user-agent",
            b"via", b"x-envoy-original-path", b"authorization", b"cache-control"}
DOWNSTREAM = {b":status", b"content-type", b"x-content-type-options", b"content-length", b"cache-control", b"vary",
              b"etag"}

ANSWER: Headers = [(b":status", b"200"), (b"content-type", b"image/jpeg"), (b"content-length", b"4"),
                   (b"server", b"canary"), (b"set-cookie", b"canary=1"), (b"etag", b'"canary"')]

# Host calls whose failure changes nothing but what operators see, or what is cached: a number is not worth a request.
HARMLESS = {"proxy_log", "proxy_set_property", "proxy_define_metric", "proxy_increment_metric", "proxy_record_metric",
            "proxy_get_shared_data", "proxy_set_shared_data", "proxy_get_current_time_nanoseconds",
            "proxy_replace_header_map_value"}

ROLES = ("edge", "gate", "push")


def asked(path: bytes, *others: tuple[bytes, bytes], method: bytes = b"GET") -> Headers:
    return [(b":method", method), (b":scheme", b"http"), (b":authority", b"img.example.com"), (b":path", path),
            (b"authorization", b"Bearer canary"), *others]


def host(role: str) -> Host:
    made = Host("gate" if role == "gate" else "edge", PUSHED if role == "push" else SHIPPED)
    assert made.configured, made.log
    return made


def token() -> bytes:
    """A sealed source, as the edge sends it through the resizer."""
    edge = host("edge")
    edge.request(asked(b"/images/small/a.jpg"))
    return dict(edge.maps[REQUEST_HEADERS])[b":path"].rpartition(b"%2F")[2]


@pytest.fixture(scope="module")
def good() -> dict[str, Headers]:
    """A request that is served, by role."""
    return {"edge": asked(b"/images/small/a.jpg"), "gate": asked(b"/" + token()), "push": asked(b"/a.jpg?width=300")}


def check_upstream(headers: Headers) -> None:
    """What goes upstream is pinhole's, and nothing of the visitor's."""
    names = [name for name, _ in headers]
    assert set(names) <= UPSTREAM and len(names) == len(set(names)), headers
    assert (b"authorization", b"Bearer canary") not in headers


def check_downstream(headers: Headers) -> None:
    """What goes on is pinhole's, and nothing of the upstream's own."""
    assert {name for name, _ in headers} <= DOWNSTREAM, headers
    assert not any(b"canary" in value for _, value in headers), headers


REFUSED: dict[str, Headers] = {
    "no route": asked(b"/else"),
    "a method": asked(b"/images/small/a.jpg", method=b"POST"),
    "a path": asked(b"/images/small/%2e%2e/a.jpg"),
    "bytes": asked(b"/images/small/\xff\xfe.jpg", (b"x-raw", b"\xff\x00")),
    "nothing": [],
    "no path": asked(b"/images/small/a.jpg")[:3],
    "grpc": asked(b"/else", (b"content-type", b"application/grpc")),
    "a wide picture": asked(b"/strict/a.jpg?width=5000"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("role", ROLES)
def test_i50_a_refusal_is_one_reply_and_the_last_call(role: str, name: str) -> None:
    refusing = host(role)
    _, action = refusing.request(REFUSED[name])
    assert action == PAUSE and len(refusing.replies) == 1
    assert refusing.calls[-1] == "proxy_send_local_response" and not refusing.dispatched
    assert refusing.replies[0].status >= 400


@pytest.mark.parametrize("name", REFUSED)
def test_i50_what_passes_after_a_reply_is_let_alone(name: str) -> None:
    replied = host("edge")
    context, _ = replied.request(REFUSED[name])
    own = [(b":status", str(replied.replies[0].status).encode()), *replied.replies[0].headers]
    replied.calls.clear()
    assert replied.response(context, own) == CONTINUE
    for callback in ("proxy_on_response_body", "proxy_on_response_trailers"):
        arguments = (context, 4, 1) if callback.endswith("body") else (context, 1)
        assert replied.export(callback, *arguments) == CONTINUE
    # For gRPC, Envoy's form of the reply is undone; else nothing is called.
    assert set(replied.calls) <= ({"proxy_set_header_map_pairs"} if name == "grpc" else set())
    assert len(replied.replies) == 1


@pytest.mark.parametrize("role", ROLES)
def test_i50_a_served_request_is_replaced_and_so_is_its_answer(role: str, good: dict[str, Headers]) -> None:
    serving = host(role)
    context, action = serving.request(good[role])
    check_upstream(serving.maps[REQUEST_HEADERS])
    if role == "push":
        assert action == PAUSE and [cluster for cluster, _, _ in serving.dispatched] == [b"photos"]
        return
    assert action == CONTINUE and not serving.replies
    assert serving.response(context, list(ANSWER)) == CONTINUE
    check_downstream(serving.maps[RESPONSE_HEADERS])


@pytest.mark.parametrize("role", ROLES)
def test_i50_an_answer_to_no_request_is_nobodys(role: str) -> None:
    for answer in (list(ANSWER), [(b":status", b"404"), (b"server", b"canary")], []):
        fresh = host(role)
        assert fresh.response(fresh.context(), answer) == PAUSE
        reply, = fresh.replies
        assert reply.status == 400 and (b"x-pinhole-reason", b"malformed-request") in reply.headers
        assert fresh.calls[-1] == "proxy_send_local_response"


@pytest.mark.parametrize("role", ROLES)
def test_i51_callbacks_in_any_order_never_trap_and_reply_at_most_once(role: str, good: dict[str, Headers]) -> None:
    def perform(live: Host, context: int, step: str) -> None:
        match step:
            case "request":
                live.request(good[role], context=context)
            case "response":
                live.response(context, list(ANSWER))
            case "call" | "late call" if live.answered < len(live.dispatched):
                live.maps[mock.CALL_HEADERS], live.buffers[mock.CALL_BODY] = list(ANSWER), b"JPEG"
                live.answered += 1
                live.export("proxy_on_http_call_response", context, live.answered, len(ANSWER), 4, 0)
            case "call" | "late call":
                pass  # The SDK traps on answers to what nobody has asked, and Envoy gives none.
            case "body" | "trailers":
                arguments = (context, 4, 1) if step == "body" else (context, 1)
                live.export(f"proxy_on_response_{step}", *arguments)
            case _:
                live.export(f"proxy_on_{step}", context)

    live = host(role)
    steps = ("request", "response", "call", "body", "trailers", "done", "log")
    for order in itertools.chain.from_iterable(itertools.permutations(steps, length) for length in (2, 3, 4)):
        live.replies.clear()
        context = live.context()
        for step in order:
            perform(live, context, step)
        live.export("proxy_on_delete", context)
        assert len(live.replies) <= 1, order
        # What a call brings after everything is over is for nobody.
        replies = len(live.replies)
        while live.answered < len(live.dispatched):
            perform(live, context, "late call")
        assert len(live.replies) == replies, order
    # And the module serves as before.
    _, action = live.request(good[role])
    assert action == (PAUSE if role == "push" else CONTINUE)


def outcome(role: str, headers: Headers, failing: dict[str, int]) -> str:
    """What becomes of a request and its answer where calls fail; what must not go on does not."""
    failed = host(role)
    failed.failing = failing
    try:
        context, action = failed.request(list(headers))
        if action == PAUSE:
            return "denied" if "proxy_send_local_response" in failed.calls else "held"
        check_upstream(failed.maps[REQUEST_HEADERS])
        failed.buffers[RESPONSE_BODY] = b"JPEG"
        if failed.response(context, list(ANSWER)) == PAUSE:
            return "denied"
        check_downstream(failed.maps[RESPONSE_HEADERS])
        return "served"
    except mock.Trapped as trapped:
        return f"trapped: {trapped}"


CALLS = sorted(imported.name for imported in mock.compiled()[0].imports if imported.module == "env")

# Where the SDK's wrapper traps on some statuses, which Envoy does not give there: the request is answered 5xx by Envoy
# then, and the VM begins anew (`failure_policy`).
TRAPPING = {"proxy_get_header_map_pairs", "proxy_set_header_map_pairs", "proxy_get_current_time_nanoseconds",
            "proxy_set_property", "proxy_get_shared_data", "proxy_set_shared_data", "proxy_increment_metric", "proxy_record_metric",
            "proxy_send_local_response", "proxy_http_call", "proxy_set_effective_context"}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("role", ROLES)
def test_i52_a_host_call_that_fails_denies_or_changes_nothing(role: str, name: str, good: dict[str, Headers]) -> None:
    without = outcome(role, good[role], {})
    assert without == ("held" if role == "push" else "served")
    used = host(role)
    context, _ = used.request(list(good[role]))
    if role != "push":
        used.response(context, list(ANSWER))
    for status in FAILURES:
        found = outcome(role, good[role], {name: status})
        if name not in used.calls:
            assert found == without
        elif found.startswith("trapped"):
            assert name in TRAPPING, found
        else:
            assert found == (without if name in HARMLESS else "denied"), (name, status)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("kind", ["served", "refused"])
def test_i52_nothing_goes_on_where_a_reply_fails_too(kind: str, name: str, good: dict[str, Headers]) -> None:
    headers = good["edge"] if kind == "served" else REFUSED["a wide picture"]
    for status in FAILURES:
        both = {name: status, "proxy_send_local_response": status}
        found = outcome("edge", headers, both)
        assert found == "denied" or found.startswith("trapped") or kind == "served", (name, status, found)


@pytest.mark.parametrize("name", ["proxy_get_buffer_bytes", "proxy_get_property"])
def test_i52_a_module_without_its_policy_denies_everything(name: str, good: dict[str, Headers]) -> None:
    for status in FAILURES:
        try:
            failed = Host("edge", SHIPPED, {name: status})
        except mock.Trapped:
            continue
        assert not failed.configured
        failed.failing = {}
        _, action = failed.request(list(good["edge"]))
        assert action == PAUSE and [reply.status for reply in failed.replies] == [502]
