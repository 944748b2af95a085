"""What the edge of a module really sends to the resizer: the paths by which the gate is then asked.

Taken from a running edge and not computed, because the form of a token is the module's own business.
"""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import policies
from listeners import BY_HEADER, Listener, bootstrap, wasm
from proxy import Proxy
from traffic import HOST

from bootstrap import free_ports


class _Recorder(BaseHTTPRequestHandler):
    """A resizer that writes down what it is asked, and answers with nothing that could be taken for a picture."""

    protocol_version = "HTTP/1.1"
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(404)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def upstream_paths(module: Path, secrets: dict[str, str], paths: list[str]) -> list[str]:
    """The paths that the resizer is asked for, one for each of these."""
    (edge,) = free_ports(1)
    recorder = type("Recorder", (_Recorder,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    listener = Listener(
        edge, BY_HEADER, [wasm(module, "edge", json.dumps(policies.full()), list(secrets), "pinhole")]
    )
    try:
        with Proxy("tokens", bootstrap([listener], {"small": server.server_port}), secrets):
            connection = http.client.HTTPConnection("127.0.0.1", edge, timeout=10)
            for path in paths:
                connection.request("GET", path, headers={"host": HOST})
                connection.getresponse().read()
    finally:
        server.shutdown()
        server.server_close()
    if len(recorder.asked) != len(paths):
        raise RuntimeError(f"{module}: {len(paths)} requests, but {len(recorder.asked)} came to the resizer")
    return recorder.asked


def gate_paths(module: Path, secrets: dict[str, str]) -> list[str]:
    """A path for the gate for each source, as a resizer is told it: thumbor's URLs show it as it is."""
    asked = upstream_paths(module, secrets, [f"/images/small/{source}" for source in policies.SOURCES])
    return ["/" + unquote(path).rsplit("/", 1)[1] for path in asked]
