"""What is broken on purpose, how it is mended, and what a visitor may be told meanwhile.

INVARIANT: whatever happens, `NEVER` (visitors.py) is right in no fault.
"""

import re
import signal
from collections.abc import Callable
from dataclasses import dataclass

import where  # noqa: F401 (first: it lets the others be found)

import contract
from battered import Battered
from between import Mode

# What pinhole says where an upstream fails. Which of them, resizers make up their minds about (envoy/resizers.md).
UPSTREAM = frozenset(f"{status} {reason}" for reason, status in contract.UPSTREAM_STATUS.items())
UNAVAILABLE = frozenset({"503 upstream-unavailable"})
LATE = frozenset({"504 upstream-timeout"})
CUT = frozenset({"broken off"})
# While there is no Envoy, or none whose module is there.
GONE = frozenset({"not connected", "closed unanswered", "broken off"})

Action = Callable[[Battered], None]


@dataclass(frozen=True)
class Fault:
    """`right` are the only outcomes but good ones."""

    name: str
    begin: Action
    mend: Action
    seconds: float
    right: frozenset[str]


def nothing(_: Battered) -> None:
    """It is over by itself."""


def killed(name: str) -> tuple[Action, Action]:
    process = lambda stack: stack.resizer if name == "resizer" else name  # noqa: E731
    return lambda stack: stack.kill(process(stack)), lambda stack: stack.begin(name)


def stopped(name: str) -> tuple[Action, Action]:
    process = lambda stack: stack.resizer if name == "resizer" else name  # noqa: E731
    return (
        lambda stack: stack.signal(process(stack), signal.SIGSTOP),
        lambda stack: stack.signal(process(stack), signal.SIGCONT),
    )


def network(name: str, mode: Mode) -> tuple[Action, Action]:
    """What happens between Envoy and it."""
    return lambda stack: stack.between[name].becomes(mode), lambda stack: stack.between[name].becomes(Mode.PASS)


def all_killed(stack: Battered) -> None:
    for name in (stack.resizer, "envoy", "origin"):
        stack.kill(name)


def all_begun(stack: Battered) -> None:
    for name in ("origin", "resizer", "envoy"):
        stack.begin(name)


FAULTS = [
    Fault("Envoy is killed and started", *killed("envoy"), 2, GONE | UPSTREAM),
    Fault("Envoy hands over to another (hot restart)", lambda stack: stack.hand_over(), nothing, 0, frozenset()),
    Fault("all three are killed and started", all_killed, all_begun, 2, GONE | UPSTREAM),
    Fault("the resizer is killed and started", *killed("resizer"), 4, UNAVAILABLE | CUT),
    Fault("the resizer is stopped and continued", *stopped("resizer"), 5, UNAVAILABLE | UPSTREAM),
    Fault("the resizer is stopped for longer than the time limit", *stopped("resizer"), 23, LATE | UPSTREAM),
    Fault("the resizer refuses connections", *network("resizer", Mode.REFUSE), 4, UNAVAILABLE | CUT),
    Fault("the resizer resets connections", *network("resizer", Mode.RESET), 4, UNAVAILABLE | CUT),
    Fault("the resizer's answers dribble", *network("resizer", Mode.DRIBBLE), 6, LATE | CUT),
    Fault("the resizer's answers are cut off", *network("resizer", Mode.CUT), 4, UPSTREAM | CUT),
    Fault("the gate is cut off from the resizer", *network("gate", Mode.REFUSE), 4, UPSTREAM),
    Fault("the gate's answers are cut off", *network("gate", Mode.CUT), 4, UPSTREAM),
    Fault("the origin is killed and started", *killed("origin"), 4, UPSTREAM),
    Fault("the origin is stopped and continued", *stopped("origin"), 5, UPSTREAM),
    Fault("the origin refuses connections", *network("origin", Mode.REFUSE), 4, UPSTREAM),
    Fault("the origin does not answer", *network("origin", Mode.HOLD), 12, UPSTREAM),
    Fault("the origin's answers dribble", *network("origin", Mode.DRIBBLE), 6, UPSTREAM),
    Fault("the origin's answers are cut off", *network("origin", Mode.CUT), 4, UPSTREAM),
]
# For a minute: one of each kind.
SHORT = [fault for fault in FAULTS if re.search("hands over|resizer is killed|answers are cut off$", fault.name)]
