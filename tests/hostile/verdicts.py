"""What a visitor may be answered, and what the stubs behind pinhole may be asked: the live half's invariants.

Answers and upstream requests are few, whatever is asked, so each is judged once and known again by its bytes. Numbers
are those of the invariants in `tests/README.md`.
"""

import re
from urllib.parse import unquote_to_bytes

import contract
import leaks
import origin
from positions import LISTED, UNLISTED
from stack import Stack
from through_stub import ALWAYS, TRACE
from upstream import png
from wire import Answer

PNG = png()
CANARIES = {"a credential that no list names": UNLISTED, "a credential that an origin's list names": LISTED}
MEMBERS = "/hidden-directory-of-members/"
MOST_SIDE = 1000

# thumbor's grammar, as pinhole writes it for these policies and no wider.
FILTER = r"(?:quality\(\d{1,3}\)|format\((?:webp|jpeg|avif|png)\)|upscale\(\)|no_upscale\(\)|stretch\(\)|blur\(\d{1,2}\)"
FILTER += r"|rotate\(\d{1,3}\)|background_color\([0-9a-f]{6}\)|fill\([0-9a-f]{6},1\))"
SIDE = r"-?(\d{1,5})x-?(\d{1,5})"
PLACE = r"(?:(?:left|right|center)/(?:top|middle|bottom)/|smart/)?"
ASKED = rf"GET /[\w-]{{27}}=/(?:trim/)?(?:fit-in/)?{SIDE}/{PLACE}(?:filters:{FILTER}(?::{FILTER})*/)?"
ASKED += r"http%3A%2F%2F127\.0\.0\.1%3A(\d+)%2F([\w-]+) HTTP/1\.1"
ASKED = re.compile(ASKED, re.ASCII)
KEPT_HOST = re.compile(r"(?:(?:[a-z0-9_-]+\.)*img\.example\.com|127\.0\.0\.1)")
CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


class Broken(Exception):
    """An invariant does not hold; the message begins with its number."""


def hold(invariant: str, holds: object, found: str) -> None:
    if not holds:
        raise Broken(f"{invariant} is broken: {found}")


