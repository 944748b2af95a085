"""The four Workers of `envoy/migration.md`: each request of its tables, asked of its policy in a real Envoy.

A row that is served must give a picture as wide as it says, fetched with the policy's credential and nothing of the
visitor's; one that is refused must ask nobody. What Envoy refuses before pinhole sees it is refused as well.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest

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

    @property
    def host(self) -> str:
        """By which the policy is told from the others."""
        return f"{self.policy.about.removesuffix('.json')}.example.com"


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


def policy() -> str:
    """All policies of the tables in one, each for a host of its own, with the resizer of this run. An origin without
    credentials gets those of the demo's."""
    together: dict = {"resizer": resizers.section(RESIZER), "routes": [], "origins": {}}
    for row in {row.policy: row for row in rows()}.values():
        document = pages.laid_over(row.policy)
        together["gate"] = document["gate"]
        for route in document["routes"]:
            own = {"presets": document["presets"]} if "<preset>" in route["path"] else {}
            together["routes"].append(route | own | {"hosts": [row.host], "origin": f"{row.host}-{route['origin']}"})
        for name, origin in document["origins"].items():
            given = {} if "credentials" in origin else {"credentials": OWN, "origin_auth": "share-publicly"}
            together["origins"][f"{row.host}-{name}"] = origin | given
    return json.dumps(together)


@pytest.fixture(scope="module")
def documented() -> Iterator[Stack]:
    with Stack(policy=policy(), resizer=RESIZER) as stack:
        yield stack


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.policy.about} {row.request}") for row in rows()])
def test_what_the_page_says_is_what_becomes_of_it(row: Row, documented: Stack) -> None:
    stack = documented
    line, *more = pages.quoted(row.request)
    method, _, target = line.rpartition(" ")
    headers = [tuple(header.split(": ", 1)) for header in more]
    before = len(stack.origin_requests())
    answer = wire.ask(stack.ports.edge, wire.request(target, method or "GET", row.host, headers))
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
