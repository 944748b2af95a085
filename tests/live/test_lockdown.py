"""Resizers as envoy/resizers.md locks them down: who may ask them, what they fetch, how much they take on.

Every resizer that can run here is started with its real settings, in front of a server that stands where the gate
would and records what it is asked. What a resizer cannot be told is in REMAINS and is held here too: on the day that
it keeps one of these rules, a test fails and the document gets shorter. Nothing here needs Envoy or the module.
"""

import io
import json
import re
import shlex
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from PIL import Image

import keys
import pictures
import resizers
import wire
from asking import ASKING, Asking, forgeries
from bootstrap import ENVOY_YAML, ROOT, Ports
from children import Child
from programs import ProgramError
from stack import SCRATCH
from wire import Answer, request

DOCUMENT = ENVOY_YAML.with_name("resizers.md").read_text()

# The rules that the resizers keep, but for those that cannot be told to. It is the table of the document.
REMAINS: dict[str, set[str]] = {
    "a URL that is not signed": {"ipx"},
    "a source on another port of the gate's host": {"ipx"},
    "a source on another host, or a file": set(),
    "a redirect to another server": {"imaginary"},
    "a redirect to the gate itself": {"imagor", "imaginary"},
    "a source of more bytes than the limit": {"thumbor", "ipx"},
    "the same, which does not tell its length": {"thumbor", "imagor", "imaginary", "ipx"},
    "a source of more pixels than the limit": {"imaginary", "ipx"},
    "a result of more than 50 million pixels": {"imaginary", "ipx"},
    "a second source on another server, in a watermark": {"imaginary"},
    "telling callers the source of what failed": {"imaginary", "ipx"},
}

# What stands where a sealed source would: no log may have it.
TOKEN = "canary-of-the-seal"


# ---- what stands for the gate, and for a server that nobody may ask


def png(width: int, height: int, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, (width, height)).save(out, "PNG")
    return out.getvalue()


PICTURE = png(400, 300)
BODIES = {"pixels": png(8000, 8000, "1"), "text": b"no picture"}  # 64 million pixels in 8 kB
MEGABYTE = 2**20


