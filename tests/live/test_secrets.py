"""What is written down during a whole run: logs, statistics, the admin page, answers. None of it tells a secret.

A stack of its own, whose every secret is a canary, serves a good part of the corpus, refuses, and fails. Two
lists, because two kinds of reader: SECRETS stand nowhere at all; PLACES (the origin's name and directory) are in
the policy, which whoever may read /config_dump has anyway, but in nothing that a visitor or a reader of logs sees.
"""

import base64
import json
import secrets
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest

import corpus
import leaks
import origin
from conftest import RESIZER, policy_text
from stack import Stack
from wire import Answer, ask, request

FORWARDED = {
    "x-amz-date": "canary-forwarded-date-0123",
    "x-sa-date": "canary-forwarded-sa-456",
    "x-canary-unlisted": "canary-not-forwarded-789",
}
COOKIE = "canary-forwarded-session-cookie"
PLACES = {
    "the origin's host": origin.HOST,
    "the origin's directory": origin.BASE.strip("/"),
    "the origin's canary": origin.CANARY,
}


def fresh() -> dict[str, str]:
    """Secrets in the form that their readers take, none of which can occur by chance."""
    return {
        "PHOTOS_TOKEN": "Bearer Canary/Token+" + secrets.token_urlsafe(24),
        "THUMBOR_KEY": "Canary-Thumbor-Key-" + secrets.token_urlsafe(24),
        "PINHOLE_SEAL_KEY": secrets.token_hex(32),
        "IMGPROXY_KEY": secrets.token_hex(32),
        "IMGPROXY_SALT": secrets.token_hex(32),
        "IMAGOR_SECRET": "Canary-Imagor-Secret-" + secrets.token_urlsafe(24),
        "IMAGINARY_KEY": "Canary-Imaginary-Key-" + secrets.token_urlsafe(24),
    }


def hidden(env: dict[str, str]) -> dict[str, str]:
    """What must stand nowhere: the secrets as they are in the environment, and as the bytes that hex digits mean."""
    found = {name: value.removeprefix("Bearer ") for name, value in env.items()}
    for name, value in env.items():
        if name.startswith("IMGPROXY") or name == "PINHOLE_SEAL_KEY":
            found[f"{name} in base64"] = base64.b64encode(bytes.fromhex(value)).decode().rstrip("=")
    return found | FORWARDED | {"the cookie": COOKIE}


def policy(name: str) -> str:
    """A policy of the corpus with an origin that is also given what visitors send."""
    document = json.loads(policy_text(name))
    for entry in document["origins"].values():
        entry.pop("origin_auth", None)
        entry.setdefault("credentials", {}).update(forward=["x-amz-date", "x-sa-date"], cookies=["session"])
    return json.dumps(document)


@dataclass
class Run:
    """A finished run: everything that it wrote."""

    stack: Stack
    answers: list[Answer] = field(default_factory=list)
    admin: dict[str, bytes] = field(default_factory=dict)


PAGES = ("stats", "stats/prometheus", "config_dump", "config_dump?include_eds")
PAGES += ("clusters", "listeners", "server_info", "runtime", "certs")


def visit(run: Run) -> None:
    """The corpus of the basic policy, every request with a visitor's credentials; then what fails."""
    stack = run.stack
    carried = [*FORWARDED.items(), ("cookie", f"session={COOKIE}")]

    def get(port: int, path: str, extra: list[tuple[str, str]] | tuple = (), **fields: object) -> None:
        run.answers.append(ask(port, request(path, headers=[*extra, *carried], **fields)))

    for case in corpus.load():
        if case.policy == "policies/basic.json" and not case.request.get("body"):
            fields = {key: case.request[key] for key in ("method", "authority") if key in case.request}
            get(stack.ports.edge, case.request["path"], case.request.get("headers", []), **fields)
    failing = ("error.jpg", "redirect.jpg", "page.jpg", "nothing.jpg", "notes.txt")
    for source in (*failing, "private/small.jpg", "turned.jpg"):
        get(stack.ports.edge, f"/images/small/{source}")
    run.answers.append(ask(stack.ports.edge, request(headers=[("x-amz-date", "a"), *carried])))  # a repeated credential
    run.answers.append(ask(stack.ports.edge, request(headers=[*carried, ("x-filler", "x" * 40000)])))  # Envoy refuses
    run.answers.append(ask(stack.ports.edge, request(f"/images/small/{quote(COOKIE)}.jpg")))  # his own words, in his path
    for path in ("/", "/A", origin.BASE, "/" + "A" * 200):
        get(stack.ports.gate, path)
    assert any(dict(entry["headers"]).get("x-amz-date") for entry in stack.origin_requests()), "nothing was forwarded"
    stack.child("origin").stop()
    get(stack.ports.edge, "/images/small/landscape.jpg")
    stack.child(RESIZER).stop()
    get(stack.ports.edge, "/images/small/landscape.jpg")


