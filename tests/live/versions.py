"""Which Envoy is under test, for the few things that Envoy itself does otherwise in another version.

Cases of the corpus name theirs with `since` (tests/README.md). pinhole itself relies on none of this.
"""

import re
import subprocess
from functools import cache

from stack import find_envoy

Version = tuple[int, ...]

def parsed(version: str) -> Version:
    return tuple(map(int, version.split(".")[:3]))


@cache
def envoy() -> Version:
    """The version that the binary names."""
    said = subprocess.run([find_envoy(), "--version"], text=True, capture_output=True, check=True).stdout
    found = re.search(r"version: [0-9a-f]+/(\d+\.\d+\.\d+)", said)
    assert found, f"{find_envoy()} --version says {said!r}"
    return parsed(found[1])


def since(version: str) -> bool:
    """Whether the Envoy under test is this version, or a later one."""
    return envoy() >= parsed(version)
