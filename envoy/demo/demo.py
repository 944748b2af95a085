"""`make demo`: starts the stack, shows what it serves and what it refuses, and stays up.

With --once, or DEMO_ONCE=1, it ends after showing. Anything that is not as expected is marked and makes the
exit status 1. Settings: RESIZER (thumbor, imgproxy, imagor, imaginary or ipx), PUSH=1 (with imaginary), and EDGE_PORT, GATE_PORT, ADMIN_PORT,
RESIZER_PORT, ORIGIN_PORT.
"""

import http.client
import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image

import origin
from bootstrap import ROOT, BootstrapError, Ports
from gallery import volume
from resizers import telltale
from stack import Stack, StackError, from_environment, interrupt_on_sigterm

PICTURE = "landscape.jpg"
COLORED = sys.stdout.isatty() and "NO_COLOR" not in os.environ


@dataclass
class Answer:
    """One response, and the picture in it if there is one."""

    status: int
    headers: dict[str, str]
    body: bytes
    size: tuple[int, int] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.headers.get("content-type", "").startswith("image/"):
            with Image.open(io.BytesIO(self.body)) as picture:
                self.size = picture.size

    @property
    def reason(self) -> str:
        return self.headers.get("x-pinhole-reason", "")


@dataclass
class Step:
    """What is asked, what for, and how to tell that the answer is the expected one."""

    says: str
    path: str
    wanted: str
    is_wanted: Callable[[Answer], bool]


def refused(answer: Answer) -> bool:
    return 400 <= answer.status < 500 and answer.reason != "" and answer.size is None


def is_page(answer: Answer) -> bool:
    page = answer.headers.get("content-type") == "text/html; charset=utf-8"
    return answer.status == 200 and page and "content-security-policy" in answer.headers


STEPS = [
    Step("the page, which pinhole is not asked for", "/", "a page", is_page),
    Step(
        "a preset: small is 300 wide",
        f"/images/small/{PICTURE}",
        "300 x 225",
        lambda answer: answer.status == 200 and answer.size == (300, 225),
    ),
    Step(
        "too wide, so cut down to the route's 1000",
        f"/photos/{PICTURE}?width=5000",
        "1000 x 750",
        lambda answer: answer.status == 200 and answer.size == (1000, 750),
    ),
    Step("no such preset", f"/images/huge/{PICTURE}", "a refusal", refused),
    Step("too wide, on a route that refuses it", f"/strict/{PICTURE}?width=5000", "a refusal", refused),
    # Envoy's own path settings answer this one before pinhole sees it.
    Step(
        "an escaped slash, to climb out of the directory",
        f"/images/small/..%2f{PICTURE}",
        "status 400",
        lambda answer: answer.status == 400,
    ),
]


def ask(port: int, path: str, host: str | None = None) -> Answer:
    """A GET with the path exactly as given; most clients would tidy it first."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": host} if host else {})
        response = connection.getresponse()
        return Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        )
    finally:
        connection.close()


def paint(text: str, color: int) -> str:
    return f"\033[{color}m{text}\033[0m" if COLORED else text


def describe(answer: Answer) -> str:
    if answer.size:
        width, height = answer.size
        return f"{answer.headers['content-type']}, {width} x {height}, {volume(len(answer.body))}"
    if answer.status == 200:
        return f"{answer.headers.get('content-type', '')}, {volume(len(answer.body))}"
    return f"refused: {answer.reason}" if answer.reason else "refused by Envoy"


class Showing:
    """Prints the lines and remembers whether every one was as expected."""

    def __init__(self) -> None:
        self.good = True

    def line(self, says: str, asked: str, status: int, got: str, wanted: str, good: bool) -> None:
        print(f"  {paint('as expected', 32) if good else paint('UNEXPECTED ', 31)}  {says}")
        print(
            f"      {asked:<58}  {status}  {got if good else f'{got}  (wanted {wanted})'}".rstrip(),
            flush=True,
        )
        self.good &= good


def show(stack: Stack) -> bool:
    """The whole demonstration. True if everything went as it should."""
    original = stack.pictures / PICTURE
    with Image.open(original) as picture:
        width, height = picture.size
    starter = "func-e" if stack.func_e else "its binary"
    print(f"Look at {stack.edge_url}/\n")
    print(f"pinhole, with {stack.resizer} as resizer and Envoy started by {starter}")
    print(
        f"The original has {width} x {height} pixels and {volume(original.stat().st_size)}; nobody gets it.\n"
    )

    showing = Showing()
    hidden = f"{origin.BASE}{PICTURE}"
    answer = ask(stack.ports.origin, hidden, origin.HOST)
    showing.line(
        "the origin, asked without its token",
        f":{stack.ports.origin}{hidden}",
        answer.status,
        "",
        "401",
        answer.status == 401,
    )
    if stack.has_gate:
        answer = ask(stack.ports.gate, hidden)
        showing.line(
            "the gate, asked without a sealed source",
            f":{stack.ports.gate}{hidden}",
            answer.status,
            describe(answer),
            "403",
            answer.status == 403,
        )
    answers = []
    for step in STEPS:
        answer = ask(stack.ports.edge, step.path)
        answers.append(answer)
        showing.line(
            step.says,
            f":{stack.ports.edge}{step.path}",
            answer.status,
            describe(answer),
            step.wanted,
            step.is_wanted(answer),
        )
    told = leaks(stack, answers)
    print()
    print(
        f"  {paint('UNEXPECTED', 31)}  the visitor was told: {', '.join(told)}"
        if told
        else "None of the edge's answers names the origin, the resizer or a secret."
    )
    return showing.good and not told


def leaks(stack: Stack, answers: list[Answer]) -> list[str]:
    """Which of the things that no visitor may learn are in the edge's answers."""
    secrets = [origin.HOST, origin.BASE.strip("/"), origin.CANARY, telltale(stack.resizer), *stack.env.values()]
    seen = b"\n".join(f"{answer.headers}".encode() + answer.body for answer in answers).lower()
    return [secret for secret in secrets if secret.lower().encode() in seen]


def main() -> int:
    interrupt_on_sigterm()
    once = "--once" in sys.argv[1:] or os.environ.get("DEMO_ONCE") == "1"
    try:
        with from_environment(gallery=True) as stack:
            good = show(stack)
            if not once:
                print(f"\nTry it (Ctrl-C ends the demo; logs are in {stack.directory.relative_to(ROOT)}):")
                print(f"  curl -o small.jpg {stack.edge_url}/images/small/{PICTURE}")
                print(f"  curl -i {stack.edge_url}/images/huge/{PICTURE}", flush=True)
                stack.wait()
            return 0 if good else 1
    except (StackError, BootstrapError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        return 0


if __name__ == "__main__":
    sys.exit(main())
