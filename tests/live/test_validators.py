"""Validators and conditional requests: tags of ours, 304, and what of an upstream's validators comes out."""

from collections.abc import Callable, Iterator

import pytest

import contract
import origin
import wire
from conftest import RESIZER, impatient, policy_text, stubbed_policy, with_origin
from stack import Stack
from through_stub import Stubbed, ask
from upstream import Upstream, response
from wire import Answer, Connection, request

PNG = ("Content-Type", "image/png")
TAGGED = response(headers=[PNG, ("ETag", f'"{origin.CANARY}"')])
DATE, LATER, EARLIER = (
    "Tue, 24 Nov 2026 05:22:24 GMT",
    "Wed, 25 Nov 2026 00:00:00 GMT",
    "Mon, 23 Nov 2026 00:00:00 GMT",
)
CACHE = "public, max-age=3600"


def check_not_modified(answer: Answer, stack: Stack, tag: str) -> None:
    assert (answer.status, answer.body) == (304, b""), f"\n{answer}"
    assert (answer.one("etag"), answer.one("cache-control")) == (tag, CACHE), f"\n{answer}"
    assert answer.names <= {"etag", "cache-control", "vary", "date", "server", "last-modified"}, f"\n{answer}"


def tag_of(answer: Answer, stack: Stack) -> str:
    contract.check_served(answer, stack, CACHE, None, "image/png")
    tag = answer.one("etag")
    assert tag and contract.TAG.fullmatch(tag), f"no tag\n{answer}"
    return tag


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_has_the_picture_is_told_so(method: str, stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    tag = tag_of(ask(stubbed, behaviour=TAGGED), stack)
    for value in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = ask(stubbed, request(method=method, headers=[("if-none-match", value)]), TAGGED)
        check_not_modified(answer, stack, tag)
        assert not {"if-none-match", "etag"} & dict(upstream.asked[0].headers).keys(), f"{upstream.asked}"


def test_a_304_leaves_the_connection_usable(stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    tag = tag_of(ask(stubbed, behaviour=TAGGED), stack)
    upstream.behaves(TAGGED)
    with Connection(stack.ports.edge) as connection:
        check_not_modified(connection.ask(request(headers=[("if-none-match", tag)])), stack, tag)
        assert tag_of(connection.ask(request()), stack) == tag


def test_who_has_another_picture_is_sent_this_one(stubbed: Stubbed) -> None:
    stack, _ = stubbed
    tag = tag_of(ask(stubbed, behaviour=TAGGED), stack)
    changed = response(headers=[PNG, ("ETag", '"another"')])
    assert tag_of(ask(stubbed, request(headers=[("if-none-match", tag)]), changed), stack) != tag
    small = wire.request("/images/medium/landscape.jpg", headers=[("if-none-match", tag)])
    assert tag_of(ask(stubbed, small, TAGGED), stack) != tag, "the same tag of the resizer, of another variant"
    for condition in [("if-none-match", f'"{origin.CANARY}"'), ("if-none-match", tag[1:-1]), ("if-match", '"x"')]:
        assert tag_of(ask(stubbed, request(headers=[condition]), TAGGED), stack) == tag


@pytest.mark.parametrize(
    "tag", ["", "canary", '"canary', '"can"ary"', 'w/"canary"', '"canary", "two"', '"' + "canary" * 300 + '"']
)
def test_what_is_no_tag_is_none(tag: str, stubbed: Stubbed) -> None:
    answer = ask(stubbed, behaviour=response(headers=[PNG, ("ETag", tag)]))
    contract.check_served(answer, stubbed[0], CACHE, None, "image/png")
    assert answer.one("etag") is None, f"\n{answer}"


def test_an_error_is_none_that_anybody_has(stubbed: Stubbed) -> None:
    gone = response("404 Not Found", [PNG, ("ETag", '"x"')])
    answer = ask(stubbed, request(headers=[("if-none-match", "*")]), gone)
    contract.check_refused(answer, stubbed[0], "source-not-found", 404)


def test_a_range_is_answered_with_the_whole_picture(stubbed: Stubbed) -> None:
    stack, upstream = stubbed
    tag = tag_of(ask(stubbed, behaviour=TAGGED), stack)
    for headers in ([("range", "bytes=0-9")], [("range", "bytes=0-9"), ("if-range", tag)], [("range", "bytes=9999-")]):
        answer = ask(stubbed, request(headers=headers), TAGGED)
        assert tag_of(answer, stack) == tag and answer.one("content-range") is None, f"\n{answer}"
        assert "range" not in dict(upstream.asked[0].headers)


# ---- last-modified


def test_the_time_of_a_change_is_told_only_where_the_policy_says_so(stubbed: Stubbed) -> None:
    dated = response(headers=[PNG, ("Last-Modified", DATE)])
    assert ask(stubbed, behaviour=dated).one("last-modified") is None
    answer = ask(stubbed, request(headers=[("if-modified-since", LATER)]), dated)
    contract.check_served(answer, stubbed[0], CACHE, None, "image/png")


@pytest.fixture(scope="module")
def dated() -> Iterator[Stubbed]:
    policy = with_origin(stubbed_policy(), last_modified="show")
    with Stack(policy=policy, resizer=None, configure=impatient) as stack, Upstream(stack.ports.resizer) as upstream:
        yield stack, upstream


def test_where_it_does_who_has_it_since_is_told_so(dated: Stubbed) -> None:
    behaviour = response(headers=[PNG, ("Last-Modified", DATE)])
    assert ask(dated, behaviour=behaviour).one("last-modified") == DATE
    for since, status in ((DATE, 304), (LATER, 304), (EARLIER, 200), ("canary", 200)):
        answer = ask(dated, request(headers=[("if-modified-since", since)]), behaviour)
        assert (answer.status, answer.one("last-modified")) == (status, DATE), f"{since}\n{answer}"
    both = request(headers=[("if-modified-since", LATER), ("if-none-match", '"x"')])
    assert ask(dated, both, behaviour).status == 200, "a tag counts for more than a date"
    for other in ("canary", "Tue, 24 Nov 2026 05:22:24 canary", ""):
        answer = ask(dated, behaviour=response(headers=[PNG, ("Last-Modified", other)]))
        assert answer.one("last-modified") is None, f"\n{answer}"


# ---- through a real resizer


def test_private_pictures_have_no_validators(stack_for: Callable[[str], Stack]) -> None:
    stack = stack_for("policies/tenants.json")
    answer = wire.ask(stack.ports.edge, request(authority="members.example.com", headers=[("if-none-match", "*")]))
    contract.check_served(answer, stack, "private, no-store", None, "image/jpeg")
    assert answer.one("etag") is None, f"\n{answer}"


@pytest.mark.skipif(RESIZER not in ("thumbor", "ipx", "imgproxy"), reason=f"{RESIZER} gives no tags")
def test_a_real_resizers_tag_comes_back_as_one_of_ours() -> None:
    with Stack(policy=policy_text("policies/basic.json"), resizer=RESIZER) as stack:
        answer = wire.ask(stack.ports.edge, request())
        tag = answer.one("etag")
        assert tag and contract.TAG.fullmatch(tag), f"\n{answer}"
        check_not_modified(wire.ask(stack.ports.edge, request(headers=[("if-none-match", tag)])), stack, tag)
