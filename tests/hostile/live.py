"""Hostile corpora on a running Envoy, in the shipped configuration between two stubs: the live half of `make test-hostile`.

    .venv/bin/python tests/hostile/live.py LINES.jsonl [--minutes N] [--lines N] [--report FILE]

The core (`main.rs`) has read the corpus and writes the lines, in the order of a seed: where time ends first, what was
run is a fair sample, and the last lines say so. Ends with 1 for a violation, which is shown in full. Does not belong
here: what may be answered and asked (`verdicts.py`).
"""

import argparse
import asyncio
import json
import re
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / directory) for directory in ("envoy/demo", "envoy/image", "tests/live", "tests/hostile")]

import health  # noqa: E402
import positions  # noqa: E402
from bootstrap import Ports  # noqa: E402
from positions import Position, Request  # noqa: E402
from stack import Stack, StackError  # noqa: E402
from verdicts import Broken, Verdicts, hold  # noqa: E402
from lanes import Stub, Visitor, Visitor2  # noqa: E402
from wire import Answer  # noqa: E402

# Envoy keeps an HTTP/2 connection open for a second after a frame that it does not take, and says nothing: many of these.
CONNECTIONS = {"edge": 16, "gate": 4, "2": 64}
AHEAD = 2000  # requests that are read, and wait for a connection of their kind
PATIENCE = 15.0  # seconds for one answer
EVERY = 500  # requests; then a picture is asked for, which must come
NUMBER = re.compile(rb"\r\ntracestate: *h-(\d+)\r\n", re.IGNORECASE)
PAGE = (ROOT / "envoy" / "signed-urls.md").read_text()
POLICIES = Path(__file__).with_name("policies")


def signed() -> str:
    """Path and query of a URL whose signature is valid for a day and leaves the width free."""
    key = bytes.fromhex(json.loads((POLICIES / "routes.json").read_text())["signing"]["keys"]["k1"]["value"])
    names: dict = {}
    exec(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1), names)
    path = "/signed/small/landscape.jpg"
    return names["sign"](key, positions.HOST, path, {}, int(time.time()) + 86_400, "k1", ("width",))


@dataclass
class Tally:
    """Outcomes of each position, and violations."""

    outcomes: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    violations: int = 0
    first: str | None = None
    places: set[str] = field(default_factory=set)  # of which something was answered

    def violate(self, text: str) -> None:
        self.violations += 1
        self.first = self.first or text

    def table(self, names: list[str]) -> str:
        rows = [f"{'position':32} {'run':>9} {'by Envoy':>9} {'by pinhole':>10} {'served':>9}  refused for"]
        for name in names:
            counts = self.outcomes[name]
            envoy = sum(count for reason, count in counts.items() if reason.startswith("Envoy"))
            served, run = counts["served"], counts.total()
            reasons = [f"{reason} {count}" for reason, count in counts.most_common() if reason != "served"]
            more = ", …" if len(reasons) > 4 else ""
            pinhole = run - envoy - served
            rows.append(f"{name:32} {run:9} {envoy:9} {pinhole:10} {served:9}  {', '.join(reasons[:4])}{more}")
        return "\n".join(rows)


