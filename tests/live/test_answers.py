"""Answers of the whole chain: HEAD, the gate, an origin that errs or is locked, a resizer that is gone."""

import io
import json
import urllib.request

import pytest
from PIL import Image

import contract
import health
import leaks
import origin
import wire
from conftest import RESIZER, policy_text, stubbed_policy
from roles import seal
from stack import Stack
from upstream import Upstream
from wire import Answer, Connection, request

CACHE = "public, max-age=3600"


def without_date(answer: Answer) -> list[tuple[str, str]]:
    return sorted(pair for pair in answer.headers if pair[0] != "date")


# ---- HEAD


@pytest.mark.parametrize(
    "path",
    ["/images/small/landscape.jpg", "/images/large/small.jpg", "/images/huge/a.jpg", "/images/small/no.jpg"],
)
def test_head_tells_what_get_would(path: str, stack: Stack) -> None:
    with Connection(stack.ports.edge) as connection:
        get = connection.ask(request(path))
        head = connection.ask(request(path, "HEAD"))
        again = connection.ask(request(path))
    assert head.status == get.status and without_date(head) == without_date(get), f"GET\n{get}\nHEAD\n{head}"
    assert again.body == get.body, f"\n{again}"


def test_head_among_pipelined_requests(stack: Stack) -> None:
    with Connection(stack.ports.edge) as connection:
        connection.send(request(method="HEAD") + request() + request(method="HEAD"))
        for head in (True, False, True):
            answer = connection.answer(head=head)
            contract.check_served(answer, stack, CACHE, None, "image/jpeg", head)


# ---- the gate


@pytest.fixture(scope="module")
def token(stack: Stack) -> str:
    """A path that the gate serves, sealed by another edge with the same key, whose resizer shows what it is asked."""
    with (
        Stack(policy=stubbed_policy(), resizer=None, origin=False, env=stack.env) as other,
        Upstream(other.ports.resizer) as resizer,
    ):
        return seal(other, resizer)


def test_the_gate_serves_what_the_edge_sealed(token: str, stack: Stack) -> None:
    for method in ("GET", "HEAD"):
        answer = wire.ask(stack.ports.gate, request(token, method))
        assert answer.status == 200, f"\n{answer}"
        assert answer.one("content-length") == str((stack.pictures / "landscape.jpg").stat().st_size)
        assert len(answer.body) == (0 if method == "HEAD" else int(answer.one("content-length"))), (
            f"\n{answer}"
        )
        assert answer.names <= contract.SERVED, f"\n{answer}"
        told = leaks.found_in(json.dumps(answer.headers).encode(), leaks.secrets_of(stack))
        assert not told, f"the gate tells {told}\n{answer}"
        assert stack.origin_requests()[-1]["method"] == method


def test_head_at_the_gate_leaves_the_connection_usable(token: str, stack: Stack) -> None:
    with Connection(stack.ports.gate) as connection:
        head, get = connection.ask(request(token, "HEAD")), connection.ask(request(token))
        assert without_date(head) == without_date(get), f"{head}\n{get}"
        assert connection.ask(request(token, "HEAD")).status == 200


def test_the_gate_serves_nothing_else(token: str, stack: Stack) -> None:
    middle = len(token) // 2
    swapped = "B" if token[middle] == "A" else "A"
    before = len(stack.origin_requests())
    for path in (
        "/",
        "/A",
        f"{origin.BASE}landscape.jpg",
        "/images/small/landscape.jpg",
        token[:-1],
        token + "A",
        token + "=",
        token[:middle] + swapped + token[middle + 1 :],
        token[:1] + token[2:],
        token + "?x=1",
        token + "?",
        token + "/",
        token + "/x.jpg",
        "/x" + token,
        token.swapcase(),
        f"/%25{ord(token[1]):02X}{token[2:]}",
        "/" + "A" * 200,
        "/" + "A" * 20000,
    ):
        for method in ("GET", "HEAD"):
            answer = wire.ask(stack.ports.gate, request(path, method))
            refused = (answer.status, answer.reason)
            assert refused in ((403, "not-sealed"), (414, "path-too-long")), f"\n{answer}"
            contract.check_refused(answer, stack, answer.reason, answer.status, method == "HEAD")
    assert len(stack.origin_requests()) == before, "the origin was asked"


def test_an_escaped_letter_is_the_same_token(token: str, stack: Stack) -> None:
    """Envoy folds what need not be escaped (RFC 3986 6.2.2.2) before pinhole sees it: one spelling comes to the module."""
    letters = {token[1], *(letter for letter in "-_" if letter in token)}
    for letter in letters:
        spelled = token.replace(letter, f"%{ord(letter):02X}", 1)
        assert wire.ask(stack.ports.gate, request(spelled)).status == 200, spelled


def test_a_token_of_another_key_opens_nothing(token: str, stack_for: object) -> None:
    other = stack_for("policies/fits.json")
    answer = wire.ask(other.ports.gate, request(token))
    contract.check_refused(answer, other, "not-sealed", 403)


