"""A registry that hands out tokens, as Docker Hub and GitHub's do: a stub, since no real one of them runs here.

It speaks TLS, sends whoever has no token to its own `/token`, and gives one there for the right password and scope. Of
what refers to an image it says that it knows (OCI 1.1), which the real ones of the tests do not.
"""

import base64
import hashlib
import json
import secrets
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from registries import PASSWORD, USER, Registry, certificate

BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SCOPE = "repository:team/pinhole:pull,push"


class Handler(BaseHTTPRequestHandler):
    """What it keeps is its server's."""

    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"content-length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def route(self) -> None:
        url, kept = urlsplit(self.path), self.server.kept
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if url.path == "/token":
            good = self.headers.get("authorization") == BASIC and parse_qs(url.query)["scope"] == [SCOPE]
            return self.answer(*(200, json.dumps({"token": self.server.token}).encode()) if good else (401, b""))
        if self.headers.get("authorization") != f"Bearer {self.server.token}":
            realm = f'Bearer realm="https://{self.headers["host"]}/token",service="here",scope="{SCOPE}"'
            return self.answer(401, www_authenticate=realm)
        name = url.path.rsplit("/", 1)[-1]
        if self.command == "POST":
            return self.answer(202, location="/v2/team/pinhole/blobs/uploads/1?state=x")
        if self.command == "PUT":
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            if "/blobs/" in url.path and parse_qs(url.query)["digest"] != [digest]:
                return self.answer(400)
            kept[digest] = body
            if "/blobs/" in url.path:
                return self.answer(201, docker_content_digest=digest)
            kept[name] = body
            subject = json.loads(body).get("subject", {})
            known = {"OCI_Subject": subject["digest"]} if subject else {}
            return self.answer(201, docker_content_digest=digest, **known)
        return self.answer(200, kept[name]) if name in kept else self.answer(404)

    do_GET = do_HEAD = do_POST = do_PUT = route  # noqa: N815, which are BaseHTTPRequestHandler's names

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def with_tokens(directory: Path) -> Iterator[tuple[Registry, dict[str, bytes]]]:
    """The registry, and what it keeps by digest and by tag."""
    trusted = certificate(directory)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.kept, server.token = {}, secrets.token_hex(16)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, directory / "registry.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Registry(f"127.0.0.1:{server.server_port}", trusted), server.kept
    finally:
        server.shutdown()
        server.server_close()