class Run:
    """A corpus on one stack."""

    def __init__(self, stack: Stack, policy: str, feed: Iterator[Request], tally: Tally, ends: float) -> None:
        self.stack, self.policy, self.feed, self.tally, self.ends = stack, policy, feed, tally, ends
        self.verdicts = Verdicts(stack, policy)
        self.open: dict[int, int] = {}  # requests under way, and how often the resizer was asked for each
        self.strays = 0  # upstream requests without a number of ours: a visitor's header took its place
        self.tokens: dict[str, bool] = {}
        self.opening: list[str] = []  # tokens that the gate has not been asked for yet
        self.at_origin: bytes | None = None
        self.expects_origin = False
        self.waiting: dict[str, deque[Request]] = {kind: deque() for kind in CONNECTIONS}
        self.since_picture = 0
        self.done = asyncio.Event()

    async def run(self) -> None:
        loop, ports = asyncio.get_running_loop(), self.stack.ports
        servers = [
            await loop.create_server(lambda: Stub(self.resizer_asked), "127.0.0.1", ports.resizer),
            await loop.create_server(lambda: Stub(self.origin_asked), "127.0.0.1", ports.origin),
        ]
        await asyncio.gather(*(self.lane(kind) for kind, count in CONNECTIONS.items() for _ in range(count)))
        await self.open_tokens(once=True)
        for server in servers:
            server.close()

    def next_for(self, kind: str) -> Request | None:
        """The next request for this kind of connection; None when there is none left."""
        if self.waiting[kind]:
            return self.waiting[kind].popleft()
        while sum(map(len, self.waiting.values())) < AHEAD and time.monotonic() < self.ends:
            if (request := next(self.feed, None)) is None:
                return None
            if kind_of(request) == kind:
                return request
            self.waiting[kind_of(request)].append(request)
        return None

    async def lane(self, kind: str) -> None:
        """One connection after the other, one request at a time on each."""
        visitor = None
        port = self.stack.ports.gate if kind == "gate" else self.stack.ports.edge
        while time.monotonic() < self.ends:
            if kind == "gate" and self.opening and not self.expects_origin:
                await self.open_tokens()
            if (request := self.next_for(kind)) is None:
                if self.exhausted():
                    break
                await asyncio.sleep(0.01)
                continue
            self.since_picture += kind == "edge"
            if self.since_picture >= EVERY:
                self.since_picture = 0
                visitor, answer, _ = await self.ask(visitor, port, kind, picture())
                if answer is None or answer.status != 200:
                    self.tally.violate(f"a plain picture was not served after {request}\n{answer}")
            if request.alone and visitor:
                visitor.close()
                visitor = None
            self.open[request.number] = 0
            before = self.strays
            visitor, answer, rest = await self.ask(visitor, port, kind, request)
            self.judge(request, answer, rest, before)
            if request.alone and visitor:
                visitor.close()
                visitor = None
        if visitor:
            visitor.close()

    def exhausted(self) -> bool:
        if any(self.waiting.values()):
            return False
        if (request := next(self.feed, None)) is not None:
            self.waiting[kind_of(request)].append(request)
        return request is None

    async def ask(self, visitor, port: int, kind: str, request: Request) -> tuple:
        """The visitor that may be used again, the answer or None, and what followed it."""
        loop = asyncio.get_running_loop()
        for _ in range(2):  # an idle connection may have been closed just now
            future = loop.create_future()

            def done(_: Request, answer: Answer | None, rest: bytes, future: asyncio.Future = future) -> None:
                if not future.done():
                    future.set_result((answer, rest))

            fresh = visitor is None or visitor.transport.is_closing()
            if fresh:
                make = Visitor2 if kind == "2" else Visitor
                _, visitor = await loop.create_connection(lambda: make(done, lambda _: None), "127.0.0.1", port)
            visitor.done = done
            visitor.ask(request, loop.time())
            try:
                answer, rest = await asyncio.wait_for(future, PATIENCE)
            except TimeoutError:
                visitor.transport.abort()
                self.tally.violate(f"I5 is broken: no answer within {PATIENCE:.0f} s\n{request}")
                return None, None, b""
            usable = None if visitor.transport.is_closing() else visitor
            if answer is not None or fresh:
                return usable, answer, rest
            visitor = None
        return None, None, b""

    def judge(self, request: Request, answer: Answer | None, rest: bytes, before: int) -> None:
        asked = self.open.pop(request.number)
        try:
            if answer is None:
                outcome = "Envoy: closed"
            else:
                outcome = self.verdicts.of_answer(answer, request.position.role, request.position.path)
            hold("I5", not rest or request.alone, f"more than one answer: {rest[:200]!r}")
            served = outcome in ("served", "upstream-looped")
            hold("I25", asked <= 1, f"one request, {asked} upstream")
            hold("I5", served or asked == 0, f"{outcome}, and yet the resizer was asked")
            hold("I5", not served or asked == 1 or self.strays > before or is_marked(request), "served by nobody")
        except (Broken, AssertionError) as error:
            outcome = "violation"
            self.tally.violate(f"{error}\n{request}\n  policy: tests/hostile/policies/{self.policy}.json\n{answer}")
        self.tally.outcomes[request.position.name][outcome] += 1
        self.tally.places.add(request.place)

    def resizer_asked(self, head: bytes) -> None:
        found = NUMBER.search(head)
        number = int(found[1]) if found else -1
        if number in self.open:
            self.open[number] += 1
        elif number >= 0:
            self.tally.violate(f"I5 is broken: asked upstream after the answer: {head!r}")
        elif b"h-picture" not in head:
            self.strays += 1
        try:
            token = self.verdicts.of_resizer(head)
        except Broken as error:
            self.tally.violate(f"{error}\n  policy: tests/hostile/policies/{self.policy}.json")
            return
        if token not in self.tokens:
            self.tokens[token] = False
            self.opening.append(token)

    def origin_asked(self, head: bytes) -> None:
        if not self.expects_origin:
            self.tally.violate(f"I38 is broken: the origin was asked, and nobody had a token: {head!r}")
        self.at_origin = head

    async def open_tokens(self, once: bool = False) -> None:
        """Asks the gate for what the edge sealed, as a resizer would, one after the other."""
        self.expects_origin = True
        visitor = None
        while self.opening:
            token, self.at_origin = self.opening.pop(), None
            data = b"GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % token.encode()
            request = Request(-1, Position("gate: what the edge sealed", role="gate"), "", token, b"", data)
            visitor, answer, _ = await self.ask(visitor, self.stack.ports.gate, "gate", request)
            try:
                hold("I11", answer is not None and answer.status == 200 and self.at_origin, f"not opened\n{answer}")
                self.verdicts.of_origin(self.at_origin or b"")
            except (Broken, AssertionError) as error:
                self.tally.violate(f"{error}\n  a token of the edge: {token}")
            self.tally.outcomes["gate: what the edge sealed"]["served"] += 1
        self.expects_origin = False
        if visitor:
            visitor.close()