def run(level: str) -> Run:
    with Stack(policy=policy("policies/basic.json"), resizer=RESIZER, env=fresh(), log_level=level) as stack:
        found = Run(stack)
        visit(found)
        for page in PAGES:
            with urllib.request.urlopen(f"{stack.admin_url}/{page}", timeout=10) as response:
                found.admin[page] = response.read()
    return found  # the logs are complete only after its end


@pytest.fixture(scope="module")
def done() -> Iterator[Run]:
    yield run("info")


def test_the_run_did_what_it_is_for(done: Run) -> None:
    statuses = {answer.status for answer in done.answers}
    assert {200, 400, 403, 404, 503} <= statuses and len(done.answers) > 100, (statuses, len(done.answers))
    log = done.stack.envoy_log.read_text()
    assert "[info]" in log and log.count(" edge ") > 100 and log.count(" gate ") > 20
    assert b"wasm" in done.admin["stats"] and b"hidden-directory" in done.admin["config_dump"]


def test_answers_tell_nothing(done: Run) -> None:
    for answer in done.answers:
        told = leaks.found_in(answer.text(), hidden(done.stack.env) | PLACES)
        assert not told, f"the answer tells {told}\n{answer}"


def test_logs_tell_nothing(done: Run) -> None:
    quiet = hidden(done.stack.env) | PLACES
    # What a visitor writes into his path is in the access log, whatever it is: those words are his own.
    paths = {answer.sent.split(b" ")[1] for answer in done.answers}
    own = [b" " + path + b" " for path in paths if leaks.found_in(path, quiet)]
    assert 2 <= len(own) <= 4, own
    for log in (done.stack.envoy_log, done.stack.resizer_log, done.stack.origin_log):
        text = log.read_bytes()
        for path in own:
            text = text.replace(path, b" - ")
        assert not (told := leaks.found_in(text, quiet)), f"{log} tells {told}"


@pytest.mark.parametrize("page", PAGES)
def test_the_admin_interface_shows_no_secret(done: Run, page: str) -> None:
    """Of the environment it shows the names. The policy it shows: with the origin's URL in /config_dump only."""
    quiet = hidden(done.stack.env) | ({} if page.startswith("config_dump") else PLACES)
    assert not (told := leaks.found_in(done.admin[page], quiet)), f"/{page} tells {told}"


def test_in_debug_envoy_writes_headers_and_pinhole_nothing() -> None:
    """Envoy's own debug log has every header of every request, so also the origin's credentials: README.md.

    What is held here: no line of it that the module caused does, and the keys, which are in no header, are nowhere.
    """
    found = run("debug")
    quiet = hidden(found.stack.env)
    log = found.stack.envoy_log.read_bytes()
    told = set(leaks.found_in(log, quiet | PLACES))
    expected = {"PHOTOS_TOKEN", "x-amz-date", "the cookie", "the origin's host"}
    assert expected <= told, "Envoy's debug log has become quieter: change README.md"
    keys = {name: value for name, value in quiet.items() if name.split()[0] in found.stack.env.keys() - {"PHOTOS_TOKEN"}}
    assert not (told := leaks.found_in(log, keys)), f"the debug log tells {told}"
    ours = b"\n".join(line for line in log.splitlines() if b"wasm log" in line)
    assert b"policy loaded" in ours and not leaks.found_in(ours, quiet | PLACES)
    assert not leaks.found_in(found.stack.resizer_log.read_bytes(), quiet | PLACES)
