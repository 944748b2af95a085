"""Visitors who know what each answer must be, and note what became of every request.

A 200 is the right picture or WRONG: number, size, type, who may keep it. Everything else is a refusal in pinhole's own form,
with no word in it that a visitor must not learn (leaks.py). What does not belong here: what is broken meanwhile, and which
refusals are right then.
"""

import hashlib
import io
import random
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

import where  # noqa: F401 (first: it lets the others be found)
from PIL import Image

import contract
import leaks
import marked
from battered import WIDTHS, Battered
from wire import Answer, Closed, Connection, request

EDGE_TIMEOUT = 20.0  # seconds: `timeout` of the edge's route in envoy.yaml
SLACK = 3.0  # seconds in which a busy machine may be late
PUBLIC, PRIVATE = "public, max-age=3600", "private, no-store"

GOOD = "picture"
REFUSED = "refused as it must be"
NEVER = ("WRONG", "LEAK", "STUCK")  # beginnings of outcomes that no fault excuses


@dataclass(frozen=True)
class Wanted:
    """A request and its only right answer."""

    path: str
    number: int = 0
    size: tuple[int, int] = (0, 0)
    kind: str = ""
    cache: str = ""
    refusal: tuple[int, str] | None = None  # instead of a picture


@dataclass(frozen=True)
class Seen:
    """What became of a request. Times are those of time.monotonic()."""

    wanted: Wanted
    start: float
    end: float
    outcome: str
    detail: str = ""

    @property
    def good(self) -> bool:
        return self.outcome in (GOOD, REFUSED)


def catalogue() -> list[Wanted]:
    """Every picture, and some requests that are refused whatever happens."""
    all_ones = []
    for number in range(marked.COUNT):
        for preset, width in WIDTHS.items():
            for directory, cache in (("images", PUBLIC), ("mine", PRIVATE)):
                if directory == "mine" and number % 4:
                    continue
                size, kind = (width, marked.height(number, width)), "image/webp" if preset == "web" else "image/jpeg"
                all_ones.append(Wanted(f"/{directory}/{preset}/{marked.name(number)}", number, size, kind, cache))
    refused = [("/images/huge/marked-1.jpg", 404, "unknown-preset"), ("/images/small/marked-1.jpg?width=9", 400, "unknown-option")]
    refused += [("/nothing/here", 404, "no-route")]
    return all_ones + [Wanted(path, refusal=(status, reason)) for path, status, reason in refused] * 6


class Recorded(Connection):
    """A connection that keeps what it was sent, also of an answer that ends too early."""

    def __init__(self, port: int, patience: float) -> None:
        super().__init__(port)
        self.socket.settimeout(patience)
        self.raw, self.asked = b"", 0

    def ask(self, data: bytes) -> Answer:
        self.raw, self.asked = b"", self.asked + 1
        return super().ask(data)

    def _more(self) -> None:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed
        self.raw += data
        self.buffer += data


