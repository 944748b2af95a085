"""func-e, where it can be had: the line of `envoy/README.md`, and that the live tests start Envoy through it."""

import os
import signal
from pathlib import Path

import pytest

import keys
import resizers
import wire
from bootstrap import Ports, render
from children import Child, answers
from conftest import ROOT
from stack import Stack, find_envoy, find_func_e, func_e_environment
from wire import request

LINE = "func-e run -c envoy/envoy.yaml"


@pytest.fixture
def func_e() -> str:
    if not (found := find_func_e()):
        pytest.skip("no func-e: `.make/func-e` says why, or FUNC_E is empty")
    return found


def test_the_line_of_the_readme(func_e: str, tmp_path: Path) -> None:
    """In a tree like the project's, with other ports; func-e is on PATH, and runs the Envoy that is under test."""
    assert f"\n{LINE}\n" in (ROOT / "envoy" / "README.md").read_text()
    ports = Ports.free()
    for folder in ("tree/envoy", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    tree = tmp_path / "tree"
    (tree / "envoy" / "envoy.yaml").write_text(render(ports))
    (tree / "target").symlink_to(ROOT / "target")
    (tmp_path / "bin" / "func-e").symlink_to(func_e)
    environment = keys.environment(keys.fresh()) | func_e_environment(find_envoy(), tmp_path / "home")
    environment["PATH"] = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    child = Child("func-e", ["bash", "-c", f"exec {LINE}"], tmp_path / "log", environment, tree)
    try:
        child.wait_until(lambda: answers(f"http://127.0.0.1:{ports.admin}/ready"), limit=60)
        answer = wire.ask(ports.edge, request("/images/huge/landscape.jpg"))
        assert (answer.status, answer.reason) == (404, "unknown-preset"), f"\n{answer}"
        os.killpg(child.process.pid, signal.SIGINT)  # as Ctrl-C does
        assert child.ended_within(15), "Ctrl-C ends it"
        assert not answers(f"http://127.0.0.1:{ports.admin}/ready"), "and Envoy with it"
    finally:
        child.stop()


def test_the_live_tests_use_it(func_e: str) -> None:
    with Stack(resizers.shipped_policy("thumbor"), resizer=None, origin=False) as stack:
        process = stack.child("envoy").process.pid
        command = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        assert command[:2] == [func_e.encode(), b"run"], command
        tasks = Path(f"/proc/{process}/task").glob("*/children")
        children = [pid for task in tasks for pid in task.read_text().split()]
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children]
        assert any(str(stack.envoy_config).encode() in command for command in commands), f"no Envoy among {commands}"
