"""What holds for every answer of the edge, whatever was asked."""

import hmac
import io
import re

from PIL import Image

import leaks
from stack import Stack
from wire import Answer

# What may be in an answer. `date` and `server: envoy` are Envoy's own, `connection` belongs to the hop.
REFUSED = {"content-type", "cache-control", "x-content-type-options", "content-length", "date", "server"}
REFUSED |= {"x-pinhole-reason"}
SERVED = (REFUSED - {"x-pinhole-reason"}) | {"etag"}
TAG = re.compile(r'(?:W/)?"[A-Za-z0-9_-]{22}"')
HOP = {"connection"}

# Refusals that are about an option name it, if what the request named has the form of one.
ABOUT_OPTIONS = {
    "unknown-option",
    "repeated-option",
    "malformed-option",
    "under-limit",
    "over-limit",
    "value-not-allowed",
}
OPTION = re.compile(r"[a-z.-]{1,32}")

# What Envoy says where it answers before pinhole is asked.
ENVOY_TEXTS = {
    b"",
    b"Bad Request",
    b"Forbidden",
    b"Not Implemented",
    b"Request Header Fields Too Large",
    b"Upgrade Required",
}

# What becomes of an upstream that fails.
UPSTREAM_STATUS = {
    "not-an-image": 502,
    "upstream-failed": 502,
    "upstream-redirected": 502,
    "source-not-found": 404,
    "upstream-unavailable": 503,
    "upstream-timeout": 504,
}

_texts: dict[str, bytes] = {}


def via(stack: Stack, key: str = "PINHOLE_SEAL_KEY") -> str:
    """By what the origin, and pinhole itself, know a request of this deployment (src/via.rs)."""
    return "1.1 pinhole-" + hmac.digest(stack.env[key].encode(), b"pinhole via v1", "sha256").hex()[:24]


def check_served(
    answer: Answer, stack: Stack, cache: str, vary: str | None, kind: str, head: bool = False
) -> tuple[int, int] | None:
    """A picture and nothing else. Gives its size in pixels."""
    assert answer.status == 200, f"wanted 200\n{answer}"
    assert answer.one("content-type") == kind, f"wanted {kind}\n{answer}"
    assert answer.one("cache-control") == cache, f"wanted {cache}\n{answer}"
    assert answer.one("vary") == vary, f"vary: {vary}\n{answer}"
    allowed = SERVED | HOP | ({"vary"} if vary else set())
    assert answer.names <= allowed, f"not allowed: {answer.names - allowed}\n{answer}"
    _check_common(answer, stack)
    tag = answer.one("etag")
    assert tag is None or (TAG.fullmatch(tag) and "no-store" not in cache), f"not a tag of ours\n{answer}"
    if head:
        assert int(answer.one("content-length") or 0) > 0, f"\n{answer}"
        return None
    assert answer.one("content-length") == str(len(answer.body)), f"\n{answer}"
    with Image.open(io.BytesIO(answer.body)) as picture:
        assert Image.MIME[picture.format] == kind, f"the body is {picture.format}, not {kind}\n{answer}"
        assert not picture.getexif().get(0x013B), f"the photographer is named\n{answer}"
        return picture.size


def check_streamed(answer: Answer, stack: Stack, body: bytes) -> None:
    """A picture whose length nobody knew when its headers went out: this one, and nothing after it."""
    assert (answer.status, answer.body) == (200, body), f"\n{answer}"
    assert answer.names <= SERVED | HOP | {"transfer-encoding"}, (
        f"not allowed: {answer.names - SERVED}\n{answer}"
    )
    _check_common(answer, stack)


def check_refused(
    answer: Answer, stack: Stack, reason: str, status: int, head: bool = False, placeholder: bool = False
) -> None:
    """A refusal by pinhole: always the same short text for a reason, or the same empty picture."""
    assert (answer.status, answer.reason) == (status, reason), f"wanted {status} {reason}\n{answer}"
    kind = "image/png" if placeholder else "text/plain; charset=utf-8"
    assert answer.one("content-type") == kind, f"wanted {kind}\n{answer}"
    assert answer.one("cache-control") == "no-store", f"\n{answer}"
    allow = answer.one("allow")
    assert allow == ("GET, HEAD" if status == 405 else None), f"allow: {allow}\n{answer}"
    option = answer.one("x-pinhole-option")
    assert option is None or (reason in ABOUT_OPTIONS and OPTION.fullmatch(option)), f"\n{answer}"
    allowed = REFUSED | HOP | ({"allow"} if status == 405 else set()) | {"x-pinhole-option"}
    assert answer.names <= allowed, f"not allowed: {answer.names - allowed}\n{answer}"
    _check_common(answer, stack)
    if head:
        assert answer.body == b"", f"\n{answer}"
        return
    assert answer.one("content-length") == str(len(answer.body)), f"\n{answer}"
    if placeholder:
        with Image.open(io.BytesIO(answer.body)) as picture:
            drawn = (picture.size, picture.convert("RGBA").getextrema())
            assert drawn == ((1, 1), ((0, 0),) * 4), f"not an empty picture: {drawn}\n{answer}"
        return
    assert len(answer.body) < 60 and answer.body.endswith(b"\n") and answer.body.isascii(), f"\n{answer}"
    assert _texts.setdefault(reason, answer.body) == answer.body, f"another text for {reason}\n{answer}"


def check_refused_by_envoy(answer: Answer, stack: Stack, status: int) -> None:
    """A refusal by Envoy before pinhole is asked: the form of pinhole's, with a text of Envoy's own."""
    assert (answer.status, answer.reason) == (status, "malformed-request"), f"wanted {status}\n{answer}"
    assert answer.one("cache-control") == "no-store", f"\n{answer}"
    assert answer.names <= REFUSED | HOP, f"not allowed: {answer.names - REFUSED}\n{answer}"
    assert answer.body in ENVOY_TEXTS, f"\n{answer}"
    _check_common(answer, stack)


def _check_common(answer: Answer, stack: Stack) -> None:
    assert answer.one("x-content-type-options") == "nosniff", f"\n{answer}"
    assert answer.one("server") == "envoy", f"\n{answer}"
    expected = [100] if b"expect: 100-continue" in answer.sent.lower() else []  # which Envoy answers itself
    assert answer.early == expected, f"informational answers {answer.early}\n{answer}"
    leaks.check(answer, stack)
