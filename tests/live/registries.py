"""Container registries on this machine: distribution, with TLS and a password if asked, and go-containerregistry's.

`.make/registries` installs them; where it cannot, `ProgramError` says why. What does not belong here: what is pushed.
"""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bootstrap import free_ports
from children import Child, answers, listens
from programs import ProgramError, installed
from stack import SCRATCH

USER, PASSWORD = "pusher", "a password: of two words"
# Of that password, by bcrypt, which distribution wants and Python's library does not have.
HTPASSWD = "pusher:$2b$05$DVzaff4csWKCLeNvkCrof.Z2GY3DCoh9DHqZTiwLJTGT.a5T1Zvzq\n"
CONFIGURATION = """\
version: 0.1
log: { level: warn }
storage: { filesystem: { rootdirectory: DIRECTORY/data } }
http: { addr: "127.0.0.1:PORT"TLS }
"""
TLS = ", tls: { certificate: DIRECTORY/registry.crt, key: DIRECTORY/registry.key }"
AUTH = "auth: { htpasswd: { realm: here, path: DIRECTORY/htpasswd } }\n"


@dataclass
class Registry:
    host: str  # with its port
    certificate: Path | None = None  # to trust; without one it speaks plain HTTP


def certificate(directory: Path) -> Path:
    """A certificate for 127.0.0.1 that its owner signed, and its key beside it."""
    if shutil.which("openssl") is None:
        raise ProgramError("openssl is missing, which makes the registry's certificate")
    path = directory / "registry.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=registry"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(directory / "registry.key"), "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def _directory(port: int) -> Path:
    directory = SCRATCH / f"registry-{port}"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


@contextmanager
def distribution(guarded: bool = False) -> Iterator[Registry]:
    """The registry that Docker runs. Guarded, it speaks TLS and wants a password."""
    binary, (port,) = installed("registries", "distribution"), free_ports(1)
    directory = _directory(port)
    text = CONFIGURATION.replace("PORT", str(port)).replace("TLS", TLS if guarded else "") + (AUTH if guarded else "")
    (directory / "config.yml").write_text(text.replace("DIRECTORY", str(directory)))
    (directory / "htpasswd").write_text(HTPASSWD)
    registry = Registry(f"127.0.0.1:{port}", certificate(directory) if guarded else None)
    command = [binary, "serve", str(directory / "config.yml")]
    child = Child("distribution", command, directory / "log", {"PATH": "/nonexistent"}, directory)
    try:
        child.wait_until(lambda: _speaks_tls(port) if guarded else answers(f"http://127.0.0.1:{port}/v2/"))
        yield registry
    finally:
        child.stop()


@contextmanager
def ggcr() -> Iterator[Registry]:
    """go-containerregistry's, in memory. It listens on localhost, whichever address that is."""
    binary, (port,) = installed("registries", "ggcr"), free_ports(1)
    directory = _directory(port)
    child = Child("ggcr", [binary, f"-port={port}"], directory / "log", {"PATH": "/nonexistent"}, directory)
    try:
        child.wait_until(lambda: answers(f"http://localhost:{port}/v2/"))
        yield Registry(f"localhost:{port}")
    finally:
        child.stop()


def _speaks_tls(port: int) -> bool:
    if not listens(port):
        return False
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=5)):
            return True
    except OSError:
        return False


REGISTRIES = {"distribution": distribution, "ggcr": ggcr}
