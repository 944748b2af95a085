"""A store that the gate signs for, and what it was sent: shared by the tests of origins.

Belongs here: the policy with one route for each origin of a store, and a recorder in the store's place. Does not belong
here: which stores there are (`stores.py`) and what they must refuse (`test_origins.py`).
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import unquote

import health
import pictures
import wire
from bootstrap import free_ports
from conftest import policy_text
from stack import SCRATCH, Stack
from stores import NAMES, Store
from upstream import Asked, Upstream, response
from wire import request

CLUSTER = """\
  - name: store
    connect_timeout: 1s
    load_assignment:
      cluster_name: store
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address:
        { address: 127.0.0.1, "port_value": %d } } } }] }]
"""


def with_store(port: int, names: list[str]) -> Callable[[str], str]:
    """envoy.yaml with the cluster of a store, and with variables for its secrets."""

    def configure(text: str) -> str:
        assert text.count("  clusters:\n") == 1 and text.count("IMAGINARY_KEY]") == 1
        text = text.replace("  clusters:\n", f"  clusters:\n{CLUSTER % port}")
        return text.replace("IMAGINARY_KEY]", ", ".join(["IMAGINARY_KEY", *names]) + "]")

    return configure


def policy(origins: dict[str, tuple[str, dict]]) -> str:
    """One route for each origin, under its name: its URL and its credentials."""
    whole = json.loads(policy_text("policies/basic.json"))
    whole["routes"] = [
        {"path": f"/{name}/(?<source>.+)", "origin": name, "default": {"width": 100}} for name in origins
    ]
    whole["origins"] = {
        name: {"url": url, "cluster": "store", "credentials": credentials}
        for name, (url, credentials) in origins.items()
    }
    return json.dumps(whole)


def env(name: str) -> dict[str, str]:
    return {"env": name}


class Kept(NamedTuple):
    """A store, its origins and their secrets."""

    store: Store
    origins: dict[str, tuple[str, dict]]
    secrets: dict[str, str]

    def stack(self, port: int, resizer: str | None = "thumbor", seal: str | None = None) -> Stack:
        secrets = self.secrets | ({"PINHOLE_SEAL_KEY": seal} if seal else {})
        configure = with_store(port, list(self.secrets))
        return Stack(policy=policy(self.origins), resizer=resizer, env=secrets, configure=configure)


def picture() -> bytes:
    return (pictures.make(SCRATCH / "pictures") / "small.jpg").read_bytes()


def free_port() -> int:
    return free_ports(1)[0]


class Recorded(NamedTuple):
    """Requests of the gate by origin and method, for the first of NAMES."""

    asked: dict[tuple[str, str], Asked]


@contextmanager
def recorded(kept: Kept) -> Iterator[Recorded]:
    """A gate whose origins are a recorder, and an edge whose resizer shows us the tokens."""
    port, found = free_port(), {}
    with (
        kept.stack(port, resizer=None) as stack,
        Upstream(stack.ports.resizer) as resizer,
        Upstream(port) as recorder,
    ):
        for origin in kept.origins:
            resizer.behaves()
            wire.ask(stack.ports.edge, request(f"/{origin}/{NAMES[0]}"))
            token = "/" + unquote(resizer.asked[0].line).split(" ")[1].rsplit("/", 1)[1]
            for method in ("GET", "HEAD"):
                # A close, because the recorder sends a body also in answer to HEAD.
                recorder.behaves(response())
                wire.ask(stack.ports.gate, request(token, method))
                assert len(recorder.asked) == 1, f"{recorder.asked}"
                found[origin, method] = recorder.asked[0]
        health.check(stack)
    yield Recorded(found)
