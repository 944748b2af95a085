"""What holds for a request that goes through the edge to a stub in the resizer's place."""

import contract
import wire
from stack import Stack
from upstream import Asked, Behaviour, Upstream
from wire import Answer, request

PATH = "/images/small/landscape.jpg"
Stubbed = tuple[Stack, Upstream]

# What the resizer is told, always and at most. The request id is Envoy's, TRACE is the visitor's.
ALWAYS = {"host", "x-forwarded-proto", "user-agent", "x-envoy-original-path", "x-request-id"}
B3 = {"b3", *(f"x-b3-{name}" for name in ("traceid", "spanid", "parentspanid", "sampled", "flags"))}
TRACE = {"traceparent", "tracestate"} | B3


def check_upstream(asked: list[Asked], path: str = PATH) -> None:
    """The resizer was asked once, and told nothing beside what pinhole wrote."""
    assert len(asked) == 1, f"the resizer was asked {len(asked)} times: {asked}"
    headers = dict(asked[0].headers)
    assert len(headers) == len(asked[0].headers), f"repeated: {asked[0]}"
    assert ALWAYS <= headers.keys() <= ALWAYS | TRACE, f"{asked[0]}"
    assert headers["host"] == "thumbor.internal" and headers["user-agent"] == "pinhole", f"{asked[0]}"
    assert headers["x-forwarded-proto"] == "http" and headers["x-envoy-original-path"] == path, f"{asked[0]}"
    assert asked[0].line.startswith("GET /") and "canary" not in str(asked[0]), f"{asked[0]}"


def check_served(answer: Answer, stubbed: Stubbed, path: str = PATH) -> None:
    stack, upstream = stubbed
    size = contract.check_served(answer, stack, "public, max-age=3600", None, "image/png")
    assert size == (3, 2), f"\n{answer}"
    check_upstream(upstream.asked, path)


def serves_others(stubbed: Stubbed) -> None:
    """On another connection, everything is as ever."""
    stack, upstream = stubbed
    upstream.behaves()
    check_served(wire.ask(stack.ports.edge, request()), stubbed)


def ask(stubbed: Stubbed, data: bytes | None = None, behaviour: Behaviour | bytes | None = None) -> Answer:
    """The answer to a request, while the resizer behaves like this; well, if nothing is said."""
    stack, upstream = stubbed
    upstream.behaves(behaviour)
    return wire.ask(stack.ports.edge, data or request())
