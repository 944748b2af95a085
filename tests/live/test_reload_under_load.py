"""Policies swapped under load, by files that Envoy follows: every answer is by one policy, no request is lost, a bad policy
changes nothing and is counted, and nothing of three hundred policies stays in memory.

SWAPS=n chooses how many. What a file has to be like, and each kind of bad one: `test_ecds.py`.
"""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

import health
import wire
from battered import Battered
from between import Mode
from conftest import RESIZER
from flatness import growth
from marked import name
from sampling import Sampler
from test_ecds import counted, good, put
from two_policies import LOST, MIXED, Swapped, Telling, policy
from visitors import GOOD, Visitors, catalogue
from waiting import until
from wire import request

SWAPS = int(os.environ.get("SWAPS", "300"))
LATE = 1.0  # seconds after the counter's word in which an answer may still be by the policy of before
MOST = 1e6  # bytes of Envoy's allocator that so many swaps may leave behind, after the first fifth of them


@pytest.fixture(scope="module")
def swapped() -> Iterator[Swapped]:
    with Swapped(RESIZER) as stack:
        yield stack
        health.check(stack, refused=True)


def files(stack: Swapped, which: str) -> dict[str, str]:
    return stack.apart(policy(which, RESIZER)).filters


def swap(stack: Swapped, role: str, text: str, counter: str = "update_success") -> tuple[float, float]:
    """Puts the file there; gives when that was, and when Envoy counted it."""
    before = counted(stack, role)[counter]
    start = time.monotonic()
    put(stack, text, role)
    until(lambda: counted(stack, role)[counter] == before + 1, f"{counter} of the {role}")
    return start, time.monotonic()


