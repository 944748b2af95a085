"""h2spec through both listeners: what fails there fails in the same Envoy without pinhole, too.

The shipped gate speaks HTTP/1.1 only, so here it is told to speak both. h2spec is `.make/h2spec`'s; where that cannot
be had, these are skipped with the reason.
"""

import re
import subprocess
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

import health
import storm
from conftest import ROOT, stubbed_policy
from figures import publish
from roles import Role, seal
from stack import Stack
from through_stub import PATH
from upstream import Upstream

DISABLED = """\
                typed_per_filter_config:
                  pinhole: { "@type": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true }
"""
ROUTE = "              - match: { prefix: \"/\" }\n"
CLUSTER = "                  cluster_header: x-pinhole-cluster\n"


def both_versions(text: str) -> str:
    """A gate that speaks HTTP/2 as well."""
    assert text.count("          codec_type: HTTP1\n") == 1
    return text.replace("          codec_type: HTTP1\n", "")


def without_pinhole(text: str) -> str:
    """Both listeners as they are, but that their requests go to the upstream as they came."""
    text = both_versions(text)
    assert text.count(ROUTE) == text.count(CLUSTER) == 2
    text = text.replace(ROUTE, ROUTE + DISABLED)
    for cluster in ("resizer", "photos"):
        text = text.replace(CLUSTER, f"                  cluster: {cluster}\n", 1)
    return text


@pytest.fixture(scope="module")
def h2spec() -> str:
    if not storm.WHOLE:
        pytest.skip("h2spec: it takes minutes; `make test-storm` runs it")
    got = subprocess.run([ROOT / ".make" / "h2spec"], capture_output=True, text=True)
    if got.returncode:
        pytest.skip(f"h2spec: {got.stderr.strip()}")
    return got.stdout.strip()


@contextmanager
def both_roles(configure: Callable[[str], str]) -> Iterator[dict[str, Role]]:
    with Stack(stubbed_policy(), None, origin=False, configure=configure) as stack:
        with Upstream(stack.ports.resizer) as resizer, Upstream(stack.ports.origin) as origin:
            sealed = seal(stack, resizer) if configure is both_versions else PATH
            for upstream in (resizer, origin):
                upstream.behaves()
            yield {"edge": Role("edge", stack, resizer, PATH), "gate": Role("gate", stack, origin, sealed)}
            health.check(stack)


Verdicts = dict[str, str]


def run(h2spec: str, port: int, path: str, report: Path, *cases: str) -> Verdicts:
    """What becomes of each case: `passed`, `skipped` or `failed`."""
    command = [h2spec, *cases, "--strict", f"--port={port}", f"--path={path}", f"--junit-report={report}"]
    subprocess.run(command, capture_output=True, timeout=400)
    # It quotes what it received as it came.
    text = re.sub(rb"[^\t\n\r -~]", b"?", report.read_bytes())
    found: Verdicts = {}
    for suite in ElementTree.fromstring(text).iter("testsuite"):
        for number, case in enumerate(suite.iter("testcase"), 1):
            kinds = {kind for kind in ("failure", "error", "skipped") if case.find(kind) is not None}
            verdict = "passed" if not kinds else "skipped" if kinds == {"skipped"} else "failed"
            found[f"{suite.get('package')}/{number} {case.get('classname')}"] = verdict
    return found


class Running(NamedTuple):
    """One listener, and what is asked of it."""

    where: str
    asked: str
    port: int
    path: str

    @property
    def name(self) -> str:
        return f"{self.where}, {self.asked}"


@pytest.fixture(scope="module")
def verdicts(h2spec: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdicts]:
    """All runs at once, as most of their time is waiting. What fails with pinhole alone is asked again."""
    directory = tmp_path_factory.mktemp("h2spec")
    with both_roles(without_pinhole) as bare, both_roles(both_versions) as roles:
        runs = [Running(where, "without pinhole", role.port, PATH) for where, role in bare.items()]
        runs += [Running(where, "what is served", role.port, role.path) for where, role in roles.items()]
        runs += [Running(where, "what is refused", role.port, "/no/thing") for where, role in roles.items()]

        def ask(number: int) -> Verdicts:
            return run(h2spec, runs[number].port, runs[number].path, directory / str(number))

        with ThreadPoolExecutor(len(runs)) as pool:
            found = {one.name: verdicts for one, verdicts in zip(runs, pool.map(ask, range(len(runs))), strict=True)}
        for one in runs:
            for case in only_with_pinhole(found, one):
                again = [
                    run(h2spec, one.port, one.path, directory / "again", case.split(" ")[0]) for _ in range(ATTEMPTS)
                ]
                if any(set(verdicts.values()) == {"passed"} for verdicts in again):
                    found[one.name][case] = "raced"
        for role in roles.values():
            role.serves_others()
        return found


# A server that refuses at once has answered before h2spec has sent all of what it wanted to be refused for.
ATTEMPTS = 5


def only_with_pinhole(found: dict[str, Verdicts], one: Running) -> list[str]:
    own = found[f"{one.where}, without pinhole"]
    return [case for case, verdict in found[one.name].items() if verdict == "failed" and own[case] != "failed"]


@pytest.mark.parametrize("asked", ["what is served", "what is refused"])
@pytest.mark.parametrize("where", ["edge", "gate"])
def test_pinhole_adds_no_failure(where: str, asked: str, verdicts: dict[str, Verdicts]) -> None:
    found, own = verdicts[f"{where}, {asked}"], verdicts[f"{where}, without pinhole"]
    assert found.keys() == own.keys() and len(found) > 140, f"h2spec ran {len(found)} and {len(own)} cases"
    count = Counter(found.values())
    publish(f"h2spec, {where}, {asked}", ", ".join(f"{number} {verdict}" for verdict, number in sorted(count.items())))
    added = only_with_pinhole(verdicts, Running(where, asked, 0, ""))
    assert not added, f"fail only with pinhole: {added}"
    assert count["passed"] > 120


def test_what_envoy_itself_fails(verdicts: dict[str, Verdicts]) -> None:
    for where in ("edge", "gate"):
        own = verdicts[f"{where}, without pinhole"]
        failed = sorted(case.split(" ")[0] for case, verdict in own.items() if verdict == "failed")
        publish(f"h2spec, {where}, without pinhole", f"{len(own)} cases, {len(failed)} failed: {' '.join(failed)}")
        assert len(failed) < 25
