"""Envoy's own cache behind pinhole (envoy-cache.yaml): what it saves, what it must not mix up, what it must not keep.

The origin's record counts the fetches. `test_what_...` at the end hold what the cache does that pinhole cannot
prevent: they are the limits that envoy/README.md names.
"""

import email.utils
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import contract
import health
import versions
from conftest import RESIZER, policy_text
from stack import Stack
from upstream import Upstream, response
from wire import Answer, ask, request

PUBLIC, PRIVATE = "public, max-age=3600", "private, no-store"
CONFIGURATION = "envoy-cache.yaml"


def altered(gate: dict | None = None, **origin: object) -> str:
    """The basic policy with other keys of its gate and its origin; None takes one away."""
    document = json.loads(policy_text("policies/basic.json"))
    document["origins"]["photos"].update(origin)
    document["origins"]["photos"] = {k: v for k, v in document["origins"]["photos"].items() if v is not None}
    document["gate"].update(gate or {})
    return json.dumps(document)


@pytest.fixture(scope="module")
def cached() -> Iterator[Stack]:
    policy = policy_text("policies/basic.json")
    with Stack(policy=policy, resizer=RESIZER, configuration=CONFIGURATION, concurrency=2) as stack:
        yield stack
        health.check(stack)


@pytest.fixture(scope="module")
def stubbed_cache() -> Iterator[tuple[Stack, Upstream]]:
    with Stack(policy=policy_text("policies/basic.json"), resizer=None, configuration=CONFIGURATION) as stack:
        with Upstream(stack.ports.resizer) as upstream:
            yield stack, upstream
        health.check(stack)


def get(stack: Stack, path: str, *headers: tuple[str, str], method: str = "GET") -> Answer:
    return ask(stack.ports.edge, request(path, method, headers=list(headers)))


def answer_of(status: str, control: str, kind: str = "image/png") -> bytes:
    """What a stub answers. Without a date the cache cannot tell its age, and asks again."""
    date = email.utils.formatdate(usegmt=True)
    return response(status, [("Content-Type", kind), ("Date", date), ("Cache-Control", control)])


def fetches(stack: Stack, source: str) -> int:
    return sum(entry["path"].endswith(f"/{source}") for entry in stack.origin_requests())


# ---- what it saves


def test_one_fetch_for_all_visitors_one_after_another(cached: Stack) -> None:
    before = fetches(cached, "small.jpg")
    answers = [get(cached, "/images/small/small.jpg", ("x-visitor", str(n))) for n in range(20)]
    for answer in answers:
        # A hit never reaches the gate; its note of the first fetch is still there, and says `public`.
        contract.check_served(answer, cached, PUBLIC, None, "image/jpeg")
        assert answer.body == answers[0].body
    assert fetches(cached, "small.jpg") - before == 1


def test_one_fetch_for_all_visitors_at_once(cached: Stack) -> None:
    with ThreadPoolExecutor(20) as visitors:
        answers = list(visitors.map(lambda _: get(cached, "/images/medium/portrait.jpg"), range(20)))
    for answer in answers:
        contract.check_served(answer, cached, PUBLIC, None, "image/jpeg")
    assert fetches(cached, "portrait.jpg") == 1


def test_spellings_of_one_picture_share_an_entry(cached: Stack) -> None:
    """The key is the resizer's URL, which pinhole writes from the options as it understood them."""
    spellings = ["width=500&format=webp", "format=webp&width=500", "w=500&f=webp", "w=0500&f=webp", "f=webp&width=500"]
    served = [get(cached, f"/photos/corners.png?{query}") for query in spellings]
    served = [answer for answer in served if answer.status == 200]  # `0500` may be refused
    assert len(served) >= 4 and len({answer.body for answer in served}) == 1, served
    assert get(cached, "/photos/%63orners.png?w=500&f=webp").body == served[0].body
    # Larger than the limit, clamped: the same picture as at the limit.
    at_limit, beyond = (get(cached, f"/photos/corners.png?w={width}&f=webp").body for width in (1000, 9999))
    assert at_limit == beyond
    assert fetches(cached, "corners.png") == 2