class Visitors:
    """A context manager: `count` of them ask until it is left. `seen` grows meanwhile."""

    def __init__(self, stack: Battered, count: int = 8, pause: float = 0.02, limit: float = EDGE_TIMEOUT + SLACK) -> None:
        self.stack, self.count, self.pause, self.limit = stack, count, pause, limit
        self.seen: list[Seen] = []
        self.secrets = leaks.secrets_of(stack) | stack.unproxied
        self.known: dict[bytes, tuple] = {}  # what bodies of before showed
        self.asked_again = 0  # on a new connection, as the old one was closed while it was idle
        self.under_way: dict[int, float] = {}  # since when each of them waits
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._visit, args=(seed,)) for seed in range(count)]

    def __enter__(self) -> "Visitors":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(self.limit + 10)
        assert not any(thread.is_alive() for thread in self.threads), "a visitor still waits"

    def _visit(self, seed: int) -> None:
        dice, all_ones = random.Random(seed), catalogue()
        connection: Recorded | None = None
        while not self.over.is_set():
            self.under_way[seed] = time.monotonic()
            connection = self._ask(dice.choice(all_ones), connection)
            del self.under_way[seed]
            # One that failed comes back more slowly, as there would be thousands of failures otherwise.
            self.over.wait(self.pause if self.seen[-1].good else 0.1)
        if connection:
            connection.socket.close()

    def _ask(self, wanted: Wanted, connection: Recorded | None) -> Recorded | None:
        """One request; gives the connection for the next."""
        start = time.monotonic()
        outcome, detail = "not connected", ""
        for _ in range(2):
            fresh = connection is None
            raw = b""
            try:
                connection = connection or Recorded(self.stack.ports.edge, self.limit)
                answer = connection.ask(request(wanted.path))
                outcome, detail = self.judge(wanted, answer)
            except (Closed, ConnectionError):
                raw = connection.raw if connection else b""
                outcome = "broken off" if raw else "closed unanswered" if connection else "not connected"
            except (TimeoutError, AssertionError) as error:
                raw = connection.raw if connection else b""
                outcome, detail = ("STUCK", "") if isinstance(error, TimeoutError) else ("WRONG", f"{error}")
            else:
                if answer.one("connection") == "close":
                    connection = self._closed(connection)
                break
            connection = self._closed(connection)
            if told := leaks.found_in(raw, self.secrets):
                outcome, detail = "LEAK", f"{', '.join(told)} in {raw[:2000]!r}"
            if fresh or raw or outcome == "STUCK":
                break
            self.asked_again += 1  # closed while it was idle, which a client cannot know: browsers do the same
        end = time.monotonic()
        if end - start > self.limit:
            outcome, detail = "STUCK", f"{end - start:.1f} s, then {outcome} {detail}"
        self.seen.append(Seen(wanted, start, end, outcome, detail))
        return connection

    def _closed(self, connection: Recorded | None) -> None:
        if connection:
            with suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
            connection.socket.close()

    def judge(self, wanted: Wanted, answer: Answer) -> tuple[str, str]:
        """What an answer is, and what is wrong with it."""
        digest = hashlib.sha256(answer.body).digest()
        if told := leaks.found_in(answer.text() if digest not in self.known else answer.head, self.secrets):
            return "LEAK", f"{', '.join(told)}\n{answer}"
        if answer.status == 200:
            return self._judge_picture(wanted, answer, digest)
        reason = answer.reason or "(Envoy's own)"
        said = f"{answer.status} {reason}"
        if answer.one("cache-control") != "no-store":
            return "WRONG", f"a failure that may be kept\n{answer}"
        if answer.reason:
            status = wanted.refusal[0] if wanted.refusal else contract.UPSTREAM_STATUS.get(reason, 0)
            try:
                contract.check_refused(answer, self.stack, reason, status)
            except AssertionError as error:
                return "WRONG", f"not a refusal of pinhole's: {error}"
        return (REFUSED, "") if (answer.status, reason) == wanted.refusal else (said, "")

    def _judge_picture(self, wanted: Wanted, answer: Answer, digest: bytes) -> tuple[str, str]:
        if wanted.refusal:
            return "WRONG", f"a picture in the place of a refusal\n{answer}"
        if len(answer.body) != int(answer.one("content-length") or -1):
            return "WRONG", f"not whole\n{answer}"
        if digest not in self.known:
            self.known[digest] = shown(answer.body)
        want, found = (wanted.number, wanted.size, wanted.kind), self.known[digest]
        if want != found:
            return "WRONG", f"wanted number, size and type {want}, found {found}\n{answer}"
        if answer.one("content-type") != wanted.kind or answer.names - (contract.SERVED | contract.HOP):
            return "WRONG", f"headers\n{answer}"
        # Where edge and gate were not in one process, as in a hot restart, nobody may keep a picture.
        if answer.one("cache-control") not in (wanted.cache, PRIVATE):
            return "WRONG", f"who may keep it\n{answer}"
        return GOOD, "" if answer.one("cache-control") == wanted.cache else "not to be kept"


def shown(body: bytes) -> tuple:
    """Number, size and type of a picture, or why it has none."""
    try:
        with Image.open(io.BytesIO(body)) as picture:
            picture.load()
            return marked.number_of(picture), picture.size, Image.MIME[picture.format]
    except (OSError, SyntaxError, ValueError) as error:
        return (f"no picture: {error}",)
