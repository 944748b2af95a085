"""Reads the corpus, strictly: a key that is not known is an error, as it is for the other hosts."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import versions

CASES = Path(__file__).resolve().parents[1] / "cases"

REQUEST = {"method", "authority", "path", "headers", "body"}
OUTCOMES = {"served": {"served", "picture", "answer"}, "refused": {"refused", "status", "rule", "option"}}
SERVED = {"rule", "preset", "origin", "source", "canonical", "cache", "vary"}
UNRESIZABLE = {"not-resizable", "not-an-image"}  # what a route may answer with a placeholder
ENVOY = {"why", "since", "status", "reason", "served", "picture", "answer"}


@dataclass(frozen=True)
class Case:
    """One case as the live run sees it: what Envoy changes is already applied."""

    id: str
    policy: str
    request: dict
    served: dict | None
    picture: dict | None
    status: int
    reason: str | None
    option: str | None  # that a refusal names
    placeholder: bool  # whether a refusal has a picture as its body


def load() -> list[Case]:
    return [case for file in sorted(CASES.glob("*.json")) for case in _load_file(file)]


def _load_file(file: Path) -> list[Case]:
    document = json.loads(file.read_text())
    _keys(document, {"about", "policy", "cases"}, file.name)
    return [_load_case(file.stem, document["policy"], case) for case in document["cases"]]


def _load_case(subject: str, policy: str, case: dict) -> Case:
    where = f"{subject}: {case.get('name')}"
    kind = "served" if "served" in case else "refused"
    _keys(case, {"name", "request", "envoy"} | OUTCOMES[kind], where)
    _keys(case["request"], REQUEST, where)
    envoy = case.get("envoy")
    if envoy is None or not versions.since(envoy.get("since", "0")):
        outcome = {"status": case.get("status"), "reason": case.get("refused")}
        outcome |= {key: case.get(key) for key in ("served", "picture", "answer")}
    else:
        _keys(envoy, ENVOY, where)
        assert envoy.get("why"), f"{where}: `envoy` says no `why`"
        outcome = envoy
    served, picture = outcome.get("served"), outcome.get("picture")
    if served is not None:
        _keys(served, SERVED, where)
        answer = outcome.get("answer")
        assert (picture is None) != (answer is None), f"{where}: wanted `picture` or `answer`"
        outcome = answer or {"status": 200}
    slug = re.sub(r"[^a-z0-9.]+", "-", case["name"].lower()).strip("-")
    return Case(
        f"{subject}/{slug}",
        policy,
        case["request"],
        served,
        picture,
        outcome["status"],
        outcome.get("reason"),
        case.get("option"),
        outcome.get("reason") in UNRESIZABLE and _has_placeholder(policy, case.get("rule") or served["rule"]),
    )


def _has_placeholder(policy: str, rule: str) -> bool:
    """Whether the route of a rule such as `routes[1].unresizable` answers with a placeholder."""
    index = re.match(r"routes\[(\d+)\]", rule)
    routes = json.loads((CASES / policy).read_text())["routes"]
    return index is not None and routes[int(index[1])].get("unresizable") == "placeholder"


def _keys(value: dict, known: set[str], where: str) -> None:
    assert not (unknown := value.keys() - known), f"{where}: unknown {', '.join(sorted(unknown))}"
