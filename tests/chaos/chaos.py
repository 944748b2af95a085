"""`make chaos`: visitors ask for pictures all the time while one fault after another happens; prints what they saw.

    make chaos                                     # all faults with thumbor, in less than five minutes
    make chaos RESIZER=imagor FAULTS=origin        # those with the word in their names

Ends with 1 if a picture was wrong, a secret was told, a request never ended, an outcome was not the fault's, or pictures
did not come back in `RECOVERY` seconds. What does not belong here: which faults there are (faults.py).
"""

import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain

import where
from battered import Battered
from children import ChildError
from faults import FAULTS, Fault
from programs import ProgramError
from sampling import Sampler
from stack import StackError, interrupt_on_sigterm
from visitors import EDGE_TIMEOUT, NEVER, SLACK, Seen, Visitors, catalogue

import wire

IN_A_ROW = 50
RECOVERY = 40.0  # seconds: on a machine with too much to do, Envoy takes fifteen to compile the module
WARM_UP = 3.0
CALM = 1.0  # seconds of nothing but good answers between two faults


@dataclass
class Result:
    """What visitors saw from a fault's begin to the next one's."""

    name: str
    seconds: float = 0.0
    seen: list[Seen] = field(default_factory=list)
    right: frozenset[str] = frozenset()
    back: float | None = None  # seconds from its end to the first of IN_A_ROW good answers
    memory: int = 0  # of Envoy at its end, in bytes; what it gave back is not seen

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(one.outcome for one in self.seen)

    @property
    def longest(self) -> float:
        return max((one.end - one.start for one in self.seen), default=0.0)

    def count(self, outcome: str) -> int:
        return self.outcomes[outcome]

    def problems(self) -> list[str]:
        """Everything that may not be, with the first example of each."""
        found = []
        for outcome, count in self.outcomes.items():
            example = next(one for one in self.seen if one.outcome == outcome)
            if not example.good and (outcome in NEVER or outcome not in self.right):
                found.append(f"{self.name}: {count} × {outcome}: GET {example.wanted.path}: {example.detail}")
        if self.back is None:
            found.append(f"{self.name}: not {IN_A_ROW} good answers in a row within {RECOVERY:.0f} s")
        return found

    def row(self) -> str:
        failures = {name: count for name, count in self.outcomes.most_common() if name in self.right}
        told = ", ".join(f"{count} × {name}" for name, count in failures.items()) or "none"
        never = " | ".join(str(self.count(outcome)) for outcome in NEVER)
        good = sum(one.good for one in self.seen)
        back = "never" if self.back is None else f"{self.back:.1f} s"
        seconds = f"{self.seconds:.0f} s" if self.seconds else "-"
        ends = f"{self.longest:.1f} s | {back} | {self.memory / 1e6:.0f} MB"
        return f"| {self.name} | {seconds} | {len(self.seen)} | {good} | {told} | {never} | {ends} |"


HEADING = """\
| fault | for | answers | good | failed | wrong | leaks | never ended | longest | back after | Envoy |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


def back_since(seen: list[Seen], mended: float) -> float | None:
    """When the first IN_A_ROW good answers after that moment began to come."""
    row: list[Seen] = []
    for one in seen:
        if one.end > mended:
            row = [*row, one] if one.good else []
            if len(row) == IN_A_ROW:
                return row[0].end
    return None


def run(stack: Battered, visitors: Visitors, fault: Fault) -> Result:
    """One fault from its begin until all is well again, or has had the time."""
    start = len(visitors.seen)
    fault.begin(stack)
    time.sleep(fault.seconds)
    mended = time.monotonic()
    fault.mend(stack)
    limit = time.monotonic() + RECOVERY
    while time.monotonic() < limit and back_since(visitors.seen[start:], mended) is None:
        time.sleep(0.1)
    # What was asked before belongs to this fault, however long it takes.
    limit = time.monotonic() + EDGE_TIMEOUT + 2 * SLACK
    while time.monotonic() < limit and any(since < mended for since in list(visitors.under_way.values())):
        time.sleep(0.1)
    time.sleep(CALM)
    result = Result(fault.name, fault.seconds, visitors.seen[start:], fault.right, memory=stack.resident())
    since = back_since(result.seen, mended)
    result.back = None if since is None else max(0.0, since - mended)
    return result


def sweep(stack: Battered, visitors: Visitors) -> list[str]:
    """Asks for everything once more: nothing that failed may have stayed."""
    wrong = []
    for wanted in set(catalogue()):
        outcome = visitors.judge(wanted, wire.ask(stack.ports.edge, wire.request(wanted.path)))
        if outcome not in (("picture", ""), ("refused as it must be", "")):
            wrong.append(f"afterwards: GET {wanted.path}: {' '.join(outcome)}")
    return wrong


def left_over(stack: Battered) -> list[str]:
    """What Envoy still holds when nobody asks any more, and what its module says."""
    logs = "".join(path.read_text(errors="replace") for path in stack.directory.glob("envoy-*.log"))
    words = [f"in Envoy's log: {word}" for word in ("panicked", "Function: proxy_on", "wasm trap") if word in logs]
    return Sampler(stack).held() + words


def chaos(stack: Battered, faults: list[Fault], tell=print) -> list[str]:
    """All of these faults; the problems."""
    tell(HEADING)
    problems: list[str] = []
    opened = stack.descriptors()
    with Visitors(stack) as visitors:
        time.sleep(WARM_UP)
        calm = Result("none, at first", WARM_UP, list(visitors.seen), back=0.0, memory=stack.resident())
        for result in chain([calm], (run(stack, visitors, fault) for fault in faults)):
            tell(result.row())
            problems += result.problems()
    problems += sweep(stack, visitors) + left_over(stack)
    tell(f"\n{len(visitors.seen)} answers, {len(visitors.known)} different pictures; asked again, as the connection was closed")
    tell(f"while it was idle: {visitors.asked_again}; open files of Envoy: {opened} at first, {stack.descriptors()} at the end")
    return problems


def main() -> int:
    resizer, word = os.environ.get("RESIZER", "thumbor"), os.environ.get("FAULTS", "")
    faults = [fault for fault in FAULTS if word in fault.name]
    if not faults:
        sys.exit(f"chaos: no fault has `{word}` in its name; there are: {'; '.join(fault.name for fault in FAULTS)}")
    start = time.monotonic()
    where.SCRATCH.mkdir(parents=True, exist_ok=True)
    with Battered(resizer) as stack:
        print(f"chaos: {resizer}, logs in {stack.directory.relative_to(where.ROOT)}\n", flush=True)
        problems = chaos(stack, faults, lambda line: print(line, flush=True))
    print("\n".join(["", *problems]) if problems else "All as it should be.")
    print(f"chaos: {time.monotonic() - start:.0f} s", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    interrupt_on_sigterm()
    try:
        sys.exit(main())
    except (StackError, ChildError, ProgramError) as error:
        sys.exit(f"chaos: {error}")
    except KeyboardInterrupt:
        sys.exit("chaos: interrupted")
