"""pinhole's two roles in a running Envoy, each in front of a stub in the place of the upstream that it asks.

A test that takes the fixture `role` runs for both. What differs is here: whom to ask for what, and what the
upstream must be told.
"""

from dataclasses import dataclass
from urllib.parse import unquote

import contract
import origin
import wire
from documented import PICTURE, Outcome
from stack import Stack
from through_stub import PATH, check_upstream
from upstream import Behaviour, Upstream
from wire import Answer, request

SOURCE = f"{origin.BASE}landscape.jpg"
CACHE = "public, max-age=3600"


def seal(stack: Stack, resizer: Upstream, path: str = PATH) -> str:
    """A path that the gate serves, as a resizer is given it: thumbor's URLs show it as it is."""
    resizer.behaves()
    wire.ask(stack.ports.edge, request(path))
    return "/" + unquote(resizer.asked[0].line).split(" ")[1].rsplit("/", 1)[1]


@dataclass(frozen=True)
class Role:
    """One role. Its upstream does what a test tells it; the visitor of the gate is the resizer."""

    name: str
    stack: Stack
    upstream: Upstream
    path: str

    @property
    def port(self) -> int:
        return getattr(self.stack.ports, self.name)

    def ask(
        self,
        behaviour: Behaviour | bytes | None = None,
        method: str = "GET",
        headers: list[tuple[str, str]] | tuple = (),
    ) -> Answer:
        """The answer to a request, while the upstream behaves like this; well, if nothing is said."""
        self.upstream.behaves(behaviour)
        return wire.ask(self.port, request(self.path, method, headers=headers))

    def check(self, answer: Answer, outcome: Outcome, method: str = "GET", kind: str = "image/png") -> None:
        """The answer is the stub's picture, or pinhole's own words, and tells nothing else."""
        head = method == "HEAD"
        if outcome.reason is not None:
            contract.check_refused(answer, self.stack, outcome.reason, outcome.status, head)
            return
        size = contract.check_served(answer, self.stack, CACHE, None, kind, head)
        assert head or size == (3, 2), f"\n{answer}"

    def check_asked(self, method: str = "GET") -> None:
        """The upstream was told what pinhole wrote, and nothing of the visitor's."""
        if self.name == "edge":
            check_upstream(self.upstream.asked)  # the resizer is asked with GET for HEAD too
            return
        (asked,) = self.upstream.asked
        told = [
            ("authorization", self.stack.env["PHOTOS_TOKEN"]),
            ("host", origin.HOST),
            ("user-agent", "pinhole"),
            ("via", contract.via(self.stack)),
            ("x-forwarded-proto", "http"),
        ]
        assert asked.line == f"{method} {SOURCE} HTTP/1.1" and sorted(asked.headers) == told, f"{asked}"

    def serves_others(self) -> None:
        """On another connection, everything is as ever."""
        self.check(self.ask(), PICTURE)
        self.check_asked()
