"""The files of envoy/compose as the tests read them: the services, and what Envoy is started with in a container.

What is run here is the demo's own `start` and `keys`, with the container's places put elsewhere. This is the only file
that knows how these scripts and the compose file are written.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "envoy" / "compose"
OBSERVABILITY = ROOT / "envoy" / "observability"
sys.path[:0] = [str(ROOT / "envoy" / "demo"), str(ROOT / "tests" / "live")]

from stack import MODULE, find_envoy  # noqa: E402

RESIZERS = ("imgproxy", "thumbor")
# What runs as Envoy, and with which policy.
STARTS = {f"{role}-{name}": [role, name] for role in ("edge", "gate") for name in RESIZERS} | {"panels": ["panels"]}

VARIABLE = re.compile(r"\$\{(?P<name>\w+):-(?P<default>[^}]*)\}")


def interpolated(text: str, environment: Mapping[str, str] = {}) -> str:
    """As Compose does it: `${NAME:-default}`, which is the one form that the file uses, and `$$` for a dollar."""
    text = VARIABLE.sub(lambda found: environment.get(found["name"]) or found["default"], text)
    assert not re.search(r"(?<!\$)\$(?!\$)", text), "a variable in another form than ${NAME:-default}"
    return text.replace("$$", "$")


def document(environment: Mapping[str, str] = {}) -> dict:
    """docker-compose.yml, with its anchors and variables resolved."""
    return yaml.safe_load(interpolated((COMPOSE / "docker-compose.yml").read_text(), environment))


def bootstrap(role: str) -> dict:
    """ROLE.yaml as it is in the repository, or envoy.yaml itself."""
    path = COMPOSE.parent / "envoy.yaml" if role == "envoy" else COMPOSE / f"{role}.yaml"
    return yaml.safe_load(path.read_text())


def listener(configuration: dict, name: str) -> dict:
    return next(each for each in configuration["static_resources"]["listeners"] if each["name"] == name)


def cluster(configuration: dict, name: str) -> dict:
    return next(each for each in configuration["static_resources"]["clusters"] if each["name"] == name)


def executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def moved(directory: Path, ports: Mapping[int, int] = {}, policy: str | None = None) -> Path:
    """A copy of envoy/compose for this machine: the module where it was built, the admin's socket in the directory,
    other ports, and this policy in the place of both."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in COMPOSE.iterdir():
        text = path.read_text()
        if path.suffix == ".yaml":
            text = text.replace("/usr/share/pinhole/pinhole.wasm", str(MODULE))
            text = text.replace("/tmp/admin.sock", str(directory / "admin.sock"))
            for old, new in ports.items():
                text = text.replace(f"port_value: {old} ", f"port_value: {new} ")
        if policy is not None and path.name.startswith("policy-"):
            text = policy
        executable(directory / path.name, text)
    return directory


def start(arguments: list[str], here: Path, options: str) -> tuple[list[str], dict[str, str]]:
    """The command and environment that run `start` outside of a container: every name is this machine, and Envoy is
    the one of .venv, with these options more."""
    shims = here / "shims"
    shims.mkdir(exist_ok=True)
    executable(shims / "getent", '#!/bin/sh\necho "127.0.0.1       STREAM $2"\n')
    executable(shims / "envoy", f'#!/bin/sh\nexec {find_envoy()} "$@" {options}\n')
    environment = os.environ | {"PATH": f"{shims}:{os.environ['PATH']}", "TMPDIR": str(here)}
    return [str(here / "start"), *arguments], environment


def secrets(directory: Path) -> dict[str, dict[str, str]]:
    """Runs `keys` with its volumes in this directory: what each of them then holds."""
    readers = re.findall(r"^keep (\w+) <<END$", (COMPOSE / "keys").read_text(), re.MULTILINE)
    for reader in readers:
        (directory / reader).mkdir(parents=True, exist_ok=True)
    script = executable(directory / "keys", (COMPOSE / "keys").read_text().replace("/keys/", f"{directory}/"))
    subprocess.run([script], check=True)
    lines = {reader: (directory / reader / "env").read_text().splitlines() for reader in readers}
    return {reader: dict(line.split("=", 1) for line in found) for reader, found in lines.items()}
