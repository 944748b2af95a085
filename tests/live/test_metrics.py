"""What operators see: `/stats/prometheus`, the words of access logs, and how many series there can be."""

import json
import os
import re
import subprocess
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import wire
from conftest import ROOT, policy_text
from stack import Stack
from test_push import Pushing, pushing  # noqa: F401 (a fixture)
from wire import request

SERIES = re.compile(r"(pinhole_\w+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')
# What Envoy itself adds to some of them, and the bounds of histograms.
FOREIGN = {"le", "envoy_wasm_plugin"}

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(stack: Stack) -> Series:
    """All series of pinhole's."""
    with urllib.request.urlopen(f"{stack.admin_url}/stats/prometheus", timeout=5) as response:
        text = response.read().decode()
    found: Series = {}
    for line in text.splitlines():
        if match := SERIES.fullmatch(line):
            labels = {(name, value) for name, value in LABEL.findall(match[2] or "") if name not in FOREIGN}
            if not match[1].endswith("_bucket"):
                found[match[1], frozenset(labels)] = float(match[3])
    assert found, text
    return found


def grown(before: Series, after: Series) -> dict[str, float]:
    """What was counted meanwhile, as `name{label=value,…}`: by how much."""
    assert before.keys() == after.keys(), f"new or lost series: {before.keys() ^ after.keys()}"
    difference = {key: value - before[key] for key, value in after.items() if value != before[key]}
    return {
        f"{name}{{{','.join(f'{label}={value}' for label, value in sorted(labels))}}}": value
        for (name, labels), value in difference.items()
    }


@pytest.fixture(scope="module")
def watched() -> Iterator[Stack]:
    """A stack of its own: nobody else's requests are counted."""
    with Stack(policy=policy_text("policies/basic.json")) as stack:
        yield stack


def counted(stack: Stack, data: bytes, status: int) -> dict[str, float]:
    before = scrape(stack)
    answer = wire.ask(stack.ports.edge, data)
    assert answer.status == status, f"\n{answer}"
    return grown(before, scrape(stack))


FORWARDED = "pinhole_requests_total{decision=forward,preset=small,role=edge}"
GATE_FORWARDED = "pinhole_requests_total{decision=forward,role=gate}"
DELIVERED = "pinhole_answers_total{role=edge,verdict=deliver}"
GATE_DELIVERED = "pinhole_answers_total{role=gate,verdict=deliver}"


def test_a_served_picture_is_counted_in_both_roles(watched: Stack) -> None:
    served = counted(watched, request("/images/small/landscape.jpg"), 200)
    assert served == dict.fromkeys([FORWARDED, GATE_FORWARDED, DELIVERED, GATE_DELIVERED], 1)


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/images/huge/landscape.jpg", 404, "unknown-preset"),
        ("/strict/landscape.jpg?width=5000", 400, "over-limit"),
        ("/nowhere", 404, "no-route"),
    ],
)
def test_a_refusal_is_counted_by_its_reason(path: str, status: int, reason: str, watched: Stack) -> None:
    refused = counted(watched, request(path), status)
    assert refused == {f"pinhole_requests_total{{decision=reject,reason={reason},role=edge}}": 1}


def test_what_envoy_refuses_by_itself_is_in_its_own_counters(watched: Stack) -> None:
    assert counted(watched, request("/images/small/..%2flandscape.jpg"), 400) == {}


def test_what_an_upstream_fails_at_is_counted_apart(watched: Stack) -> None:
    failed = counted(watched, request("/images/small/no-such-picture.jpg"), 404)
    replaced = "pinhole_answers_total{{reason=source-not-found,role={},verdict=replace}}"
    wanted = [FORWARDED, GATE_FORWARDED, replaced.format("edge"), replaced.format("gate")]
    assert failed == dict.fromkeys(wanted, 1)


