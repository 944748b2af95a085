"""Origins that open to one header or one signature: each serves the right one and answers 401 to every other.

What stands for the origin checks with its own few lines of Python, by the document of each scheme, and not with
anything of pinhole's.
"""

import base64
import email.utils
import hashlib
import hmac
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

import contract
from conftest import RESIZER, policy_text
from stack import Stack
from wire import ask, request

APPLICATION, KEY = "0a1b2c3d4e5f", "00112233445566778899aabbccddeeff" * 2
Check = Callable[[str, dict[str, str]], bool]


def value(text: str) -> dict[str, str]:
    return {"value": text}


def is_signed_for_secure_auth(path: str, headers: dict[str, str]) -> bool:
    """SecureAuth's Authentication API Guide: method, date, application and path under the key, then Basic."""
    date = headers.get("x-sa-date", "")
    sent = email.utils.parsedate_to_datetime(date).timestamp() if date else 0
    tag = hmac.digest(bytes.fromhex(KEY), f"GET\n{date}\n{APPLICATION}\n{path}".encode(), hashlib.sha256)
    whole = f"{APPLICATION}:{base64.b64encode(tag).decode()}".encode()
    return abs(sent - time.time()) < 300 and headers.get("authorization") == f"Basic {base64.b64encode(whole).decode()}"


def has(**wanted: str) -> Check:
    return lambda _, headers: all(headers.get(name.replace("_", "-")) == text for name, text in wanted.items())


# The credentials of the policy, the same with something wrong, and what the origin asks for.
KINDS: dict[str, tuple[dict, dict, Check]] = {
    "set": ({"set": {"x-key": value("right")}}, {"set": {"x-key": value("wrong")}}, has(x_key="right")),
    "bearer": ({"bearer": value("right")}, {"bearer": value("wrong")}, has(authorization="Bearer right")),
    "basic": (
        {"basic": {"user": value("me"), "password": value("p:w")}},
        {"basic": {"user": value("me"), "password": value("pw")}},
        has(authorization="Basic " + base64.b64encode(b"me:p:w").decode()),
    ),
    "cloudflare-access": (
        {"cloudflare_access": {"client_id": value("id.access"), "client_secret": value("right")}},
        {"cloudflare_access": {"client_id": value("id.access"), "client_secret": value("wrong")}},
        has(cf_access_client_id="id.access", cf_access_client_secret="right"),
    ),
    "secure-auth": (
        {"secure_auth": {"application_id": value(APPLICATION), "application_key": value(KEY)}},
        {"secure_auth": {"application_id": value(APPLICATION), "application_key": value("ff" * 32)}},
        is_signed_for_secure_auth,
    ),
}


@contextmanager
def guarded(port: int, check: Check) -> Iterator[list[int]]:
    """An origin with one picture under every path, for those who pass; gives the statuses that it answered."""
    answered: list[int] = []
    picture = io.BytesIO()
    Image.new("RGB", (400, 300), (20, 110, 120)).save(picture, "JPEG")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            passes = check(self.path, {name.lower(): text for name, text in self.headers.items()})
            answered.append(200 if passes else 401)
            self.send_response(answered[-1])
            self.send_header("Content-Type", "image/jpeg")
            body = picture.getvalue() if passes else b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: `answered` has it all."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield answered
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_right_credential_opens_the_origin(kind: str) -> None:
    right, wrong, check = KINDS[kind]
    policy = json.loads(policy_text("policies/basic.json"))
    photos = policy["origins"]["photos"]
    policy["origins"]["closed"] = photos | {"credentials": wrong}
    photos["credentials"] = right
    preset = "/(?<preset>[^/]+)/(?<source>.+)"
    policy["routes"] = [{"path": f"/images{preset}", "origin": "photos"}, {"path": f"/closed{preset}", "origin": "closed"}]
    with Stack(policy=json.dumps(policy), resizer=RESIZER) as stack:
        stack.child("origin").stop()
        with guarded(stack.ports.origin, check) as answered:
            opened = ask(stack.ports.edge, request("/images/small/a%20b.jpg"))
            size = contract.check_served(opened, stack, "public, max-age=3600", None, "image/jpeg")
            refused = ask(stack.ports.edge, request("/closed/small/a%20b.jpg"))
            contract.check_refused(refused, stack, "source-not-found", 404)
    assert (size, answered) == ((300, 225), [200, 401])
