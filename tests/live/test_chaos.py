"""A minute of `make chaos`, and that it would see what it looks for: each defect is put in once.

What all faults are, and what a visitor may be told meanwhile: `tests/chaos`.
"""

import http.client
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

import chaos
from battered import Battered
from between import Mode
from bootstrap import free_ports
from conftest import RESIZER
from faults import FAULTS, SHORT, network
from flatness import growth
from origin import HOST
from upstream import Asked, Upstream, response
from visitors import Seen, Visitors, catalogue
from waiting import until


def test_faults_harm_nobody_for_long() -> None:
    assert len(SHORT) == 5 and len(FAULTS) > 15
    with Battered(RESIZER) as stack:
        lines: list[str] = []
        problems = chaos.chaos(stack, SHORT, lines.append)
        assert not problems, "\n".join([*lines, *problems])


# ---- defects, each of which must be seen


@pytest.fixture(scope="module")
def battered() -> Iterator[Battered]:
    with Battered(RESIZER) as stack:
        yield stack


class Defective(Upstream):
    """Stands before the real resizer, and spoils every third of its answers."""

    def __init__(self, port: int, resizer: int, spoil: Callable[[bytes, bytes], bytes]) -> None:
        super().__init__(port)
        self.resizer, self.spoil, self.last, self.count = resizer, spoil, b"", 0

    def answer(self, asked: Asked) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.resizer, timeout=20)
        connection.request("GET", asked.line.split()[1])
        answer = connection.getresponse()
        body, kind = answer.read(), answer.getheader("content-type")
        connection.close()
        self.count += 1
        spoilt = self.spoil(body, self.last or body) if self.count % 3 == 0 else body
        self.last = body
        return response(f"{answer.status} OK", [("Content-Type", kind)], spoilt, "keep-alive")


@contextmanager
def defective(stack: Battered, spoil: Callable[[bytes, bytes], bytes]) -> Iterator[None]:
    (port,) = free_ports(1)
    proxy = stack.between["resizer"]
    with Defective(port, stack.behind["resizer"], spoil):
        proxy.becomes(Mode.REFUSE)  # ends connections that lead past it
        proxy.upstream = port
        proxy.becomes(Mode.PASS)
        yield
    proxy.upstream = stack.behind["resizer"]


def found(stack: Battered, outcome: str, word: str, limit: float = 23.0) -> None:
    """Visitors come to this outcome, with this word in what they say of it."""
    with Visitors(stack, count=4, limit=limit) as visitors:
        until(lambda: any(one.outcome == outcome and word in one.detail for one in visitors.seen), f"{outcome}: {word}")
    assert chaos.Result("a defect", seen=visitors.seen, back=0.0).problems(), "it is no problem"


def test_a_picture_in_the_place_of_another_is_seen(battered: Battered) -> None:
    with defective(battered, lambda _, last: last):
        found(battered, "WRONG", "wanted number, size and type")


def test_a_damaged_picture_is_seen(battered: Battered) -> None:
    with defective(battered, lambda body, _: body[: len(body) // 2]):
        found(battered, "WRONG", "wanted number, size and type")


def test_a_request_that_does_not_end_is_seen(battered: Battered) -> None:
    begin, mend = network("resizer", Mode.HOLD)
    begin(battered)
    try:
        found(battered, "STUCK", "", limit=2)
    finally:
        mend(battered)


def test_pictures_that_do_not_come_back_are_seen(battered: Battered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos, "RECOVERY", 2.0)
    begin, mend = network("origin", Mode.REFUSE)
    fault = replace(FAULTS[-1], begin=begin, mend=lambda _: None, seconds=0.1)
    try:
        with Visitors(battered) as visitors:
            problems = chaos.run(battered, visitors, fault).problems()
    finally:
        mend(battered)
    assert problems and "good answers in a row" in problems[0], problems


def test_a_failure_that_no_fault_explains_is_seen() -> None:
    assert chaos.Result("none", seen=failed("503 upstream-unavailable"), back=0.0).problems()
    assert not chaos.Result("one", seen=failed("404 x"), right=frozenset({"404 x"}), back=0.0).problems()
    assert chaos.Result("one", seen=failed("LEAK"), right=frozenset({"LEAK"}), back=0.0).problems(), "nothing excuses it"


def failed(outcome: str) -> list[Seen]:
    return [Seen(catalogue()[0], 0.0, 0.1, outcome)]


def test_memory_that_grows_is_told_from_a_saw() -> None:
    """What `make soak` judges by. A leak in a running Envoy: `SOAK_LEAK=20 make soak MINUTES=1`."""
    times = [float(second) for second in range(480)]
    dice = random.Random(1)
    saw = [1e8 + second % 29 * 1e5 + dice.uniform(0, 1e6) for second in range(480)]
    flat = growth(times, saw)
    assert flat.low < 0 < flat.high < 1e6, flat
    leak = growth(times, [value + second * 5e3 for second, value in enumerate(saw)])
    assert 2e6 < leak.low < 2.4e6 < leak.high < 3e6, leak
    with pytest.raises(ValueError, match="too few"):
        growth(times[:20], saw[:20])


def adding(header: str, value: str) -> Callable[[str], str]:
    """envoy.yaml with a filter after pinhole, on the way back, that says this in every answer."""

    def configure(text: str) -> str:
        script = f"function envoy_on_response(handle) handle:headers():replace('{header}', '{value}') end"
        lua = f"""\
          - name: defect
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code: {{ inline_string: "{script}" }}
"""
        place = "          http_filters:\n"
        assert text.count(place) == 2
        return text.replace(place, place + lua, 1)

    return configure


@pytest.mark.parametrize(
    ("header", "value", "outcome", "word"),
    [
        ("x-served-by", f"cache.{HOST}", "LEAK", "the origin's host"),
        ("cache-control", "public, max-age=60", "WRONG", "a failure that may be kept"),
        ("cache-control", "public, max-age=3600", "WRONG", "who may keep it"),
    ],
    ids=["the origin's host", "failures that are kept", "private pictures that are kept"],
)
def test_a_header_that_says_too_much_is_seen(header: str, value: str, outcome: str, word: str) -> None:
    with Battered(RESIZER, configure=adding(header, value)) as stack:
        found(stack, outcome, word)
