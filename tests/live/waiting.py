"""Waiting for what another process does in its own time."""

import time
from collections.abc import Callable

PATIENCE = 20.0  # seconds; Envoy may compile the module meanwhile, on a busy machine


def until(holds: Callable[[], bool], what: str) -> None:
    """Returns once it holds; fails when it has not for long."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"not within {PATIENCE:.0f} s: {what}"
        time.sleep(0.05)
