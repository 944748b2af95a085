"""Fallback images: what a route serves where the picture cannot be had, and when it does not."""

import base64
import io
import json
from collections.abc import Iterator

import pytest
from PIL import Image

import contract
import leaks
import wire
from conftest import RESIZER, impatient, policy_text, stubbed_policy
from stack import Stack
from through_stub import Stubbed
from upstream import Upstream, response
from wire import Answer, request


def image() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 200, 200)).save(out, "WEBP")
    return out.getvalue()


IMAGE = image()


def with_fallbacks(policy: str) -> str:
    """The basic policy with a fallback of each kind: error's status, 200, kept for a while, none."""
    document = json.loads(policy)
    document["fallbacks"] = {"grey": base64.b64encode(IMAGE).decode()}
    kinds = [{"image": "grey"}, {"image": "grey", "status": "ok"}, {"image": "grey", "status": "ok", "max_age": 30}]
    for route, fallback in zip(document["routes"], kinds, strict=False):
        route["fallback"] = fallback
    document["routes"][0]["unresizable"] = "placeholder"
    return json.dumps(document)


@pytest.fixture(scope="module")
def failing() -> Iterator[Stubbed]:
    with Stack(policy=with_fallbacks(stubbed_policy()), resizer=None, configure=impatient) as stack:
        with Upstream(stack.ports.resizer) as upstream:
            yield stack, upstream


def check(answer: Answer, stack: Stack, status: int, reason: str, cache: str = "no-store", head: bool = False) -> None:
    assert (answer.status, answer.reason) == (status, reason), f"wanted {status} {reason}\n{answer}"
    assert answer.one("content-type") == "image/webp" and answer.one("cache-control") == cache, f"\n{answer}"
    assert answer.names <= contract.REFUSED, f"\n{answer}"
    assert answer.body == (b"" if head else IMAGE) and answer.one("content-length") == str(len(IMAGE)), f"\n{answer}"
    leaks.check(answer, stack)


PATHS = {  # of the basic policy's first three routes: how each serves its fallback
    "/images/small/a.jpg": (None, "no-store"),
    "/photos/a.jpg": (200, "no-store"),
    "/strict/a.jpg?width=9": (200, "public, max-age=30"),
}
FAULTS: dict[str, tuple[object, int, str]] = {
    "404": (response("404 Not Found"), 404, "source-not-found"),
    "413": (response("413 Content Too Large"), 413, "source-too-large"),
    "500": (response("500 Internal Server Error"), 502, "upstream-failed"),
    "503": (response("503 Service Unavailable"), 503, "upstream-unavailable"),
    "302": (response("302 Found", [("Location", "http://canary/")]), 502, "upstream-redirected"),
    "closes": (b"", 503, "upstream-unavailable"),
    "does not answer": (lambda connection: connection.recv(1), 504, "upstream-timeout"),
    "text": (response(headers=[("Content-Type", "text/plain")]), 502, "not-an-image"),
}


# The first route answers what is no picture with its placeholder.
EACH = [(fault, path) for fault in FAULTS for path in PATHS if fault != "text" or PATHS[path][0]]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("fault", "path"), EACH)
def test_a_picture_that_cannot_be_had(fault: str, path: str, method: str, failing: Stubbed) -> None:
    stack, upstream = failing
    behaviour, status, reason = FAULTS[fault]
    as_status, cache = PATHS[path]
    upstream.behaves(behaviour)
    answer = wire.ask(stack.ports.edge, request(path, method))
    check(answer, stack, as_status or status, reason, cache, method == "HEAD")


def test_a_placeholder_goes_before_it(failing: Stubbed) -> None:
    stack, upstream = failing
    upstream.behaves(FAULTS["text"][0])
    answer = wire.ask(stack.ports.edge, request("/images/small/a.jpg"))
    contract.check_refused(answer, stack, "not-an-image", 502, placeholder=True)


def test_a_route_without_one_answers_with_its_text(failing: Stubbed) -> None:
    stack, upstream = failing
    upstream.behaves(FAULTS["404"][0])
    answer = wire.ask(stack.ports.edge, request("/either/a.jpg"))
    contract.check_refused(answer, stack, "source-not-found", 404)


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/images/huge/a.jpg", 404, "unknown-preset"),
        ("/strict/a.jpg?width=1001", 400, "over-limit"),
        ("/photos/a.jpg?height=2", 400, "unknown-option"),
    ],
)
def test_a_refused_request_gets_none(path: str, status: int, reason: str, failing: Stubbed) -> None:
    answer = wire.ask(failing[0].ports.edge, request(path))
    contract.check_refused(answer, failing[0], reason, status)


def test_what_nobody_may_keep_has_a_fallback_that_nobody_keeps() -> None:
    document = json.loads(with_fallbacks(policy_text("policies/basic.json")))
    for origin in document["origins"].values():
        del origin["origin_auth"]
    with Stack(policy=json.dumps(document), resizer=RESIZER) as stack:
        for path in PATHS:
            answer = wire.ask(stack.ports.edge, request(path.replace("a.jpg", "nothing.jpg")))
            assert answer.body == IMAGE and answer.one("cache-control") == "private, no-store", f"\n{answer}"
        stack.child(RESIZER).stop()
        answer = wire.ask(stack.ports.edge, request("/photos/small.jpg"))
        check(answer, stack, 200, "upstream-unavailable", "private, no-store")
