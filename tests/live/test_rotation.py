"""The rotation of the seal key that `envoy/operations.md` describes, by hot restarts under load: no request is lost.

Each step starts a new Envoy beside the old one, which goes on answering its connections until it is told to end: for
those seconds pictures are decided by one and their sources opened by the other.
"""

import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import pages
import resizers
from conftest import RESIZER
from restarting import Restarted
from stack import Stack
from wire import HOST

PAGE = "envoy/operations.md"
STEPS = {block.about: block for block in pages.blocks(PAGE) if block.about.startswith("seal-")}
KEYS = {"SEAL_KEY_1": "1" * 64, "SEAL_KEY_2": "2" * 64}
PUBLIC = "200 public, max-age=3600"
PRIVATE = "200 private, no-store"  # where the gate was in the other process and could not tell that it may be kept


def policies() -> list[str]:
    """Those of the steps, after the one that there was before: the last one's with the old key."""
    documents = [pages.laid_over(block) | {"resizer": resizers.section(RESIZER)} for block in STEPS.values()]
    before = json.loads(json.dumps(documents[-1]).replace("SEAL_KEY_2", "SEAL_KEY_1"))
    return [json.dumps(document) for document in [before, *documents]]


def with_keys(text: str) -> str:
    """envoy.yaml with the variables of the steps."""
    known = "host_env_keys: [PHOTOS_TOKEN, "
    assert text.count(known) == 1
    return text.replace(known, f"{known}{', '.join(KEYS)}, ")


@contextmanager
def load(stack: Stack, connections: int = 2) -> Iterator[list[str]]:
    """Asks for pictures all the time over connections that stay open, and notes every answer: its status, and its reason
    or who may keep it."""
    seen: list[str] = []
    over = threading.Event()

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", stack.ports.edge, timeout=20)
        while not over.is_set():
            try:
                connection.request("GET", "/images/small/small.jpg", headers={"host": HOST})
                answer = connection.getresponse()
            except (http.client.RemoteDisconnected, ConnectionError) as error:
                # Closed while it was idle, which a client cannot know: as browsers do, it asks again on a new one.
                if connection.sock is None:
                    seen.append(f"{error!r} on a new connection")
                connection.close()
                continue
            answer.read()
            seen.append(f"{answer.status} {answer.getheader('x-pinhole-reason') or answer.getheader('cache-control')}")
            time.sleep(0.02)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(connections)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


@pytest.mark.skipif(sys.platform != "linux", reason="Envoy's hot restart is Linux's")
def test_no_step_loses_a_request() -> None:
    before, *steps = policies()
    assert len(steps) == 3
    with Restarted(policy=before, resizer=RESIZER, env=KEYS, configure=with_keys) as stack, load(stack) as seen:
        for step in steps:
            answered = len(seen)
            stack.hand_over(step)
            assert len(seen) > answered + 20, "nobody asked meanwhile"
    assert set(seen) <= {PUBLIC, PRIVATE} and PUBLIC in seen, {outcome: seen.count(outcome) for outcome in seen}


@pytest.mark.skipif(RESIZER != "thumbor", reason="how the loss shows depends on the resizer")
def test_without_the_steps_requests_are_lost() -> None:
    before, *_, last = policies()
    with Restarted(policy=before, resizer=RESIZER, env=KEYS, configure=with_keys) as stack, load(stack) as seen:
        stack.hand_over(last)
    lost = "404 source-not-found"  # what thumbor makes of the gate's refusal
    assert set(seen) <= {PUBLIC, PRIVATE, lost} and lost in seen, {outcome: seen.count(outcome) for outcome in seen}
