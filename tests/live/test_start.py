"""A policy with errors keeps Envoy from starting, and its log says all of them at once."""

import pytest

from conftest import ROOT
from stack import Stack, StackError

BAD = ROOT / "tests" / "config" / "bad"


@pytest.mark.parametrize("name", ["limits", "patterns", "sizeless", "unknown-keys", "not-json"])
def test_envoy_refuses_a_bad_policy(name: str) -> None:
    stack = Stack(policy=(BAD / f"{name}.json").read_text(), resizer=None)
    with pytest.raises(StackError, match="envoy"), stack:
        pass
    log = stack.envoy_log.read_text()
    for line in (BAD / f"{name}.err").read_text().splitlines():
        assert f"pinhole: {line}" in log, f"{line}\n{log}"
    assert "pinhole: the policy is refused" in log
