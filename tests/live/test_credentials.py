"""A visitor's credentials: to the origin that names them, past the resizer that never sees them, and nowhere else."""

import json
from collections.abc import Iterator

import pytest

import contract
from conftest import RESIZER, policy_text
from stack import Stack
from upstream import Upstream
from wire import Answer, ask, request

CANARY = "canary-of-the-visitor"
OLD_KEY = "0f" * 32


def policy(gate: dict | None = None, **credentials: object) -> str:
    """The basic policy with an origin that is given these credentials."""
    document = json.loads(policy_text("policies/basic.json"))
    document["origins"]["photos"]["credentials"].update(credentials)
    if credentials.get("forward") or credentials.get("cookies"):
        document["origins"]["photos"].pop("origin_auth", None)
    document["gate"].update(gate or {})
    return json.dumps(document)


@pytest.fixture(scope="module")
def forwarding() -> Iterator[Stack]:
    text = policy(forward=["x-amz-date", "authorization"], cookies=["session"])
    with Stack(policy=text, resizer=RESIZER) as stack:
        yield stack


def get(stack: Stack, *headers: tuple[str, str], path: str = "/images/small/landscape.jpg") -> Answer:
    return ask(stack.ports.edge, request(path, headers=list(headers)))


def last_origin_request(stack: Stack) -> dict[str, str]:
    return {name.lower(): value for name, value in stack.origin_requests()[-1]["headers"]}


def test_listed_credentials_reach_the_origin_and_no_other(forwarding: Stack) -> None:
    answer = get(
        forwarding,
        ("x-amz-date", f"{CANARY}-date"),
        ("x-amz-security-token", f"{CANARY}-unlisted"),
        ("cookie", f"tracking={CANARY}-unlisted; session={CANARY}-session"),
        ("authorization", f"Bearer {CANARY}-overridden"),
    )
    contract.check_served(answer, forwarding, "private, no-store", None, "image/jpeg")
    seen = last_origin_request(forwarding)
    assert seen["x-amz-date"] == f"{CANARY}-date" and seen["cookie"] == f"session={CANARY}-session", seen
    # What the policy sets stands in the place of what a visitor sends under the same name.
    assert seen["authorization"] == forwarding.env["PHOTOS_TOKEN"], seen
    assert "unlisted" not in repr(seen), seen
    assert CANARY not in forwarding.resizer_log.read_text() + forwarding.envoy_log.read_text()


def test_an_answer_is_private_even_if_no_credential_came(forwarding: Stack) -> None:
    contract.check_served(get(forwarding), forwarding, "private, no-store", None, "image/jpeg")


@pytest.mark.parametrize(
    ("headers", "reason", "status"),
    [
        ([("x-amz-date", "a"), ("x-amz-date", "b")], "repeated-credential", 400),
        ([("cookie", "session=a; session=b")], "repeated-credential", 400),
        ([("x-amz-date", "a" * 6000)], "credentials-too-large", 431),
    ],
)
def test_what_is_unclear_or_too_large_is_refused(
    forwarding: Stack, headers: list[tuple[str, str]], reason: str, status: int
) -> None:
    contract.check_refused(get(forwarding, *headers), forwarding, reason, status)


def test_the_resizer_sees_a_token_of_its_own_for_each_visitor_and_nothing_else() -> None:
    with Stack(policy=policy(forward=["share-publicly"]), resizer=None) as stack:
        with Upstream(stack.ports.resizer) as upstream:
            for visitor in ("one", "two", "one"):
                assert get(stack, ("x-sa-date", f"{CANARY}-{visitor}")).status == 200
            one, two, again = (asked.line for asked in upstream.asked)
    assert one == again != two
    assert CANARY not in repr(upstream.asked)


@pytest.mark.parametrize("directory", ["private", "no-store", "varying"])
def test_an_origin_that_wants_a_source_kept_private_wins(stack: Stack, directory: str) -> None:
    shared = get(stack)
    contract.check_served(shared, stack, "public, max-age=3600", None, "image/jpeg")
    answer = get(stack, path=f"/images/small/{directory}/landscape.jpg")
    contract.check_served(answer, stack, "private, no-store", None, "image/jpeg")


def test_a_gate_by_itself_refuses_what_it_cannot_keep_private() -> None:
    with Stack(policy=policy(gate={"private_sources": "refuse"}), resizer=RESIZER) as stack:
        contract.check_served(get(stack), stack, "public, max-age=3600", None, "image/jpeg")
        answer = get(stack, path="/images/small/private/landscape.jpg")
        assert (answer.status, answer.reason) == (404, "source-not-found"), f"\n{answer}"
    assert "reason=private-source" in stack.envoy_log.read_text()


def test_a_sealed_source_outlives_a_change_of_the_key_by_one() -> None:
    old = policy(gate={"seal_key": {"value": OLD_KEY}})
    with Stack(policy=old, resizer=None) as stack, Upstream(stack.ports.resizer) as upstream:
        assert get(stack).status == 200
        token = upstream.asked[0].line.split("%2F")[-1].split(" ")[0]
    for previous, status in (({"value": OLD_KEY}, 200), ({"value": "1e" * 32}, 403)):
        with Stack(policy=policy(gate={"previous_seal_key": previous}), resizer=RESIZER) as stack:
            assert ask(stack.ports.gate, request(f"/{token}")).status == status