def test_a_picture_that_the_visitor_has_is_counted_apart(watched: Stack) -> None:
    etag = wire.ask(watched.ports.edge, request("/images/small/landscape.jpg")).all("etag")[0]
    again = counted(watched, request("/images/small/landscape.jpg", headers=[("if-none-match", etag)]), 304)
    not_modified = "pinhole_answers_total{role=edge,verdict=not-modified}"
    assert again == dict.fromkeys([FORWARDED, GATE_FORWARDED, not_modified, GATE_DELIVERED], 1)


def test_what_the_gate_refuses_is_counted(watched: Stack) -> None:
    before = scrape(watched)
    assert wire.ask(watched.ports.gate, request("/not-a-token")).status == 403
    refused = {"pinhole_requests_total{decision=reject,reason=not-sealed,role=gate}": 1}
    assert grown(before, scrape(watched)) == refused


def test_no_visitor_makes_a_series(watched: Stack) -> None:
    paths = [f"/images/p{number}/{number}.jpg?{number}={number}" for number in range(300)]
    before = scrape(watched)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda path: wire.ask(watched.ports.edge, request(path)), paths))
    assert sum(grown(before, scrape(watched)).values()) == 300


def test_more_presets_than_are_told_apart_share_a_series() -> None:
    document = json.loads(policy_text("policies/basic.json"))
    document["presets"] |= {f"z{number:03}": {"width": 100 + number} for number in range(200)}
    with Stack(policy=json.dumps(document)) as stack:
        series = scrape(stack)
        presets = [dict(labels)["preset"] for _, labels in series if "preset" in dict(labels)]
        assert len(presets) == 101 and "_other" in presets
        assert series["pinhole_policy_presets", frozenset({("role", "edge")})] == len(document["presets"])
        last = counted(stack, request("/images/z199/landscape.jpg"), 200)
        assert last["pinhole_requests_total{decision=forward,preset=_other,role=edge}"] == 1


def test_gauges_tell_which_policy_is_in_force(watched: Stack, tmp_path: Path) -> None:
    series = scrape(watched)
    gauges = {(name, dict(labels).get("role")): value for (name, labels), value in series.items()}
    written = re.search(r'^ +value: (".*")$', watched.envoy_config.read_text(), re.MULTILINE)
    assert written, "no policy in Envoy's configuration"
    text = json.loads(written[1])
    file = tmp_path / "policy.json"
    # Another spelling of the same.
    file.write_text(json.dumps(json.loads(text), sort_keys=True, indent=3))
    check = ["cargo", "run", "--quiet", "--bin", "pinhole", "--", "check", str(file)]
    said = subprocess.run(check, cwd=ROOT, env=os.environ | watched.env, capture_output=True, text=True, check=True).stdout
    fingerprint = re.search(r"fingerprint (\d+)", said)
    assert fingerprint, said
    for role in ("edge", "gate"):
        assert gauges["pinhole_policy_fingerprint", role] == int(fingerprint[1])
        assert gauges["pinhole_policy_routes", role] == len(json.loads(text)["routes"])
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
    assert series["pinhole_build_info", frozenset({("version", version)})] == 1


def test_access_logs_tell_decision_reason_and_preset(watched: Stack) -> None:
    wanted = {
        "/images/small/badge.png": "decision=forward preset=small",
        "/images/enormous/badge.png": "decision=reject preset=-",
        "/images/medium/no-such.png": "decision=replace preset=medium",
    }
    for path in wanted:
        wire.ask(watched.ports.edge, request(path))
    deadline = time.monotonic() + 20
    while True:
        log = watched.envoy_log.read_text()
        lines = {path: line for line in log.splitlines() for path in wanted if f" edge GET {path} " in line}
        if lines.keys() == wanted.keys() or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    assert lines.keys() == wanted.keys(), log
    for path, line in lines.items():
        assert line.endswith(wanted[path]), line


def test_pushes_are_timed(pushing: Pushing) -> None:  # noqa: F811
    before = scrape(pushing.stack)
    pushing.serves_others()
    time.sleep(6)  # Envoy merges histograms every five seconds
    after = scrape(pushing.stack)
    for stage in ("source", "picture"):
        key = ("pinhole_push_duration_ms_count", frozenset({("stage", stage)}))
        assert after[key] == before.get(key, 0) + 1