def bad_ones(stack: Swapped) -> list[tuple[str, str]]:
    """Files that must change nothing, each with its counter. Each would serve B."""
    better = policy("B", RESIZER)
    unset = json.loads(better)
    unset["gate"]["seal_key"] = {"env": "NOT_SET"}
    texts = [better[:-1], json.dumps(json.loads(better) | {"colour": "blue"}), json.dumps(unset)]
    bad = [("update_rejected", stack.apart(text).filters["edge"]) for text in texts]
    whole = files(stack, "B")["edge"]
    bad.append(("update_rejected", whole.replace("pinhole.wasm", "absent.wasm")))
    bad.append(("update_failure", whole[: len(whole) // 2] + "\n  {"))
    return bad


def test_every_answer_is_by_one_policy(swapped: Swapped, capsys: pytest.CaptureFixture) -> None:
    texts = {which: files(swapped, which) for which in ("A", "B")}
    bad, sampler, samples = bad_ones(swapped), Sampler(swapped), []
    swaps: list[tuple[float, float, str]] = [(0.0, 0.0, "A")]  # of the edge: put, counted, which
    refused = 0
    machines = sampler.sample().machines
    before = counted(swapped)
    with Telling(swapped) as visitors:
        time.sleep(1)
        begun = time.monotonic()
        for index in range(SWAPS // 2):
            which = "AB"[(index + 1) % 2]
            # The gate first or last in turn: each opens what the other seals, so both orders lose nothing.
            for role in ("gate", "edge") if index % 4 < 2 else ("edge", "gate"):
                times = swap(swapped, role, texts[which][role])
                if role == "edge":
                    swaps.append((*times, which))
            if index % 10 == 1:  # A is in force
                counter, text = bad[refused % len(bad)]
                swap(swapped, "edge", text, counter)
                refused += 1
            samples.append(sampler.sample())
            if index % 3:  # and else the next one follows at once
                heard = len(visitors.told)
                until(lambda heard=heard: len(visitors.told) >= heard + 6, "an answer from each visitor")
        seconds = time.monotonic() - begun
        time.sleep(LATE)
    told = visitors.told
    outcomes = Counter(one.policy for one in told)
    wrong = [one for one in told if one.policy not in ("A", "B")]
    assert not wrong, f"{outcomes}: {wrong[0].detail}"
    latest = 0.0
    for (_, since, which), (until_, *_) in zip(swaps, [*swaps[1:], (time.monotonic(), 0, "")], strict=True):
        for one in told:
            if since < one.start and one.end < until_ and one.policy != which:
                latest = max(latest, one.start - since)
    assert latest < LATE, f"{latest:.2f} s after the counter an answer was still by the policy of before"
    assert min(outcomes["A"], outcomes["B"]) > len(told) // 10, outcomes
    after = counted(swapped)
    assert after["update_rejected"] + after["update_failure"] == before["update_rejected"] + before["update_failure"] + refused
    until(lambda: sampler.sample().machines == machines, f"{machines} virtual machines, as before")
    warm = samples[len(samples) // 5 :]
    grown = growth([sample.at for sample in warm], [sample.allocated for sample in warm]) if len(warm) > 30 else None
    with capsys.disabled():
        print(
            f"\n{SWAPS // 2 * 2} swaps and {refused} bad ones in {seconds:.0f} s under {len(told)} requests: {dict(outcomes)}; "
            f"the last answer by the policy of before was asked for {latest * 1e3:.0f} ms after the counter; "
            f"memory in use {warm[0].in_use / 1e6:.1f} to {samples[-1].in_use / 1e6:.1f} MB; "
            f"of Envoy's allocator {grown and grown.in_megabytes()}"
        )
    assert grown is None or grown.high < MOST, f"memory: {grown.in_megabytes()}"


def test_the_origin_is_asked_by_one_policy(swapped: Swapped) -> None:
    """What the gate writes: the directory and the credential are of the same policy, in every request there was."""
    asked = Counter()
    for entry in swapped.origin_requests():
        directory = entry["path"].split("/")[2][0]
        (credential,) = [value for header, value in entry["headers"] if header.lower() == "x-which"]
        assert credential == f"policy-{directory}" and entry["status"] == 200, entry
        asked[directory] += 1
    assert len(asked) == 2, f"both policies were asked for something: {asked}"


def test_half_a_policy_would_be_seen(swapped: Swapped) -> None:
    """A's sizes with B's time in caches, as a swap that is not atomic would serve it; and a lost request."""
    half = swapped.apart(policy("A", RESIZER, max_age=1800)).filters["edge"]
    closed = swapped.apart(policy("A", RESIZER, path="/elsewhere/(?<preset>[^/]+)/(?<source>.+)")).filters["edge"]
    with Telling(swapped) as visitors:
        for text, outcome in ((half, MIXED), (closed, LOST)):
            swap(swapped, "edge", text)
            until(lambda outcome=outcome: any(one.policy == outcome for one in visitors.told), outcome)
            swap(swapped, "edge", files(swapped, "A")["edge"])


def test_a_request_ends_by_the_policy_that_it_began_with() -> None:
    """It waits for the origin while both roles get another policy; here the gate tells the edge what may be kept."""
    with Battered(RESIZER, from_files=True) as stack:
        after = json.loads(stack.policy)
        after["presets"] = {"small": {"width": 150}}
        after["routes"][0]["max_age"] = 60
        after["origins"]["photos"]["url"] += "/no-such-directory"
        answers: list[wire.Answer] = []
        path = f"/images/small/{name(7)}"
        asking = threading.Thread(target=lambda: answers.append(wire.ask(stack.ports.edge, request(path))))
        stack.between["origin"].becomes(Mode.HOLD)
        asking.start()
        time.sleep(1)  # by then it waits for the origin
        good(stack, json.dumps(after))
        answer = wire.ask(stack.ports.edge, request("/images/web/x.jpg"))
        assert answer.reason == "unknown-preset", f"the new policy is there\n{answer}"
        stack.between["origin"].becomes(Mode.PASS)
        asking.join()
        wanted = next(one for one in catalogue() if one.path == path)
        assert Visitors(stack, count=0).judge(wanted, answers[0]) == (GOOD, ""), f"\n{answers[0]}"
        assert wire.ask(stack.ports.edge, request(path)).status != 200, "the new policy has another directory"