class Verdicts:
    """Those about one running stack."""

    def __init__(self, stack: Stack, policy: str) -> None:
        self.stack, self.policy = stack, policy
        self.answers: dict[object, str] = {}
        self.asked: dict[bytes, str] = {}
        self.secrets = leaks.secrets_of(stack) | CANARIES

    def of_answer(self, answer: Answer, role: str, path: str) -> str:
        """The outcome in a word: `served`, the reason of a refusal, or `Envoy: 400`."""
        option = answer.all("x-pinhole-option")
        hold("I39", len(option) < 2 and all(map(contract.OPTION.fullmatch, option)), f"x-pinhole-option {option}")
        # The name of an option is the visitor's own word, and no leak whatever it is.
        headers = [pair for pair in answer.headers if pair[0] not in ("x-pinhole-option", "date", "connection")]
        private = path.startswith("/members/") or "/members/" in path
        key = (role, answer.status, tuple(headers), answer.body, tuple(answer.early), private)
        if (known := self.answers.get(key)) is None:
            plain = Answer(answer.sent, answer.status, headers, answer.body, answer.early)
            try:
                known = self.answers[key] = self._judge(plain, role, private)
            except AssertionError as error:
                raise Broken(f"I39 to I47 are broken: {error}") from None
        return known

    def _judge(self, answer: Answer, role: str, private: bool) -> str:
        told = leaks.found_in(answer.text(), self.secrets)
        hold("I40", not told, f"the answer tells {told}\n{answer}")
        reason = answer.reason
        if answer.status == 200:
            hold("I41", role == "edge", f"the gate served\n{answer}")
            hold("I43", answer.one("content-type") == "image/png" and answer.body == PNG, f"\n{answer}")
            control = answer.one("cache-control") or ""
            wanted = r"private, no-store" if private else r"public, max-age=\d+|private, no-store"
            hold("I44", re.fullmatch(wanted, control), f"cache-control: {control}\n{answer}")
            allowed = contract.SERVED | contract.HOP | {"vary"}
            hold("I39", answer.names <= allowed, f"{answer.names - allowed}\n{answer}")
            contract._check_common(answer, self.stack)
            return "served"
        if role == "edge" and reason == "malformed-request" and answer.body in contract.ENVOY_TEXTS:
            contract.check_refused_by_envoy(answer, self.stack, answer.status)
            return f"Envoy: {answer.status}"
        if reason is None:
            # Before it knows which listener's rules hold, or at the gate, which has no words of its own for this.
            hold("I42", answer.body in contract.ENVOY_TEXTS and 400 <= answer.status <= 501, f"\n{answer}")
            names = {"content-type", "content-length", "server", "cache-control", "x-content-type-options"}
            hold("I39", answer.names <= names | contract.HOP, f"{answer.names}\n{answer}")
            return f"Envoy: {answer.status}"
        contract.check_refused(answer, self.stack, reason, answer.status)
        hold("I4", answer.status < 500 or reason == "upstream-looped", f"\n{answer}")
        return reason

    def of_resizer(self, head: bytes) -> str:
        """What the resizer is asked; gives the token in it."""
        hold("I8", not CONTROL.search(head.replace(b"\r\n", b"")), f"control characters upstream: {head!r}")
        lines = head[:-4].decode("latin-1").split("\r\n")
        own = {"x-request-id", "x-envoy-original-path", "traceparent", "tracestate", "b3"}
        pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
        plain = "\r\n".join([lines[0], *(f"{n}: {v}" for n, v in pairs if n not in own and not n.startswith("x-b3-"))])
        told = leaks.found_in(head, CANARIES)
        hold("I22", not told, f"the resizer is told {told}: {head!r}")
        key = plain.encode("latin-1")
        if (known := self.asked.get(key)) is None:
            known = self.asked[key] = self._judge_resizer(lines[0], pairs, head)
        names = [name for name, _ in pairs]
        known_names = ALWAYS <= set(names) <= ALWAYS | TRACE | {"cache-control"}
        hold("I18", len(set(names)) == len(names) and known_names, f"{head!r}")
        hold("I18", dict(pairs).get("cache-control", "no-store") == "no-store", f"{head!r}")
        original = dict(pairs)["x-envoy-original-path"]
        signed = original.startswith("/signed/")
        hold("I22", not (signed and "?" in original), f"a signed URL with its query goes upstream: {head!r}")
        return known

    def _judge_resizer(self, line: str, pairs: list[tuple[str, str]], head: bytes) -> str:
        asked = ASKED.fullmatch(line)
        hold("I11", asked, f"the resizer is asked for something else: {line!r}")
        width, height, port, token = asked.groups()
        sides = (int(width), int(height))
        hold("I13", max(sides) <= MOST_SIDE and any(sides), f"{width}x{height}: {line!r}")
        hold("I6", int(port) == self.stack.ports.gate, f"another gate: {line!r}")
        headers = dict(pairs)
        wanted = KEPT_HOST if self.policy == "keep" else re.compile(r"thumbor\.internal")
        hold("I6", wanted.fullmatch(headers.get("host", "")), f"host: {headers.get('host')}: {head!r}")
        hold("I24", headers.get("user-agent") == "pinhole", f"{head!r}")
        hold("I24", headers.get("x-forwarded-proto") in ("http", "https"), f"{head!r}")
        secrets = [value.removeprefix("Bearer ") for value in self.stack.env.values()]
        hold("I22", not any(secret.encode() in head for secret in secrets), f"a secret of the policy's: {head!r}")
        return token

    def of_origin(self, head: bytes) -> None:
        """What the origin is asked by the gate."""
        hold("I8", not CONTROL.search(head.replace(b"\r\n", b"")), f"control characters at the origin: {head!r}")
        line, *rest = head[:-4].decode("latin-1").split("\r\n")
        method, _, after = line.partition(" ")
        path, _, version = after.rpartition(" ")
        hold("I25", method in ("GET", "HEAD") and version == "HTTP/1.1", f"{line!r}")
        base = MEMBERS if path.startswith(MEMBERS) else origin.BASE
        check_below(path, base)
        pairs = [(name.lower(), value.strip()) for name, _, value in (header.partition(":") for header in rest)]
        headers = dict(pairs)
        names = {"host", "user-agent", "via", "x-forwarded-proto"}
        most = names | {"authorization"} | ({"cookie", "x-amz-date"} if base == MEMBERS else set())
        hold("I18", len(pairs) == len(headers) and names <= headers.keys() <= most, f"{head!r}")
        hold("I6", headers["host"] == origin.HOST, f"{head!r}")
        told = leaks.found_in(head, {"a credential that no list names": UNLISTED})
        hold("I22", not told, f"the origin is told {told}: {head!r}")
        token = self.stack.env["PHOTOS_TOKEN"]
        if base == MEMBERS:
            hold("I23", token not in str(head), f"another origin's credential: {head!r}")
            hold("I19", headers.get("cookie", "session=").startswith("session="), f"{head!r}")
        else:
            hold("I23", headers.get("authorization") == token and LISTED not in str(head), f"{head!r}")


def check_below(path: str, base: str) -> None:
    """I7: below the base after no, one, two and three decodings, also for who folds separators and parameters."""
    hold("I8", re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", path), f"{path!r}")
    bytes_ = path.encode()
    for _ in range(4):
        for read in (bytes_, bytes_.replace(b"\\", b"/"), re.sub(rb";[^/]*", b"", bytes_.replace(b"\\", b"/"))):
            hold("I7", read.startswith(base.encode()), f"{path!r} is read as {read!r}")
            hold("I7", not set(read.split(b"/")[1:]) & {b"", b".", b".."}, f"{path!r} is read as {read!r}")
        bytes_ = unquote_to_bytes(bytes_)
