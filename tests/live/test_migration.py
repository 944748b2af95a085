"""The four Workers of `envoy/migration.md`: each request of its tables, asked of its policy in a real Envoy.

A row that is served must give a picture as wide as it says, fetched with the policy's credential and nothing of the
visitor's; one that is refused must ask nobody. What Envoy refuses before pinhole sees it is refused as well.
"""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest
from PIL import Image

import contract
import health
import pages
import resizers
import wire
from conftest import RESIZER
from stack import Stack

PAGE = "envoy/migration.md"
HEADING = ["request", "pinhole", "the Worker"]
OWN = {"set": {"authorization": {"env": "PHOTOS_TOKEN"}}}  # what the demo's origin wants


class Row(NamedTuple):
    """A row of a table, and the policy above it."""

    policy: pages.Block
    request: str
    outcome: str


def rows() -> list[Row]:
    above, found = None, []
    for part in pages.parts(PAGE):
        if isinstance(part, pages.Block):
            above = part if part.language == "json" else above
        elif part.heading == HEADING:
            assert above and above.about, f"{PAGE}: no policy with a name above {part.rows[0]}"
            found += [Row(above, row[0], row[1]) for row in part.rows]
    assert len(found) >= 30, f"{PAGE}: only {len(found)} requests"
    return found


def policy_of(block: pages.Block) -> str:
    """The policy of a block with the resizer of this run; an origin without credentials gets those of the demo's."""
    document = pages.laid_over(block) | {"resizer": resizers.section(RESIZER)}
    for origin in document["origins"].values():
        if "credentials" not in origin:
            origin |= {"credentials": OWN, "origin_auth": "share-publicly"}
    return json.dumps(document)


@pytest.fixture(scope="module")
def documented() -> Iterator[Callable[[pages.Block], Stack]]:
    """The running stack for a policy of the page."""
    running: dict[str, Stack] = {}
    with ExitStack() as exits:

        def start(block: pages.Block) -> Stack:
            if block.about not in running:
                stack = Stack(policy=policy_of(block), resizer=RESIZER)
                running[block.about] = exits.enter_context(stack)
            return running[block.about]

        yield start


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.policy.about} {row.request}") for row in rows()])
def test_what_the_page_says_is_what_becomes_of_it(row: Row, documented: Callable[[pages.Block], Stack]) -> None:
    stack = documented(row.policy)
    line, *more = pages.quoted(row.request)
    method, _, target = line.rpartition(" ")
    headers = [tuple(header.split(": ", 1)) for header in more]
    before = len(stack.origin_requests())
    answer = wire.ask(stack.ports.edge, wire.request(target, method or "GET", headers=headers))
    asked = stack.origin_requests()[before:]
    if row.outcome.startswith("served: "):
        check_served(answer, row, asked, stack)
    else:
        check_refused(answer, row, asked, stack)
    health.check(stack)


def check_served(answer: wire.Answer, row: Row, asked: list[dict], stack: Stack) -> None:
    (canonical,) = pages.quoted(row.outcome)
    options = dict(option.split("=") for option in canonical.split(","))
    kind = f"image/{options.get('format', 'jpeg')}"
    vary = "accept" if "format" in options else None
    size = contract.check_served(answer, stack, "public, max-age=3600", vary, kind)
    assert size is not None and size[0] == int(options["width"]), f"{size}\n{answer}"
    with Image.open(io.BytesIO(answer.body)) as picture:
        picture.load()
    (request,) = asked
    names = [name for name, _ in request["headers"]]
    given = [value for name, value in request["headers"] if name == "authorization"]
    assert given == [stack.env["PHOTOS_TOKEN"]], f"the origin was given {given}"
    assert set(names) == {"host", "x-forwarded-proto", "user-agent", "via", "authorization"}, names
    assert request["path"].startswith("/hidden-directory/"), request


def check_refused(answer: wire.Answer, row: Row, asked: list[dict], stack: Stack) -> None:
    status, reason = int(row.outcome.split()[0]), pages.quoted(row.outcome)[0]
    if answer.reason == "malformed-request" and reason == "malformed-path":
        contract.check_refused_by_envoy(answer, stack, 400)
    else:
        contract.check_refused(answer, stack, reason, status)
    assert asked == [], f"the origin was asked\n{answer}"
