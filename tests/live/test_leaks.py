"""The scanner for leaks itself: one that finds nothing would let every other test pass."""

import base64

import pytest

import leaks

SECRET = "secret.example.com"


@pytest.mark.parametrize(
    "text",
    [
        f"<p>{SECRET}</p>".encode(),
        SECRET.upper().encode(),
        b"%73%65%63%72%65%74%2e%65%78%61%6d%70%6c%65%2e%63%6f%6d",
        SECRET.encode().hex().upper().encode(),
        SECRET[::-1].encode(),
        *(base64.b64encode(b"x" * shift + SECRET.encode() + b"tail") for shift in range(4)),
        *(base64.urlsafe_b64encode(b"?" * shift + SECRET.encode()) for shift in range(4)),
    ],
)
def test_every_spelling_is_found(text: bytes) -> None:
    assert leaks.found_in(text, {"it": SECRET}) == ["it"]


def test_what_is_not_there_is_not_found() -> None:
    assert leaks.found_in(b"secret.example.org, " * 100, {"it": SECRET}) == []
