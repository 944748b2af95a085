"""The list of what module and Envoy may ask of each other, as envoy.yaml has it: nothing can be taken from it unseen.

Each function and callback is taken away by itself, and something that all else shows as ever is then missed. A function
that is missing never lets a request through; a callback can, which is why the list may not be shortened, and why no
header of a visitor's chooses a cluster. Resizer and origin are stubs; the resizer asks the gate, as a real one does.
"""

import json
import re
import socket
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import pytest

import origin
import wire
from conftest import TRAILERS_AND_MANY_HEADERS, policy_of
from stack import Stack, StackError
from test_push import PATH as PUSHED
from test_push import Pushing, policy as push_policy, start
from test_signed import OLD, policy as signing_policy, url
from upstream import Asked, Upstream, chunked, png
from waiting import until
from wire import Answer, Closed, request

sys.path.append(str(Path(__file__).resolve().parents[1] / "module"))
import surface  # noqa: E402

CANARY = ("X-Canary", "canary")
ENTRY = "                    {}: {{}}\n"
RESTRICTED = re.compile(r"[Rr]estricted .*capability: (\w+)")


class Fetching(Upstream):
    """A resizer: it asks the gate for the source, and answers with a picture whatever came. It tells too much."""

    gate = 0
    got: Answer | None = None

    def answer(self, asked: Asked) -> bytes:
        try:
            self.got = wire.ask(self.gate, request("/" + unquote(asked.line).split(" ")[1].rsplit("/", 1)[1]))
        except (Closed, OSError):
            self.got = None
        return chunked(png(), headers=[("Content-Type", "image/png"), CANARY], end=b"0\r\nX-Canary: canary\r\n\r\n")


def without(name: str | None) -> Callable[[str], str]:
    """envoy.yaml without this entry, between upstreams that send trailers."""

    def configure(text: str) -> str:
        for old in ("  - name: resizer\n", "  - name: photos\n"):
            assert text.count(old) == 1
            text = text.replace(old, old + TRAILERS_AND_MANY_HEADERS)
        merge = "          merge_slashes: true\n"
        text = text.replace(merge, f"{merge}          http_protocol_options: {{ enable_trailers: true }}\n")
        assert name is None or text.count(ENTRY.format(name)) == 1
        return text.replace(ENTRY.format(name), "")

    return configure


def policy() -> str:
    """The basic policy, with one route for signed URLs."""
    document, signing = policy_of("policies/basic.json", "thumbor"), json.loads(signing_policy())
    document["routes"] += signing["routes"]
    return json.dumps(document | {"signing": signing["signing"]})


@dataclass
class Seen:
    """What requests came to."""

    starts: bool = True
    answers: dict[str, str] = field(default_factory=dict)  # status, reason, `cache-control`; `told` if too much is
    origin: dict[str, list[str]] = field(default_factory=dict)  # what the origin was asked
    after_head: bytes = b""
    counted: bool = False
    loaded: bool = False  # the log says that the policy is
    words: bool = False  # access logs have them
    signatures: int = 0  # in access logs
    restricted: set[str] = field(default_factory=set)


REQUESTS = {
    "picture": lambda: request(),
    "unknown preset": lambda: request("/images/huge/landscape.jpg"),
    "signed": lambda: request(url()),
    "wrongly signed": lambda: request(url(key=OLD)),
    "past pinhole": lambda: request(f"{origin.BASE}landscape.jpg", headers=[("x-pinhole-cluster", "photos")]),
}


def look(name: str | None) -> Seen:
    """Everything that can be seen without this entry."""
    seen = Seen()
    stack = Stack(policy=policy(), resizer=None, origin=False, configure=without(name))
    try:
        with stack, Fetching(stack.ports.resizer) as resizer, Upstream(stack.ports.origin) as hidden:
            resizer.gate = stack.ports.gate
            seen.after_head = after_head(stack)
            for kind, made in REQUESTS.items():
                resizer.behaves()
                hidden.behaves()
                seen.answers[kind] = described(stack, made())
                seen.origin[kind] = [asked.line.split(" ")[1] for asked in hidden.asked]
            with urllib.request.urlopen(f"{stack.admin_url}/stats/prometheus", timeout=5) as response:
                seen.counted = bool(re.search(r"^pinhole_requests_total\{.*\} [1-9]", response.read().decode(), re.M))
    except StackError:
        seen.starts = False
    log = stack.envoy_log.read_text(errors="replace")
    seen.loaded, seen.words = "policy loaded" in log, "decision=forward" in log
    seen.signatures = len(re.findall(r"] edge .*(?:kid|sig)=", log))
    seen.restricted = set(RESTRICTED.findall(log))
    return seen


