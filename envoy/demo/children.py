"""Starting a process, waiting until it is of use, and ending it for certain. Knows nothing of Envoy."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Looked up before any fork: the child may call it, but must not load libraries.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class ChildError(Exception):
    """A process could not be started, or ended too early. The message ends with the last lines of its log."""


def _die_with_parent() -> None:
    # Also when this program is killed and can clean up nothing. Linux ties it to the starting *thread*: start
    # stacks from one that lives as long as they shall.
    if _prctl:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """A running process in a group of its own: Ctrl-C reaches only its owner, a signal all of it."""

    def __init__(
        self, name: str, command: list[str], log: Path, environment: dict[str, str], directory: Path
    ) -> None:
        self.name, self.log, self.stopped = name, log, False
        with log.open("wb") as output:
            try:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd=directory,
                    start_new_session=True,
                    preexec_fn=_die_with_parent,
                )
            except OSError as error:
                raise ChildError(f"{name}: cannot start {command[0]}: {error.strerror}") from None

    def wait_until(self, ready: Callable[[], bool], limit: float = 30.0) -> None:
        """Polls until ready, or raises: when the process ends, or after the limit."""
        end = time.monotonic() + limit
        while not ready():
            if (code := self.process.poll()) is not None:
                raise ChildError(f"{self.name} ended with {code} before it was ready\n{self.tail()}")
            if time.monotonic() > end:
                raise ChildError(f"{self.name} was not ready after {limit:.0f} s\n{self.tail()}")
            time.sleep(0.05)

    def tail(self, lines: int = 20) -> str:
        """The last lines of its log."""
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join([f"  the end of {self.log}:", *(f"  | {line}" for line in text)])

    def ended_within(self, seconds: float | None) -> bool:
        """Waits for its end, at most so long; None waits for ever."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """Asks the group to end, then makes it. Safe to call twice, and on one that has ended by itself."""
        if self.stopped:
            return
        for sign, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, None)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, sign)  # start_new_session: its pid is its group's
            self.ended_within(patience)
        self.stopped = True


def listens(port: int) -> bool:
    """Whether somebody takes connections on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def answers(url: str) -> bool:
    """Whether the URL answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False