class Source(BaseHTTPRequestHandler):
    """One connection. The last part of the path says how to behave."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        behaviour = self.path.rpartition("/")[2]
        location = {"elsewhere": self.server.elsewhere, "itself": f"/{TOKEN}/again"}.get(behaviour)
        body = BODIES.get(behaviour, PICTURE)
        # Behind the picture, where every decoder has stopped reading.
        filler = resizers.MOST_BYTES // MEGABYTE if behaviour in ("bytes", "silent") else 0
        self.send_response(302 if location else int(behaviour) if behaviour.isdecimal() else 200)
        self.send_header("Content-Type", "image/png")
        if location:
            self.send_header("Location", location)
        if behaviour == "silent":
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(body) + filler * MEGABYTE))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
            for _ in range(filler):
                self.wfile.write(bytes(MEGABYTE))

    do_HEAD = do_GET

    def handle(self) -> None:
        with suppress(ConnectionError):  # it had enough
            super().handle()

    def log_message(self, *_: object) -> None:
        """Nothing: `asked` has it all."""


class Server(ThreadingHTTPServer):
    """A context manager that serves until its end; `asked` is what it was asked."""

    daemon_threads = True

    def __init__(self, elsewhere: str = "") -> None:
        super().__init__(("127.0.0.1", 0), Source)
        self.elsewhere, self.asked = elsewhere, []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> "Server":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


# ---- a resizer in front of them


@dataclass
class Running:
    """A resizer that runs, and whom it may ask and whom not."""

    name: str
    port: int
    secrets: dict[str, str]
    child: Child
    gate: Server
    other: Server

    @property
    def asking(self) -> Asking:
        return ASKING[self.name]

    def ask(self, url: str, method: str = "GET", body: bytes = b"") -> Answer:
        self.gate.asked.clear()
        self.other.asked.clear()
        headers = [("content-type", "image/png")] if body else []
        return wire.ask(self.port, request(url, method, f"127.0.0.1:{self.port}", headers, body))

    def draw(self, source: str) -> Answer:
        """What a signed URL for that source gets."""
        return self.ask(self.asking.signed(self.asking.scaled(source, 100), self.secrets))

    def sealed(self, behaviour: str) -> str:
        return f"{self.gate.url}/{TOKEN}/{behaviour}"

    def keeps(self, rule: str, answer: Answer) -> bool:
        """Holds that it refuses, or that it is known not to; says which."""
        kept = self.name not in REMAINS[rule]
        drawn = answer.status == 200 and (answer.one("content-type") or "").startswith("image/")
        what = "should have refused" if kept else "now refuses (envoy/resizers.md says that it does not)"
        assert drawn != kept, f"{self.name} {what}: {rule}\n{answer}"
        return kept


@pytest.fixture(scope="module", params=resizers.KNOWN)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    name, port, secrets = request.param, Ports.free().resizer, keys.fresh()
    with Server() as other, Server(elsewhere=f"{other.url}/{TOKEN}/wanted") as gate:
        try:
            resizer = resizers.find(name, port, gate.url, secrets)
        except ProgramError as error:
            pytest.skip(str(error))
        log = tmp_path_factory.mktemp(name) / "resizer.log"
        child = Child(name, resizer.command, log, keys.environment(resizer.environment), ROOT)
        try:
            child.wait_until(resizer.ready)
            yield Running(name, port, secrets, child, gate, other)
        finally:
            child.stop()


# ---- who may ask


def test_what_is_signed_is_drawn_from_the_gate_every_time(running: Running) -> None:
    for _ in range(2):
        answer = running.draw(running.sealed("wanted"))
        assert answer.status == 200, f"\n{answer}"
        with Image.open(io.BytesIO(answer.body)) as picture:
            assert picture.size == (100, 75)
        asked = [line for line in running.gate.asked if not line.startswith("HEAD ")]
        assert asked == [f"GET /{TOKEN}/wanted"], "it keeps what it fetched or drew, or asks too often"


def test_what_is_not_signed_is_refused_and_nothing_fetched(running: Running) -> None:
    source = running.sealed("wanted")
    if running.name in REMAINS["a URL that is not signed"]:
        running.keeps("a URL that is not signed", running.draw(source))  # it knows no signatures
        return
    for signature, url in forgeries(running.asking, source, running.secrets):
        answer = running.ask(url)
        assert 400 <= answer.status < 500, f"signature: {signature}\n{answer}"
        assert not running.gate.asked, f"signature: {signature}: it asked {running.gate.asked}"


def test_it_listens_on_this_machine_only(running: Running) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", running.port), timeout=2)  # an address of every Linux


# ---- what it fetches


def test_a_source_on_another_port_of_the_gates_host_is_not_fetched(running: Running) -> None:
    answer = running.draw(f"{running.other.url}/{TOKEN}/wanted")
    kept = running.keeps("a source on another port of the gate's host", answer)
    assert bool(running.other.asked) != kept, f"it asked {running.other.asked}\n{answer}"


def test_a_source_on_another_host_is_not_fetched(running: Running) -> None:
    other, file = running.other.server_port, pictures.make(SCRATCH / "pictures") / "corners.png"
    for source in (
        f"http://localhost:{other}/{TOKEN}",
        f"{running.gate.url}@localhost:{other}/{TOKEN}",
        f"{running.gate.url}\\@localhost:{other}/{TOKEN}",
        f"//localhost:{other}/{TOKEN}",
        f"localhost:{other}/{TOKEN}",
        f"file://{file}",
        str(file),
        str(file)[1:],
        str(file.relative_to(ROOT)),  # where it was started
        f"{running.gate.url}/../../..{file}".replace("http:", "file:"),
    ):
        answer = running.draw(source)
        assert not running.other.asked, f"it asked {running.other.asked}\n{answer}"
        if not running.gate.asked:  # which some take for the host in front of the backslash
            running.keeps("a source on another host, or a file", answer)


@pytest.mark.parametrize(
    ("behaviour", "rule"),
    [("elsewhere", "a redirect to another server"), ("itself", "a redirect to the gate itself")],
)
def test_a_redirect_is_not_followed(behaviour: str, rule: str, running: Running) -> None:
    answer = running.draw(running.sealed(behaviour))
    kept = running.keeps(rule, answer)
    assert running.gate.asked, "the gate was not asked"
    followed = running.other.asked or [line for line in running.gate.asked if line.endswith("/again")]
    assert bool(followed) != kept, f"it asked {followed}\n{answer}"


def test_a_second_source_is_not_fetched_from_another_server(running: Running) -> None:
    source, second = running.sealed("wanted"), f"{running.other.url}/{TOKEN}/second"
    operation = {"operation": "watermarkImage", "params": {"image": second}}
    for path in (
        f"filters:watermark({quote(second, safe='')},0,0,0)/{quote(source, safe='')}",
        "pipeline?" + urlencode({"operations": json.dumps([operation]), "url": source}),
    ):
        if ("?" in path) == (running.name == "imaginary"):
            running.ask(running.asking.signed(path, running.secrets))
    remains = running.name in REMAINS["a second source on another server, in a watermark"]
    assert bool(running.other.asked) == remains, f"it asked {running.other.asked}"


# ---- how much it takes on


@pytest.mark.parametrize(
    ("behaviour", "rule"),
    [
        ("bytes", "a source of more bytes than the limit"),
        ("silent", "the same, which does not tell its length"),
        ("pixels", "a source of more pixels than the limit"),
    ],
)
def test_a_source_that_is_too_large_is_refused(behaviour: str, rule: str, running: Running) -> None:
    running.keeps(rule, running.draw(running.sealed(behaviour)))


def test_a_result_that_is_too_large_is_not_drawn(running: Running) -> None:
    rule, side = "a result of more than 50 million pixels", 10_000
    path = running.asking.enlarged(running.sealed("wanted"), side)
    answer = running.ask(running.asking.signed(path, running.secrets))
    if answer.status == 200:
        with Image.open(io.BytesIO(answer.body)) as picture:
            if max(picture.size) <= resizers.MOST_SIDE:
                return  # it drew what it may
    running.keeps(rule, answer)


# ---- what else it answers

CLOSED = {
    "thumbor": [("POST", "/image"), ("GET", "/image/0123456789abcdef"), ("GET", "/blacklist")],
    "imgproxy": [("GET", "/info/unsafe/plain/x"), ("POST", "/unsafe/plain/x")],
    "imagor": [("POST", "/unsafe/100x100/"), ("GET", "/params/unsafe/100x100/x"), ("GET", "/meta/unsafe/x")],
    "imaginary": [("POST", "/resize?width=9"), ("GET", "/form"), ("GET", "/health"), ("GET", "/info?url=x")],
    "ipx": [("GET", "/"), ("GET", "/_/etc/hostname"), ("GET", "/_/..%2f..%2fetc%2fhostname")],
}
# What cannot be closed: it tells its version to whoever reaches it.
OPEN = {"imagor": b"imagor v", "imaginary": b'"libvips":'}


def test_uploads_files_and_pages_about_itself_are_closed(running: Running) -> None:
    for method, path in CLOSED[running.name]:
        answer = running.ask(path, method, PICTURE if method in ("POST", "PUT") else b"")
        assert answer.status >= 400 or not answer.body, f"{method} {path}\n{answer}"
        assert not running.gate.asked, f"{method} {path}: it asked {running.gate.asked}"
    page = running.ask("/")
    assert (page.status == 200) == (running.name in OPEN), f"\n{page}"
    assert OPEN.get(running.name, b"") in page.body, f"\n{page}"


# ---- what it knows and what it tells


def test_it_knows_its_own_secrets_only(running: Running) -> None:
    process = Path(f"/proc/{running.child.process.pid}")
    environment = (process / "environ").read_bytes()
    own = {value["env"] for value in resizers.section(running.name)[running.name].values() if isinstance(value, dict)}
    for name, secret in running.secrets.items():
        assert (secret.encode() in environment) == (name in own), name
        assert secret.encode() not in (process / "cmdline").read_bytes(), f"all users see {name} in the process list"


def test_its_log_quotes_neither_sources_nor_secrets(running: Running) -> None:
    for behaviour in ("wanted", "404", "403", "500", "text", "pixels", "elsewhere"):
        running.draw(running.sealed(behaviour))
    running.draw(f"{running.other.url}/{TOKEN}")
    running.ask(f"/unsafe/{running.asking.scaled(running.sealed('wanted'), 100)}")
    log = running.child.log.read_text(errors="replace")
    told = [word for word in (TOKEN, *running.secrets.values()) if word in log]
    assert not told, f"its log tells {told}: {log[-2000:]}"


def test_its_errors_do_not_quote_the_source(running: Running) -> None:
    answers = [running.draw(running.sealed(behaviour)) for behaviour in ("404", "500", "text", "elsewhere")]
    told = [answer for answer in answers if answer.status >= 400 and TOKEN.encode() in answer.text()]
    assert bool(told) == (running.name in REMAINS["telling callers the source of what failed"]), f"{told}"


# ---- the document


def blocks(name: str) -> tuple[dict, list[str]]:
    """The policy's section and the lines of the shell in the chapter of that name."""
    chapter = DOCUMENT.split(f"\n## {name}\n")[1].split("\n## ")[0]
    fenced = dict(re.findall(r"^```(\w+)\n(.*?)^```$", chapter, re.MULTILINE | re.DOTALL))
    return json.loads(fenced["json"])["resizer"], fenced["sh"].splitlines()