def test_the_gate_takes_no_credentials_from_whoever_asks(token: str, stack: Stack) -> None:
    headers = [
        ("authorization", "Bearer canary"),
        ("cookie", "canary"),
        ("x-pinhole-cluster", "resizer"),
        ("range", "bytes=0-9"),
        ("if-none-match", "*"),
        ("x-forwarded-host", "canary"),
    ]
    answer = wire.ask(stack.ports.gate, request(token, headers=headers))
    assert answer.status == 200, f"\n{answer}"
    asked = stack.origin_requests()[-1]
    assert dict(asked["headers"]) == {
        "host": origin.HOST,
        "x-forwarded-proto": "http",
        "user-agent": "pinhole",
        "via": contract.via(stack),
        "authorization": stack.env["PHOTOS_TOKEN"],
    }


def test_methods_at_the_gate(token: str, stack: Stack) -> None:
    before = len(stack.origin_requests())
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        contract.check_refused(
            wire.ask(stack.ports.gate, request(token, method)), stack, "method-not-allowed", 405
        )
    contract.check_refused(
        wire.ask(stack.ports.gate, request(token, body=b"canary")), stack, "body-not-allowed", 400
    )
    assert len(stack.origin_requests()) == before


# ---- origins that err


# thumbor answers 404 for whatever it cannot load, so that the visitor cannot tell these apart.
@pytest.mark.parametrize("source", ["nothing.jpg", "error.jpg", "redirect.jpg", "page.jpg", "notes.txt"])
def test_an_origin_that_errs(source: str, stack: Stack) -> None:
    before = len(stack.origin_requests())
    answer = wire.ask(stack.ports.edge, request(f"/images/small/{source}"))
    if RESIZER == "thumbor":
        contract.check_refused(answer, stack, "source-not-found", 404)
    else:
        contract.check_refused(answer, stack, answer.reason, contract.UPSTREAM_STATUS[answer.reason])
    asked = stack.origin_requests()[before:]
    assert {entry["path"] for entry in asked} == {f"{origin.BASE}{source}"}, f"{asked}"


def test_metadata_of_the_photographer_does_not_go_on(stack: Stack) -> None:
    for path in ("/images/small/turned.jpg", "/photos/turned.jpg?format=webp", "/images/large/turned.jpg"):
        answer = wire.ask(stack.ports.edge, request(path, headers=[("accept", "image/avif")]))
        assert answer.status == 200 and b"canary-photographer" not in answer.body, f"\n{answer}"
        with Image.open(io.BytesIO(answer.body)) as picture:
            assert not picture.getexif(), f"{dict(picture.getexif())}\n{answer}"


def test_a_private_origin(stack_for: object) -> None:
    stack = stack_for("policies/tenants.json")
    for method in ("GET", "HEAD"):
        answer = wire.ask(stack.ports.edge, request(method=method, authority="members.example.com"))
        contract.check_served(answer, stack, "private, no-store", None, "image/jpeg", method == "HEAD")


def test_a_wrong_credential_is_like_no_picture() -> None:
    with Stack(
        policy=policy_text("policies/basic.json"), resizer=RESIZER, envoy_env={"PHOTOS_TOKEN": "Bearer wrong"}
    ) as stack:
        answer = wire.ask(stack.ports.edge, request())
        assert [entry["status"] for entry in stack.origin_requests()] == [401]
        if RESIZER == "thumbor":
            contract.check_refused(answer, stack, "source-not-found", 404)
        else:
            contract.check_refused(answer, stack, answer.reason, contract.UPSTREAM_STATUS[answer.reason])

        # The same stack without its resizer, and then without its origin.
        stack.child(RESIZER).stop()
        answer = wire.ask(stack.ports.edge, request())
        contract.check_refused(answer, stack, "upstream-unavailable", 503)
        assert wire.ask(stack.ports.edge, request("/images/huge/a.jpg")).status == 404
        health.check(stack)


def test_an_origin_that_is_gone_is_like_no_picture() -> None:
    with Stack(policy=policy_text("policies/basic.json"), resizer=RESIZER) as stack:
        stack.child("origin").stop()
        answer = wire.ask(stack.ports.edge, request())
        if RESIZER == "thumbor":
            contract.check_refused(answer, stack, "source-not-found", 404)
        else:
            contract.check_refused(answer, stack, answer.reason, contract.UPSTREAM_STATUS[answer.reason])
        health.check(stack)


# ---- what is written down


def test_logs_name_neither_secrets_nor_places() -> None:
    # A stack of its own: in the log of a shared one stand the paths that visitors of other tests ask for, secrets too.
    with Stack(policy=policy_text("policies/basic.json"), resizer=RESIZER) as stack:
        wire.ask(stack.ports.edge, request())
        wire.ask(stack.ports.edge, request("/images/small/error.jpg"))
        health.check(stack)
    secrets = leaks.secrets_of(stack)
    quiet = {name: secret for name, secret in secrets.items() if name in stack.env or "origin's" in name}
    quiet.pop("the origin's cluster")  # Envoy's start names its clusters
    log = stack.envoy_log.read_bytes()
    assert b" edge GET /images/small/error.jpg " in log
    assert not (told := leaks.found_in(log, quiet)), f"{stack.envoy_log} tells {', '.join(told)}"


def test_the_admin_page_shows_no_secret(stack: Stack) -> None:
    with urllib.request.urlopen(f"{stack.admin_url}/config_dump", timeout=10) as response:
        dump = response.read()
    told = leaks.found_in(dump, {name: leaks.secrets_of(stack)[name] for name in stack.env})
    assert not told, f"/config_dump tells {', '.join(told)}"