def test_dpr_and_the_width_it_means_share_an_entry() -> None:
    document = json.loads(altered())
    document["routes"][1]["query"]["dpr"] = {"one_of": [1, 2]}
    with Stack(policy=json.dumps(document), resizer=RESIZER, configuration=CONFIGURATION) as stack:
        bodies = {get(stack, f"/photos/small.jpg?{query}").body for query in ("w=80&dpr=2", "w=160", "dpr=1&w=160")}
        assert len(bodies) == 1 and fetches(stack, "small.jpg") == 1


@pytest.mark.parametrize("first", ["HEAD", "GET"])
def test_head_and_get_share_an_entry(cached: Stack, first: str) -> None:
    source, kind = {"HEAD": ("turned.jpg", "image/jpeg"), "GET": ("steps.png", "image/png")}[first]
    path = f"/images/tall.v1/{source}"
    for method in (first, "GET", "HEAD", "GET"):
        answer = get(cached, path, method=method)
        contract.check_served(answer, cached, PUBLIC, None, kind, method == "HEAD")
    assert fetches(cached, source) == 1


# ---- what it must not mix up


def test_formats_are_kept_apart(cached: Stack) -> None:
    accepted = ["image/avif", "image/webp", "image/jpeg", "*/*", "image/webp,image/avif;q=0.1"]
    kinds = {}
    for accept in accepted * 3:
        answer = get(cached, "/images/large/corners.jpg", ("accept", accept))
        kind = answer.one("content-type")
        contract.check_served(answer, cached, PUBLIC, "accept", kind)  # looks into the body for its format
        assert kinds.setdefault(accept, kind) == kind, f"\n{answer}"
    assert kinds["image/avif"] == "image/avif" and kinds["image/jpeg"] == kinds["*/*"] == "image/jpeg", kinds
    assert kinds["image/webp"] == "image/webp", kinds
    assert fetches(cached, "corners.jpg") == len(set(kinds.values()))


def test_a_refusal_stays_one_whatever_is_kept(cached: Stack) -> None:
    assert get(cached, "/photos/badge.png?w=900").status == 200
    contract.check_refused(get(cached, "/strict/badge.png?w=1001"), cached, "over-limit", 400)
    contract.check_refused(get(cached, "/images/huge/badge.png"), cached, "unknown-preset", 404)


@pytest.mark.parametrize(
    "header",
    [("cache-control", "no-store"), ("cache-control", "no-cache"), ("pragma", "no-cache"), ("range", "bytes=0-9"),
     ("if-none-match", '"x"'), ("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT"), ("authorization", "Bearer x")],
    ids=lambda header: "-".join(header).replace("=", "-").replace(" ", "-"),
)
def test_no_visitor_steers_the_cache(cached: Stack, header: tuple[str, str]) -> None:
    path = "/images/small/framed.png"
    get(cached, path)
    before = fetches(cached, "framed.png")
    contract.check_served(get(cached, path, header), cached, PUBLIC, None, "image/png")
    assert fetches(cached, "framed.png") == before


def test_the_resizer_learns_no_more_than_without_the_cache(stubbed_cache: tuple[Stack, Upstream]) -> None:
    stack, upstream = stubbed_cache
    upstream.behaves()
    get(stack, "/images/small/headers.jpg", ("cookie", "canary=1"), ("authorization", "canary"))
    names = {name for name, _ in upstream.asked[0].headers}
    assert names == {"host", "x-forwarded-proto", "user-agent", "x-envoy-original-path", "x-request-id"}, upstream.asked


# ---- what it must not keep


def test_a_source_that_is_not_there_is_asked_for_again(cached: Stack) -> None:
    for _ in range(3):
        contract.check_refused(get(cached, "/images/small/nothing.jpg"), cached, "source-not-found", 404)
    assert fetches(cached, "nothing.jpg") == 3


