"""The hidden origin: a private picture server that behaves as badly as real ones do.

It wants the whole Authorization header to equal PHOTOS_TOKEN and the Host to be secret.example.com, and in
answers and errors it tells everything about itself. Nothing of that may reach a visitor: every secret text
contains CANARY or HOST. Each request becomes one JSON line in the log given, written before the answer is
sent.
"""

import argparse
import hmac
import json
import mimetypes
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

HOST = "secret.example.com"
BASE = "/hidden-directory/"
CANARY = "canary-of-the-origin"

LEAKY_HEADERS = {
    "X-Powered-By": f"{CANARY}-stack/4.1",
    "X-Amz-Request-Id": f"{CANARY}-4442587FB7D0A2F9",
    "X-Amz-Meta-Owner": f"{CANARY}-owner",
    "Set-Cookie": f"session={CANARY}; Domain={HOST}; Path=/",
    "Via": f"1.1 cache-1.{HOST}",
    "Link": f"<https://{HOST}{BASE}>; rel=canonical",
    "Cache-Control": "max-age=3600",
}


class Reply(NamedTuple):
    """What a request gets, besides LEAKY_HEADERS."""

    status: int
    kind: str
    body: bytes
    headers: dict[str, str] = {}


# Paths below BASE that answer with something else than a file.
SPECIAL = {
    "redirect.jpg": Reply(
        302, "text/html", f"moved to {HOST}".encode(), {"Location": f"http://{HOST}{BASE}elsewhere.jpg"}
    ),
    "error.jpg": Reply(500, "text/plain", f"Traceback: open('/srv/{CANARY}/error.jpg') on {HOST}".encode()),
    "page.jpg": Reply(200, "text/html", f"<title>Index of {BASE}</title>{CANARY}".encode()),
}


# Directories below BASE with the same files, which the origin wants no shared cache to keep.
UNSHARED = {
    "private/": {"Cache-Control": "private, max-age=60"},
    "no-store/": {"Cache-Control": "no-store"},
    "varying/": {"Vary": "Accept-Encoding, Cookie"},
}


class Origin(BaseHTTPRequestHandler):
    """One connection; what it needs to know is in `self.server`, a Server."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one write for headers and body: two would wait 40 ms for each other (Nagle, delayed ACK)
    server_version, sys_version = f"{CANARY}-server/1.0", f"({HOST})"

    def do_GET(self) -> None:
        reply = self.reply()
        self.server.note(
            {
                "method": self.command,
                "path": self.path,
                "headers": self.headers.items(),
                "status": reply.status,
            }
        )
        self.send_response(reply.status)
        for name, value in (LEAKY_HEADERS | reply.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    do_HEAD = do_GET

    def reply(self) -> Reply:
        if self.headers.get("Host") != HOST:
            return refusal(421, "WrongHost")
        if not hmac.compare_digest(
            self.headers.get("Authorization", "").encode(), self.server.token.encode()
        ):
            return refusal(401, "AccessDenied")._replace(
                headers={"WWW-Authenticate": f'Bearer realm="{HOST}"'}
            )
        path = unquote(urlsplit(self.path).path)
        if not path.startswith(BASE):
            return refusal(403, "OutsideOfBase")
        name = path.removeprefix(BASE)
        if name in SPECIAL:
            return SPECIAL[name]
        unshared = next((directory for directory in UNSHARED if name.startswith(directory)), "")
        file = (self.server.pictures / name.removeprefix(unshared)).resolve()
        if not file.is_relative_to(self.server.pictures) or not file.is_file():
            return refusal(404, "NoSuchKey")
        stat = file.stat()
        validators = {
            "ETag": f'"{CANARY}-{stat.st_size:x}"',
            "Last-Modified": self.date_time_string(stat.st_mtime),
        }
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Reply(200, kind, file.read_bytes(), validators | UNSHARED.get(unshared, {}))

    def log_message(self, *_: object) -> None:
        """Nothing: the record has it all."""


def refusal(status: int, code: str) -> Reply:
    """An error as storage services word it: with the names of all that is secret."""
    body = f"<Error><Code>{code}</Code><Host>{HOST}</Host><Key>{BASE}</Key><Id>{CANARY}</Id></Error>\n"
    return Reply(status, "application/xml", body.encode())


class Server(ThreadingHTTPServer):
    """What all connections share: the files, the token, and the record of what was asked."""

    daemon_threads = True

    def __init__(self, port: int, pictures: Path, record: Path, token: str) -> None:
        super().__init__(("127.0.0.1", port), Origin)
        self.pictures, self.token = pictures.resolve(), token
        self.record, self.lock = record.open("w"), threading.Lock()

    def note(self, entry: dict) -> None:
        """Adds a line to the record, whole even when two connections ask at once."""
        with self.lock:
            self.record.write(json.dumps(entry) + "\n")
            self.record.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description="the hidden origin of the demo")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument(
        "--record", type=Path, required=True, help="where to write what was asked, as JSON lines"
    )
    options = parser.parse_args()
    if not (token := os.environ.get("PHOTOS_TOKEN")):
        sys.exit("origin: PHOTOS_TOKEN is not set")  # without it the empty header would open everything
    Server(options.port, options.pictures, options.record, token).serve_forever()


if __name__ == "__main__":
    main()
