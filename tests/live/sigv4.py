"""A tiny S3: it serves one picture to whoever signed the request (AWS Signature Version 4), and 403 to others.

It computes the signature from what arrived, with the standard library only: that Envoy and pinhole agree with
each other proves nothing.
"""

import hashlib
import hmac
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from upstream import png

REQUIRED = {"host", "x-amz-date", "x-amz-content-sha256"}


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def fault(method: str, target: str, headers: dict[str, str], key_id: str, key: str) -> str | None:
    """What is wrong with a request's signature; None if nothing is."""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if scheme != "AWS4-HMAC-SHA256" or fields.keys() != {"Credential", "SignedHeaders", "Signature"}:
        return f"not signed: {headers.get('authorization')}"
    who, day, region, service, end = fields["Credential"].split("/")
    signed = fields["SignedHeaders"].split(";")
    wanted = REQUIRED | (headers.keys() & {"x-amz-security-token"})
    if who != key_id or end != "aws4_request" or not wanted <= set(signed):
        return f"signed by {who} over {signed}"
    url = urlsplit(target)
    canonical = [method, url.path, "&".join(sorted(url.query.split("&")))]
    canonical += [*(f"{name}:{' '.join(headers[name].split())}" for name in signed), ""]
    canonical += [fields["SignedHeaders"], headers["x-amz-content-sha256"]]
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    scope = f"{day}/{region}/{service}/{end}"
    signing_key = f"AWS4{key}".encode()
    for part in scope.split("/"):
        signing_key = _hmac(signing_key, part)
    right = _hmac(signing_key, f"{scheme}\n{headers['x-amz-date']}\n{scope}\n{digest}").hex()
    return None if hmac.compare_digest(right, fields["Signature"]) else f"wrong signature of {canonical}"


class Bucket:
    """A context manager: `asked` holds what came, each with its fault."""

    def __init__(self, port: int, key_id: str, key: str) -> None:
        asked: list[tuple[str, dict[str, str], str | None]] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                wrong = fault(self.command, self.path, headers, key_id, key)
                asked.append((self.path, headers, wrong))
                kind, body = ("text/plain", wrong.encode()) if wrong else ("image/png", png())
                self.send_response(403 if wrong else 200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing: `asked` has it all."""

        self.asked = asked
        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True

    def __enter__(self) -> "Bucket":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
