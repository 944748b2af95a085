"""What a visitor gets when the origin fails, through every resizer that this machine can run.

The expectation is the table of envoy/resizers.md; every cell of it is run. The origin is a stub, the rest is real.
"""

import io
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from PIL import Image

import contract
import keys
import resizers
import wire
from bootstrap import ROOT
from conftest import policy_of
from programs import ProgramError
from stack import Stack
from through_stub import PATH
from upstream import Behaviour, Upstream, response
from wire import request

PNG = ("Content-Type", "image/png")
HEADING = "## What a visitor gets when the origin fails\n"
DAMAGED = "a damaged picture"


def noise() -> bytes:
    """A picture that does not compress, so that a piece of it is missed."""
    out = io.BytesIO()
    Image.effect_noise((900, 700), 90).save(out, "PNG")
    return out.getvalue()


NOISE = noise()


def says_nothing(connection: socket.socket) -> None:
    connection.recv(1)


FAULTS: dict[str, Behaviour | bytes | None] = {
    "404": response("404 Not Found"),
    "403": response("403 Forbidden"),
    "500": response("500 Internal Server Error"),
    "503": response("503 Service Unavailable"),
    "a redirect": response("302 Found", [("Location", "http://canary/")]),
    "a page": response(headers=[("Content-Type", "text/html")], body=b"<p>canary"),
    "is down": None,
    "closes without an answer": b"",
    "does not answer in time": says_nothing,
    "breaks off in the middle": response(headers=[PNG], body=NOISE)[:-1000],
    "a picture that is cut off": response(headers=[PNG], body=NOISE[: len(NOISE) // 2]),
    "something else under a picture's type": response(headers=[PNG], body=b"no picture" * 50),
}


def table() -> dict[str, dict[str, str]]:
    """What is documented: by resizer and by fault."""
    section = (ROOT / "envoy" / "resizers.md").read_text().split(HEADING)[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    names = rows[0][1:]
    return {name: {row[0]: row[column + 1] for row in rows[2:]} for column, name in enumerate(names)}


TABLE = table()


def impatient(text: str) -> str:
    """envoy.yaml whose gate waits for the origin for two seconds instead of ten."""
    whole, each = "                  timeout: 10s\n", "per_try_timeout: 4s"
    assert text.count(whole) == text.count(each) == 1
    return text.replace(whole, whole.replace("10s", "2s")).replace(each, "per_try_timeout: 0.8s")


@pytest.fixture(scope="module", params=TABLE)
def chain(request: pytest.FixtureRequest) -> Iterator[Stack]:
    try:
        resizers.find(request.param, 1, "http://127.0.0.1", keys.fresh())
    except ProgramError as error:
        pytest.skip(str(error))
    policy = policy_of("policies/basic.json", request.param)
    policy["presets"] = {"small": {"width": 300}}
    policy["routes"] = policy["routes"][:1]
    policy["gate"]["private_sources"] = "refuse"  # so that a picture is public without a word of the gate
    with Stack(policy=json.dumps(policy), resizer=request.param, origin=False, configure=impatient) as stack:
        yield stack


def test_the_table_has_every_fault() -> None:
    assert all(list(faults) == list(FAULTS) for faults in TABLE.values()), TABLE


@pytest.mark.parametrize("fault", FAULTS)
def test_an_origin_that_fails(fault: str, chain: Stack) -> None:
    wanted = TABLE[chain.resizer][fault]
    with ExitStack() as exits:
        if fault != "is down":
            exits.enter_context(Upstream(chain.ports.origin)).behaves(FAULTS[fault])
        answer = wire.ask(chain.ports.edge, request(PATH))
    if wanted == DAMAGED:
        assert contract.check_served(answer, chain, "public, max-age=3600", None, "image/png") == (300, 233)
        return
    status, _, reason = wanted.partition(" ")
    contract.check_refused(answer, chain, reason.strip("`"), int(status))
