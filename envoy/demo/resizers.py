"""How each resizer is started for the demo: its command, its settings, and how to see that it is up.

What belongs here is only how to run it, locked to the gate as its only source. What it is asked is the
module's business.
"""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bootstrap import ENVOY_YAML
from children import answers


@dataclass(frozen=True)
class Resizer:
    command: list[str]
    settings: dict[str, str]
    ready: Callable[[], bool]


class ResizerError(Exception):
    """The resizer asked for is not here."""


def find(name: str, port: int, gate_url: str, secrets: dict[str, str]) -> Resizer:
    """The resizer of that name, to listen on the port and to fetch from the gate only."""
    if name not in _KNOWN:
        raise ResizerError(f"unknown resizer {name!r}; known are {', '.join(_KNOWN)}")
    return _KNOWN[name](port, gate_url, secrets)


def shipped_policy(name: str) -> str | None:
    """The policy that envoy/ has for this resizer; None where it is the one inside envoy.yaml."""
    return None if name == "thumbor" else (ENVOY_YAML.parent / f"policy-{name}.json").read_text()


def _thumbor(port: int, gate_url: str, secrets: dict[str, str]) -> Resizer:
    program = (
        Path(sys.executable).parent / "thumbor"
    )  # not resolved: in a virtual environment python is a link
    if not program.is_file():
        raise ResizerError(
            "thumbor is not installed beside this python; run `make venv` and use .venv/bin/python"
        )
    return Resizer(
        [
            str(program),
            "--ip",
            "127.0.0.1",
            "--port",
            str(port),
            "--processes",
            "1",
            "--log-level",
            "error",  # its warnings quote the sealed source
            "--conf",
            str(Path(__file__).with_name("thumbor.conf")),
        ],
        {"THUMBOR_KEY": secrets["THUMBOR_KEY"], "GATE_URL": gate_url},
        lambda: answers(f"http://127.0.0.1:{port}/healthcheck"),
    )


def _imgproxy(port: int, gate_url: str, secrets: dict[str, str]) -> Resizer:
    program = shutil.which(os.environ.get("IMGPROXY", "imgproxy"))
    if program is None:
        raise ResizerError("imgproxy is not on PATH; set IMGPROXY to its binary")
    return Resizer(
        [program],
        {
            "IMGPROXY_BIND": f"127.0.0.1:{port}",
            "IMGPROXY_KEY": secrets["IMGPROXY_KEY"],
            "IMGPROXY_SALT": secrets["IMGPROXY_SALT"],
            "IMGPROXY_ALLOWED_SOURCES": f"{gate_url}/",
            "IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES": "true",  # the gate of the demo is on this machine
            "IMGPROXY_MAX_REDIRECTS": "0",
            "IMGPROXY_MAX_SRC_RESOLUTION": "50",
            "IMGPROXY_LOG_LEVEL": "warn",
        },
        lambda: answers(f"http://127.0.0.1:{port}/health"),
    )


_KNOWN = {"thumbor": _thumbor, "imgproxy": _imgproxy}