@pytest.mark.parametrize("status", ["404 Lost", "500 Oops", "502 Bad", "503 Busy", "302 Found", "206 Partial"])
def test_errors_do_not_stay(stubbed_cache: tuple[Stack, Upstream], status: str) -> None:
    stack, upstream = stubbed_cache
    path = f"/images/small/after-{status[:3]}.jpg"
    upstream.behaves(response(status))
    for _ in range(2):
        assert (answer := get(stack, path)).status >= 400 and answer.one("cache-control") == "no-store", f"\n{answer}"
    upstream.behaves(answer_of("200 OK", "max-age=60"))
    for _ in range(4):
        assert get(stack, path).status == 200
    assert len(upstream.asked) == 2  # the first only tells the cache that it may keep this again


@pytest.mark.parametrize("control", ["no-store", "private", "no-cache"])
def test_what_the_resizer_wants_kept_by_nobody_is_not_kept(stubbed_cache: tuple[Stack, Upstream], control: str) -> None:
    stack, upstream = stubbed_cache
    upstream.behaves(answer_of("200 OK", control))
    for _ in range(3):
        assert get(stack, f"/images/small/{control}.jpg").status == 200
    assert len(upstream.asked) == 3


@pytest.mark.parametrize("directory", ["private", "no-store", "varying"])
def test_with_private_sources_refused_none_is_kept(directory: str) -> None:
    # The policy that is in the file, where the resizer is the one that it is for.
    policy = None if RESIZER == "thumbor" else altered(gate={"private_sources": "refuse"})
    with Stack(policy=policy, resizer=RESIZER, configuration=CONFIGURATION) as stack:
        for _ in range(2):
            assert get(stack, f"/images/small/{directory}/small.jpg").reason == "source-not-found"
        assert fetches(stack, "small.jpg") == 2
        for _ in range(2):
            contract.check_served(get(stack, "/images/small/small.jpg"), stack, PUBLIC, None, "image/jpeg")
        assert fetches(stack, "small.jpg") == 3


# ---- its limits


@pytest.mark.parametrize("forward", [[], ["x-visitor"]])
def test_a_private_origin_is_asked_every_time(forward: list[str]) -> None:
    credentials = json.loads(altered())["origins"]["photos"]["credentials"] | ({"forward": forward} if forward else {})
    policy = altered(origin_auth=None, credentials=credentials)
    with Stack(policy=policy, resizer=RESIZER, configuration=CONFIGURATION) as stack:
        for _ in range(2):
            answer = get(stack, "/images/small/small.jpg", ("x-visitor", "one"))
            contract.check_served(answer, stack, PRIVATE, None, "image/jpeg")
        # Before, the cache does not hear of a request's `no-store`.
        assert fetches(stack, "small.jpg") == (2 if versions.since("1.40") else 1)


def test_what_a_visitors_credential_opened_is_for_that_credential_only() -> None:
    """It is in the sealed source, and so in the key."""
    credentials = json.loads(altered())["origins"]["photos"]["credentials"] | {"forward": ["x-visitor"]}
    policy = altered(origin_auth=None, credentials=credentials)
    with Stack(policy=policy, resizer=RESIZER, configuration=CONFIGURATION) as stack:
        for visitor in ("one", "two", "one", "two"):
            answer = get(stack, "/images/small/small.jpg", ("x-visitor", visitor))
            contract.check_served(answer, stack, PRIVATE, None, "image/jpeg")
        contract.check_served(get(stack, "/images/small/small.jpg"), stack, PRIVATE, None, "image/jpeg")
        seen = [dict(entry["headers"]).get("x-visitor") for entry in stack.origin_requests()]
        assert set(seen) == {"one", "two", None} and seen[0] == "one", seen


@pytest.mark.parametrize(("status", "kind"), [("404 Not Found", "image/png"), ("200 OK", "text/html")])
def test_what_a_resizer_lets_be_kept_is_kept_even_if_it_is_an_error(
    stubbed_cache: tuple[Stack, Upstream], status: str, kind: str
) -> None:
    """pinhole sees it after the cache, and refuses it every time; it never becomes a picture."""
    stack, upstream = stubbed_cache
    upstream.behaves(answer_of(status, "max-age=60", kind))
    for _ in range(2):
        answer = get(stack, f"/images/small/kept-{status[:3]}.jpg")
        assert answer.status >= 400 and answer.one("cache-control") == "no-store", f"\n{answer}"
    assert len(upstream.asked) == 1
