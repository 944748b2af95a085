"""Programs that the scripts of .make/ install: where one is, or why it is not to be had."""

import subprocess

from bootstrap import ROOT


class ProgramError(Exception):
    """The program is not here; the message says why."""


def installed(script: str, *name: str) -> str:
    """The path that `.make/SCRIPT [NAME]` prints, after it has installed the program if need be."""
    done = subprocess.run([ROOT / ".make" / script, *name], text=True, capture_output=True, check=False)
    if done.returncode:
        raise ProgramError(done.stderr.strip().splitlines()[-1])
    return done.stdout.strip()