def described(stack: Stack, data: bytes) -> str:
    try:
        answer = wire.ask(stack.ports.edge, data)
    except (Closed, OSError):
        return "closed"
    said = f"{answer.status} {answer.reason} {answer.one('cache-control')}"
    return f"{said} told" if b"canary" in answer.text().lower() else said


def after_head(stack: Stack) -> bytes:
    """What follows the headers of an answer to HEAD."""
    with socket.create_connection(("127.0.0.1", stack.ports.edge), timeout=5) as connection:
        connection.sendall(request(method="HEAD", headers=[("connection", "close")]))
        text = b""
        while data := connection.recv(65536):
            text += data
    return text.partition(b"\r\n\r\n")[2]


@pytest.fixture(scope="module")
def whole() -> Seen:
    return look(None)


def test_with_the_list_everything_is_served(whole: Seen) -> None:
    assert whole.starts and whole.counted and whole.loaded and whole.words
    assert not whole.after_head and not whole.restricted and not whole.signatures
    assert re.sub(r"age=\d+", "age=…", "\n".join(f"{kind}: {answer}" for kind, answer in whole.answers.items())) == (
        "picture: 200 None public, max-age=…\n"
        "unknown preset: 404 unknown-preset no-store\n"
        "signed: 200 None public, max-age=…\n"
        "wrongly signed: 403 bad-signature no-store\n"
        "past pinhole: 404 no-route no-store"
    )
    source = f"{origin.BASE}landscape.jpg"
    assert {kind for kind, asked in whole.origin.items() if asked == [source]} == {"picture", "signed"}


# What is seen first of each that is missing. `trap` is Envoy's 503 for a module that failed: the SDK panics.
CLOSED = {
    "proxy_on_context_create": "start", "proxy_on_configure": "refuse",
    "proxy_get_header_map_pairs": "trap", "proxy_set_header_map_pairs": "trap",
    "proxy_replace_header_map_value": "trap",
    "proxy_get_buffer_bytes": "start", "proxy_set_buffer_bytes": "trap", "proxy_send_local_response": "trap",
    "proxy_get_property": "start", "proxy_set_property": "trap", "proxy_get_current_time_nanoseconds": "trap",
    "proxy_get_shared_data": "trap", "proxy_set_shared_data": "trap", "proxy_define_metric": "start",
    "proxy_increment_metric": "trap", "proxy_record_metric": "start", "proxy_log": "start",
    "environ_get": "start", "environ_sizes_get": "start", "random_get": "start",
}  # fmt: skip
OPEN = {"proxy_on_request_headers", "proxy_on_response_headers", "proxy_on_response_body", "proxy_on_response_trailers"}


def test_each_entry_has_a_test() -> None:
    assert {*CLOSED, *OPEN, "proxy_on_delete"} == surface.ALLOWED


@pytest.mark.parametrize("name", CLOSED)
def test_what_is_missing_closes(name: str) -> None:
    seen = look(name)
    assert seen.starts == (CLOSED[name] != "start")
    if CLOSED[name] == "trap":
        assert seen.restricted == {name} and "503 None no-store" in seen.answers.values(), seen
    if CLOSED[name] == "refuse":
        assert set(seen.answers.values()) == {"502 upstream-failed no-store"} and not seen.counted, seen
    for kind, answer in seen.answers.items():
        assert "told" not in answer, f"{kind}: {answer}"
        # Nobody is asked for anything but what the policy allows, and nobody is served what it refuses.
        assert set(seen.origin[kind]) <= {f"{origin.BASE}landscape.jpg"}, f"{kind}: {seen.origin[kind]}"
        assert kind in ("picture", "signed") or not (seen.origin[kind] or answer.startswith("2")), f"{kind}: {answer}"