def kind_of(request: Request) -> str:
    return "2" if isinstance(request.data, list) else request.position.role


def is_marked(request: Request) -> bool:
    """Whether a header of the payload takes the number away: a second `tracestate`, or one that `connection` names."""
    return b"tracestate" in request.payload.lower() or request.position.name.startswith("header: connection")


def picture() -> Request:
    data = b"GET /images/small/landscape.jpg HTTP/1.1\r\nHost: img.example.com\r\ntracestate: h-picture\r\n\r\n"
    return Request(-2, Position("a picture"), "", "", b"", data)


def feed(lines: Path, most: int | None, policy: str, tally: Tally, say: Callable[[str], None]) -> Iterator[Request]:
    """The requests of all lines."""
    places, url, number, said = positions.read(), signed(), 0, time.monotonic()
    with lines.open() as file:
        for count, text in enumerate(file):
            if most is not None and count >= most:
                return
            line = json.loads(text)
            for request in positions.requests_of(
                line["place"], line["payload"].encode("latin-1"), policy, places, url, number
            ):
                number = request.number + 1
                yield request
            if time.monotonic() > said + 10:
                said = time.monotonic()
                say(f"live: {count + 1} lines and {number} requests under {policy}, {tally.violations} violations")


def check_log(stack: Stack, tally: Tally) -> None:
    """LOG-01: nobody writes control characters or credentials into Envoy's log."""
    with stack.envoy_log.open("rb") as log:
        for line in log:
            if re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", line):
                return tally.violate(f"the log has control characters: {line[:500]!r}")
            if any(word.encode() in line for word in (positions.UNLISTED, positions.LISTED)):
                return tally.violate(f"the log has a credential: {line[:500]!r}")
    return None


def run(lines: Path, minutes: float, most: int | None, say: Callable[[str], None]) -> tuple[Tally, bool]:
    """Runs the lines under each policy; says also whether it was all of them."""
    tally, complete = Tally(), True
    began = time.monotonic()
    for policy, share in (("routes", 0.8), ("keep", 1.0)):
        document = POLICIES / f"{policy}.json"
        with ExitStack() as exits:
            stack = Stack(policy=document.read_text(), resizer=None, origin=False, ports=Ports.free())
            exits.enter_context(stack)
            ends = began + minutes * 60 * share
            asked = Run(stack, policy, feed(lines, most, policy, tally, say), tally, ends)
            asyncio.run(asked.run())
            complete &= asked.exhausted()
            try:
                health.check(stack)
            except AssertionError as error:
                tally.violate(f"I1 is broken: {error}")
            check_log(stack, tally)
        if not tally.violations:
            stack.envoy_log.unlink()
    return tally, complete


def main() -> None:
    parser = argparse.ArgumentParser(description="hostile corpora on a running Envoy")
    parser.add_argument("lines", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--lines", dest="most", type=int)
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    began = time.monotonic()
    say = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    try:
        tally, complete = run(options.lines, options.minutes, options.most, say)
    except StackError as error:
        sys.exit(f"hostile: {error}")
    seconds = time.monotonic() - began
    names = [position.name for position in positions.read()] + ["gate: what the edge sealed"]
    print(tally.table(names))
    total = sum(counts.total() for counts in tally.outcomes.values())
    served = sum(counts["served"] for counts in tally.outcomes.values())
    if not complete:
        given = sum(1 for _ in options.lines.open())
        print(
            f"not all: {options.minutes:g} minutes are over; {len(tally.places)} of {given} lines were begun, "
            "a sample by the seed"
        )
    print(
        f"live: {len(tally.places)} lines, {total} requests: {served} served, {total - served - tally.violations} refused, "
        f"{tally.violations} violations; {seconds:.0f} s, {total / seconds:.0f} requests a second"
    )
    if options.report:
        counts = {name: dict(counts) for name, counts in tally.outcomes.items()}
        report = {"lines": len(tally.places), "complete": complete, "seconds": seconds, "positions": counts}
        options.report.write_text(json.dumps(report | {"violations": tally.violations, "first": tally.first}))
    if tally.violations:
        sys.exit(f"\nthe first of {tally.violations} violations\n{tally.first}")


if __name__ == "__main__":
    main()
