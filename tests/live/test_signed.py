"""Signed URLs through the whole chain, made by the Python function that envoy/signed-urls.md gives to users."""

import json
import re
import time
from collections.abc import Iterator
from urllib.parse import unquote

import pytest

import contract
from conftest import RESIZER, ROOT, policy_text
from stack import Stack
from upstream import Upstream
from wire import HOST, Answer, ask, request

KEY, OLD = bytes(range(32)), bytes(range(32, 64))
PAGE = (ROOT / "envoy" / "signed-urls.md").read_text()


def documented() -> dict:
    """What the page's Python code defines."""
    names: dict = {}
    exec(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1), names)
    return names


sign = documented()["sign"]


def policy() -> str:
    document = json.loads(policy_text("policies/basic.json"))
    document["signing"] = {"keys": {"new": {"value": KEY.hex()}, "old": {"value": OLD.hex()}}}
    terms = {"free": ["width"], "max_life": 600}
    query = {"width": {"max": 1000}, "quality": {}}
    document["routes"] = [
        {"path": "/signed/(?<preset>[^/]+)/(?<source>.+)", "origin": "photos", "signature": terms, "query": query}
    ]
    return json.dumps(document)


@pytest.fixture(scope="module")
def signing() -> Iterator[Stack]:
    with Stack(policy=policy(), resizer=RESIZER) as stack:
        yield stack


def url(path: str = "/signed/small/landscape.jpg", life: int = 300, key: bytes = KEY, kid: str = "new", **more) -> str:
    parameters, free = more.get("parameters", {}), more.get("free", ())
    return sign(key, more.get("host", HOST), path, parameters, int(time.time()) + life, kid, free)


def get(stack: Stack, target: str, method: str = "GET") -> Answer:
    return ask(stack.ports.edge, request(target, method))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_was_signed_is_served_no_longer_than_it_is_valid(signing: Stack, method: str) -> None:
    answer = get(signing, url(), method)
    age = int(re.fullmatch(r"public, max-age=(\d+)", answer.one("cache-control") or "")[1])
    assert 290 <= age <= 300, f"\n{answer}"
    contract.check_served(answer, signing, f"public, max-age={age}", None, "image/jpeg", method == "HEAD")


@pytest.mark.parametrize("path", ["/signed/small/caf%C3%A9.jpg", "/signed/small/a%20b.jpg", "/signed/small/a+b@c.jpg"])
def test_a_path_keeps_its_signature_through_envoys_normalisation(signing: Stack, path: str) -> None:
    answer = get(signing, url(unquote(path)))
    contract.check_refused(answer, signing, "source-not-found", 404)


def test_two_keys_are_live_at_a_time(signing: Stack) -> None:
    for key, kid in ((KEY, "new"), (OLD, "old")):
        assert get(signing, url(key=key, kid=kid)).status == 200


def test_a_free_parameter_is_the_visitors_within_the_limits_of_the_route(signing: Stack) -> None:
    free = url(free=("width",))
    assert get(signing, free).status == get(signing, free + "&width=640").status == 200
    contract.check_refused(get(signing, url(free=("quality",))), signing, "bad-signature", 403)
    answer = get(signing, free + "&width=1001")
    assert (answer.status, answer.reason, answer.one("x-pinhole-option")) == (400, "over-limit", "width"), f"\n{answer}"


def test_every_other_url_gets_the_same_answer(signing: Stack) -> None:
    good, wide = url(), url(parameters={"width": "300"})
    assert get(signing, wide).status == 200
    bad = {
        "unsigned": "/signed/small/landscape.jpg",
        "unsigned, and wrong besides": "/signed/huge/landscape.svg?width=0",
        "another picture": good.replace("landscape", "portrait"),
        "another preset": good.replace("small", "large"),
        "another width": wide.replace("width=300", "width=301"),
        "one parameter more": good + "&width=300",
        "expired": url(life=-1),
        "too far in the future": url(life=700),
        "another host": url(host="evil.example.com"),
        "another key": url(key=OLD),
        "an unknown key": url(kid="none"),
        "a changed tag": good[:-1] + ("A" if good[-1] != "A" else "E"),
        "two tags": good + good[good.index("&sig=") :],
        "a tag in capitals": good.replace("&sig=", "&SIG="),
        "escaped needlessly": good.replace("exp=", "%65xp="),
    }
    for name, target in bad.items():
        answer = get(signing, target)
        assert answer.status == 403, f"{name}\n{answer}"
        contract.check_refused(answer, signing, "bad-signature", 403)


def test_neither_upstream_nor_log_sees_the_signature() -> None:
    with Stack(policy=policy(), resizer=None) as stack, Upstream(stack.ports.resizer) as upstream:
        target = url(free=["width"])
        assert get(stack, target).status == 200
        tag = target.split("&sig=")[1]
        (asked,) = upstream.asked
        assert tag not in repr(asked), f"{asked}"
        # Refused for something else, it opens its picture still.
        for worse, reason in ((f"{target}&width=5000", "over-limit"), (f"{target}&nonsense=1", "bad-signature")):
            assert get(stack, worse).one("x-pinhole-reason") == reason
    log = stack.envoy_log.read_text()
    assert tag not in log and "reason=over-limit" in log and "reason=bad-signature" in log, log