def test_without_asking_about_requests_nothing_is_served() -> None:
    seen = look("proxy_on_request_headers")
    assert set(seen.answers.values()) == {"400 malformed-request no-store"}
    assert not any(seen.origin.values()), "a header of the visitor's chose the cluster"


def test_without_asking_about_answers_too_much_is_told() -> None:
    """The module cannot close this: it is why the list must have every callback."""
    assert look("proxy_on_response_headers").answers["picture"] == "200 None None told"
    assert look("proxy_on_response_trailers").answers["picture"] == "200 None public, max-age=3600 told"
    assert png() in look("proxy_on_response_body").after_head


def test_without_deletion_memory_grows() -> None:
    def growth(name: str | None) -> int:
        """How much Envoy's memory grows with a thousand pictures, in kB."""
        with Stack(policy=policy(), resizer=None, origin=False, configure=without(name)) as stack:
            with Fetching(stack.ports.resizer) as resizer, Upstream(stack.ports.origin):
                resizer.gate = stack.ports.gate
                with wire.Connection(stack.ports.edge) as connection:
                    ask = lambda count: [connection.ask(request()) for _ in range(count)]  # noqa: E731
                    ask(300)
                    before = resident(stack)
                    assert {answer.status for answer in ask(1000)} == {200}
                    return resident(stack) - before

    kept, freed = growth("proxy_on_delete"), growth(None)
    assert kept > freed + 200, f"{kept} kB where nothing is deleted, {freed} kB where it is"


def resident(stack: Stack) -> int:
    """kB of Envoy, which func-e may have started."""
    with urllib.request.urlopen(f"{stack.admin_url}/server_info", timeout=5) as response:
        json.load(response)  # it lives
    parent = stack.child("envoy").process.pid
    family = {parent}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(state[1]) == parent:
            family.add(int(path.parent.name))
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4 for pid in family)


# ---- pushed sources


@pytest.fixture
def pushing_without(request: pytest.FixtureRequest) -> Iterator[Pushing]:
    name = request.param

    def configure(text: str) -> str:
        assert name is None or text.count(ENTRY.format(name)) == 1
        return text.replace(ENTRY.format(name), "")

    with ExitStack() as exits:
        yield start(exits, push_policy(), configure)


@pytest.mark.parametrize("pushing_without", [None], indirect=True)
def test_pushed_pictures_are_served_with_the_list(pushing_without: Pushing) -> None:
    pushing_without.serves_others()


@pytest.mark.parametrize("pushing_without", surface.PUSH, indirect=True)
def test_pushed_pictures_need_each_entry(pushing_without: Pushing) -> None:
    pushing = pushing_without
    pushing.origin.behaves()
    try:
        answer = wire.ask(pushing.stack.ports.edge, request(PUSHED))
        assert answer.status in (408, 502, 503, 504), f"\n{answer}"
    except (Closed, OSError):
        pass
    until(lambda: len(pushing.resizer.asked) <= 1, "at most one picture is made")


# ---- where the list may stand


def test_a_newer_envoy_takes_it_in_the_vm_too(tmp_path: Path) -> None:
    """From 1.40 on, Envoy has this field in `vm_config` as well, and calls the older place deprecated."""

    def moved(text: str) -> str:
        listed = r"( +capability_restriction_config:) &capabilities\n((?:.*\n)*?)(?= +# The same text as)"
        block = re.search(listed, text)
        body = "".join(f"  {line}\n" for line in block[2].splitlines())
        text = text.replace(block[0], "").replace("                capability_restriction_config: *capabilities\n", "")
        vm = "                  vm_id: pinhole\n"
        assert text.count(vm) == 1
        return text.replace(vm, f"{vm}  {block[1]}\n{body}")

    stack = Stack(policy=policy(), resizer=None, origin=False, configure=moved)
    try:
        with stack, Fetching(stack.ports.resizer) as resizer, Upstream(stack.ports.origin):
            resizer.gate = stack.ports.gate
            assert described(stack, request()) == "200 None public, max-age=3600"
    except StackError:
        # Protobuf puts a blank more here and there, for nobody to rely on its words.
        if re.search(r"no\s+such\s+field:\s+'capability_restriction_config'", stack.envoy_log.read_text()):
            pytest.skip("this Envoy is older than 1.40")
        raise
    assert "Deprecated field" not in stack.envoy_log.read_text()
