"""What no visitor may ever learn, in every spelling in which it could be told."""

import base64
from functools import cache
from urllib.parse import quote

import origin
from resizers import telltale
from stack import Stack
from wire import Answer


def secrets_of(stack: Stack) -> dict[str, str]:
    """What each secret is called, and the secret."""
    secrets = {
        "the origin's host": origin.HOST,
        "the origin's directory": origin.BASE.strip("/"),
        "the origin's canary": origin.CANARY,
        "the photographer's name": "canary-photographer",
        "the resizer": telltale(stack.resizer or "thumbor"),
        "the resizer's cluster": "resizer",
        "the origin's cluster": "photos",
        "the gate's address": f"127.0.0.1:{stack.ports.gate}",
        "the resizer's address": f"127.0.0.1:{stack.ports.resizer}",
        "the origin's address": f"127.0.0.1:{stack.ports.origin}",
    }
    return secrets | {name: value.removeprefix("Bearer ") for name, value in stack.env.items()}


@cache
def spellings(secret: str) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Those that are the same in upper and lower case, and those that are not."""
    raw = secret.lower().encode()
    folded = {raw, "".join(f"%{byte:02x}" for byte in raw).encode(), raw.hex().encode(), raw[::-1]}
    folded.add(quote(secret, safe="").lower().encode())
    exact = set()
    for text in {secret.encode(), raw}:
        for shift in range(3):  # base64 of the secret wherever it stands in what was encoded
            inner = base64.b64encode(b"\0" * shift + text)[-(-shift * 8 // 6) :].rstrip(b"=")
            inner = (
                inner[:-1] if (len(text) + shift) % 3 else inner
            )  # the last letter also tells of the next byte
            exact |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return tuple(folded), tuple(exact)


def found_in(text: bytes, secrets: dict[str, str]) -> list[str]:
    """The names of the secrets that the text tells."""
    lower = text.lower()
    told = []
    for name, secret in secrets.items():
        folded, exact = spellings(secret)
        if any(word in lower for word in folded) or any(word in text for word in exact):
            told.append(name)
    return told


def check(answer: Answer, stack: Stack) -> None:
    told = found_in(answer.text(), secrets_of(stack))
    assert not told, f"the answer tells {', '.join(told)}\n{answer}"
