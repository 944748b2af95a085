"""Every case of the corpus against the real chain: what the visitor gets, and what the origin was asked.

One case: `pytest tests/live -k width/zero-is-not-a-width`: the subject and words of its name, hyphenated.
"""

import json
from collections.abc import Callable
from urllib.parse import quote, unquote, urlsplit

import pytest

import contract
import corpus
import health
import wire
from conftest import CASES
from corpus import Case
from stack import Stack


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in corpus.load()])
def test_case(case: Case, stack_for: Callable[[str], Stack]) -> None:
    stack = stack_for(case.policy)
    before = len(stack.origin_requests())
    fields = {key: value for key, value in case.request.items() if key != "body"}
    body = b"abc" if case.request.get("body") else b""
    answer = wire.ask(stack.ports.edge, wire.request(**fields, body=body))
    asked = stack.origin_requests()[before:]

    head = case.request.get("method") == "HEAD"
    if case.picture:
        size = contract.check_served(
            answer, stack, case.served["cache"], case.served.get("vary"), case.picture["type"], head
        )
        assert head or size == tuple(case.picture["size"]), f"wanted {case.picture}, got {size}\n{answer}"
    elif case.reason:
        contract.check_refused(answer, stack, case.reason, case.status, head, case.placeholder)
        if case.option:
            shown = case.option if contract.OPTION.fullmatch(case.option) else None
            assert answer.one("x-pinhole-option") == shown, f"wanted x-pinhole-option {shown}\n{answer}"
    else:
        contract.check_refused_by_envoy(answer, stack, case.status)
    assert asked == ([origin_request(case, stack, asked)] if case.served else []), f"\n{answer}"
    health.check(stack)


def origin_request(case: Case, stack: Stack, asked: list[dict]) -> dict:
    """What the origin's record must hold, to the last header; its status is the origin's own."""
    origin = json.loads((CASES / case.policy).read_text())["origins"][case.served["origin"]]
    url = urlsplit(origin["url"])
    base = quote(unquote(url.path).rstrip("/"))
    headers = [["host", url.netloc.lower()], ["x-forwarded-proto", "http"], ["user-agent", "pinhole"]]
    headers.append(["via", contract.via(stack)])
    for name, secret in origin.get("credentials", {}).get("set", {}).items():
        headers.append([name.lower(), stack.env[secret["env"]]])
    status = asked[0]["status"] if asked else 0
    path = f"{base}/{quote(case.served['source'])}"
    return {"method": "GET", "path": path, "headers": headers, "status": status}
