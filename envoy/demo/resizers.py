"""How each resizer is started for the demo: its program, its settings, and how to see that it is up.

What belongs here is only how to run it, locked to pinhole as its only caller and to the gate as its only source;
envoy/resizers.md gives the reason of every setting. What it is asked is the module's business.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from bootstrap import ENVOY_YAML
from children import answers, listens
from programs import ProgramError, installed

MOST_BYTES = 50 * 1024 * 1024  # of a source
MOST_PIXELS = 50_000_000  # of a source
MOST_SIDE = 4096  # of a result
PATIENCE = 12  # seconds for a source: longer than the gate's own limit, so that the gate's answer is seen


@dataclass(frozen=True)
class Settings:
    """What a resizer is told when it is started."""

    environment: dict[str, str]
    arguments: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Resizer:
    """A resizer that can be started."""

    command: list[str]
    environment: dict[str, str]
    ready: Callable[[], bool]


class Kind(NamedTuple):
    """What is known of a resizer."""

    section: dict  # its own part of the policy's `resizer` section
    program: Callable[[], list[str]]
    settings: Callable[[int, str | None, dict[str, str]], Settings]
    health: str | None  # a path that answers 200 once it is up
    discards_log: bool = False  # because it quotes sealed sources, and has no setting against that


def find(name: str, port: int, gate_url: str | None, secrets: dict[str, str]) -> Resizer:
    """The resizer of that name, to listen on the port and to fetch from the gate only; from nowhere without one,
    where sources are pushed."""
    kind, told = _kind(name), settings(name, port, gate_url, secrets)
    url = f"http://127.0.0.1:{port}{kind.health}"
    ready = (lambda: answers(url)) if kind.health else (lambda: listens(port))
    command = [*kind.program(), *told.arguments]
    if kind.discards_log:
        command = ["/bin/sh", "-c", 'exec "$0" "$@" >/dev/null 2>&1', *command]
    return Resizer(command, told.environment, ready)


def settings(name: str, port: int, gate_url: str | None, secrets: dict[str, str]) -> Settings:
    """What the resizer of that name is told, with its own secrets and no others."""
    return _kind(name).settings(port, gate_url, secrets)


def section(name: str) -> dict:
    """The `resizer` section of a policy for this resizer."""
    return {name: {"cluster": "resizer", "authority": f"{name}.internal"} | _kind(name).section}


def shipped_policy(name: str) -> str | None:
    """The shipped policy for this resizer; None where it is the one inside envoy.yaml."""
    if name == "thumbor":
        return None
    policy = json.loads(ENVOY_YAML.with_name("policy.json").read_text())
    return json.dumps(policy | {"resizer": section(name)}, indent=2)


def telltale(name: str) -> str:
    """A text that gives the resizer away; three letters alone stand in many a picture by chance."""
    return name if len(name) > 3 else f"{name}.internal"


def _kind(name: str) -> Kind:
    if name not in KNOWN:
        raise ProgramError(f"unknown resizer {name!r}; known are {', '.join(KNOWN)}")
    return KNOWN[name]


# ---- thumbor


def _thumbor_program() -> list[str]:
    program = Path(sys.executable).parent / "thumbor"  # not resolved: in a virtual environment python is a link
    if not program.is_file():
        raise ProgramError(
            "thumbor is not installed beside this python; run `make venv` and use .venv/bin/python"
        )
    return [str(program)]


def _thumbor(port: int, gate_url: str, secrets: dict[str, str]) -> Settings:
    arguments = ["--conf", str(Path(__file__).with_name("thumbor.conf")), "--ip", "127.0.0.1"]
    arguments += ["--port", str(port), "--processes", "1", "--log-level", "error"]
    return Settings({"THUMBOR_KEY": secrets["THUMBOR_KEY"], "GATE_URL": gate_url}, arguments)


# ---- imgproxy


def _imgproxy(port: int, gate_url: str, secrets: dict[str, str]) -> Settings:
    return Settings(
        {
            "IMGPROXY_KEY": secrets["IMGPROXY_KEY"],
            "IMGPROXY_SALT": secrets["IMGPROXY_SALT"],
            "IMGPROXY_ALLOWED_SOURCES": f"{gate_url}/",
            "IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES": "true",
            "IMGPROXY_MAX_REDIRECTS": "0",
            "IMGPROXY_MAX_SRC_FILE_SIZE": str(MOST_BYTES),
            "IMGPROXY_MAX_SRC_RESOLUTION": str(MOST_PIXELS // 1_000_000),
            "IMGPROXY_MAX_RESULT_DIMENSION": str(MOST_SIDE),
            "IMGPROXY_DOWNLOAD_TIMEOUT": str(PATIENCE),
            "IMGPROXY_BIND": f"127.0.0.1:{port}",
        }
    )


# ---- imagor


def _imagor(port: int, gate_url: str, secrets: dict[str, str]) -> Settings:
    return Settings(
        {
            "IMAGOR_SECRET": secrets["IMAGOR_SECRET"],
            "IMAGOR_SIGNER_TYPE": "sha256",
            "HTTP_LOADER_ALLOWED_SOURCES": urlsplit(gate_url).netloc,
            "HTTP_LOADER_MAX_ALLOWED_SIZE": str(MOST_BYTES),
            "VIPS_MAX_RESOLUTION": str(MOST_PIXELS),
            "IMAGOR_LOAD_TIMEOUT": f"{PATIENCE}s",
            "IMAGOR_PROCESS_TIMEOUT": "10s",
            "IMAGOR_DISABLE_PARAMS_ENDPOINT": "1",
            "IMAGOR_DISABLE_ERROR_BODY": "1",
            "SERVER_ADDRESS": "127.0.0.1",
            "PORT": str(port),
        }
    )


# ---- imaginary


def _imaginary(port: int, gate_url: str | None, secrets: dict[str, str]) -> Settings:
    environment = {"URL_SIGNATURE_KEY": secrets["IMAGINARY_KEY"], "PORT": str(port), "GOLANG_LOG": "none"}
    arguments = ["-enable-url-signature"]
    if gate_url:
        arguments += ["-enable-url-source", "-allowed-origins", f"{gate_url}/"]
        arguments += ["-max-allowed-size", str(MOST_BYTES)]
    arguments += ["-http-write-timeout", "20"]
    arguments += ["-disable-endpoints", "form,health,info,watermark,watermarkimage,zoom,thumbnail"]
    return Settings(environment, [*arguments, "-a", "127.0.0.1"])


# ---- ipx


def _ipx(port: int, gate_url: str, _secrets: dict[str, str]) -> Settings:
    fetch = {"redirect": "error", "retry": 0, "timeout": PATIENCE * 1000}
    return Settings(
        {
            "IPX_HTTP_DOMAINS": urlsplit(gate_url).hostname or "",
            "IPX_HTTP_FETCH_OPTIONS": json.dumps(fetch, separators=(",", ":")),
        },
        ["serve", "--dir", "/nonexistent", "--host", "127.0.0.1", "--port", str(port)],
    )


KNOWN = {
    "thumbor": Kind({"key": {"env": "THUMBOR_KEY"}}, _thumbor_program, _thumbor, "/healthcheck"),
    "imgproxy": Kind(
        {"key": {"env": "IMGPROXY_KEY"}, "salt": {"env": "IMGPROXY_SALT"}},
        lambda: [installed("resizers", "imgproxy")],
        _imgproxy,
        "/health",
        discards_log=True,
    ),
    "imagor": Kind(
        {"secret": {"env": "IMAGOR_SECRET"}, "hash": "sha256"},
        lambda: [installed("resizers", "imagor")],
        _imagor,
        "/healthcheck",
        discards_log=True,
    ),
    "imaginary": Kind(
        {"key": {"env": "IMAGINARY_KEY"}}, lambda: [installed("resizers", "imaginary")], _imaginary, "/"
    ),
    "ipx": Kind({}, lambda: ["node", installed("resizers", "ipx")], _ipx, None),
}
