"""The commands of the documents that need a running Envoy: each `sh` block that is marked `with Envoy` runs, whole.
And what `envoy/operations.md` says of a chain that is misconfigured.

What needs none runs in `tests/documents/commands.rs`, which also holds the list of those that run here.
"""

import os
import re
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

import contract
import pages
import wire
from bootstrap import Ports
from conftest import RESIZER, ROOT
from stack import Stack, find_envoy

PAGES = ["envoy/migration.md", "envoy/operations.md", "envoy/security.md"]
SCRIPTS = [(page, block) for page in PAGES for block in pages.blocks(page) if block.about == "with Envoy"]

# What must be in the output of the script that begins so: else it may have run and told nothing.
TOLD = {
    "for path": ["200 image/jpeg", "404 text/plain"],
    "envoy --mode validate": ["envoy.yaml' OK"],
    "curl -s http://127.0.0.1:9901/ready": ["LIVE", 'fingerprint{role="edge"', 'build_info{version="', "vm_reload_success: 0", "overflow: 0", "x-pinhole-reason: unknown-preset"],
}


def test_every_script_is_known() -> None:
    assert [next(text for text in TOLD if block.text.startswith(text)) for _, block in SCRIPTS] == list(TOLD)


@pytest.mark.parametrize("page, block", [pytest.param(*one, id=f"{one[0]} {one[1].text[:30]}") for one in SCRIPTS])
def test_a_script_runs_and_tells(page: str, block: pages.Block, stack: Stack) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", with_ports(block.text, stack.ports)],
        cwd=ROOT,
        env=os.environ | stack.env | {"PATH": f"{Path(find_envoy()).parent}:{os.environ['PATH']}"},
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{page}\n{block.text}\n{done.stdout}{done.stderr}"
    told = done.stdout + done.stderr
    for text in next(texts for start, texts in TOLD.items() if block.text.startswith(start)):
        assert text in told, f"{page}\n{block.text}\ntold nothing of {text!r}:\n{told}"


def with_ports(script: str, ports: Ports) -> str:
    """The script with the ports of this run in the place of those that the documents have."""
    used = {str(number): str(asdict(ports)[name]) for name, number in asdict(Ports()).items()}
    return re.sub(r"(?<=127\.0\.0\.1:)\d+", lambda match: used[match[0]], script)


FAULTS = {
    "THUMBOR_KEY": ("upstream-failed", 502, ""),  # the resizer refuses, so nobody asks the gate
    "PHOTOS_TOKEN": ("source-not-found", 404, "reason=upstream-failed"),  # the origin refuses; so says thumbor
}


@pytest.mark.skipif(RESIZER != "thumbor", reason="what the page says of thumbor")
@pytest.mark.parametrize("name", FAULTS)
def test_where_all_answers_fail_the_gates_log_tells_which_side_refuses(name: str) -> None:
    reason, status, told = FAULTS[name]
    with Stack(envoy_env={name: "Bearer another-one-than-the-other-side-has"}) as stack:
        answer = wire.ask(stack.ports.edge, wire.request())
        contract.check_refused(answer, stack, reason, status)
    lines = [line for line in stack.envoy_log.read_text().splitlines() if " gate GET " in line]
    assert all(told in line for line in lines) and bool(lines) == bool(told), lines