@pytest.mark.parametrize("name", resizers.KNOWN)
def test_the_document_has_the_settings_that_were_tested(name: str) -> None:
    section, lines = blocks(name)
    assert section == resizers.section(name)
    environment: dict[str, str] = {}
    arguments: list[str] = []
    for words in (shlex.split(line, comments=True) for line in lines):
        match words:
            case ["export", setting]:
                environment |= [setting.split("=", 1)]
            case [] | ["options=("] | [")"]:
                pass
            case ["exec", *command]:
                assert (">/dev/null" in command) == resizers.KNOWN[name].discards_log
            case _:
                arguments += words
    ports, secrets = Ports(), dict.fromkeys(keys.NAMES, "…")
    told = resizers.settings(name, ports.resizer, f"http://127.0.0.1:{ports.gate}", secrets)
    assert environment == told.environment
    assert arguments == [Path(word).name if word.endswith(".conf") else word for word in told.arguments]
    reasons = [line for line in lines if "=" in line or line.startswith("  -")]
    assert all("  # " in line for line in reasons if line != "options=("), "a line without its reason"


def test_the_document_says_what_remains() -> None:
    rows = re.findall(r"^\| (.*) \|$", DOCUMENT.split("\n## What was seen\n")[1].split("\n## ")[0], re.MULTILINE)
    head, _, *body = [[cell.strip() for cell in row.split("|")] for row in rows]
    table = {row[0]: {name for name, cell in zip(head[1:], row[1:], strict=True) if cell != "refused"} for row in body}
    assert table == REMAINS and set(head[1:]) == resizers.KNOWN.keys() - {"imgproxy"}
