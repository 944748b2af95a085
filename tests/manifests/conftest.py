"""The manifests of `envoy/istio` and `envoy/gateway`, checked as far as that can be done without a cluster.

Run by `make test-manifests`, needs no Envoy. Without Go there are no definitions of custom resources, and what needs
them skips.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "envoy" / "demo"))


@pytest.fixture(scope="session")
def definitions() -> None:
    """Makes sure that there are definitions of custom resources."""
    done = subprocess.run([ROOT / ".make" / "crds"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(done.stderr.strip())
