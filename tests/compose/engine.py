"""A Docker engine for the tests of the compose demo: started when they begin, ended with all that it made.

It needs root and Debian's packages (`.make/engine` gets them) and no registry: the images that docker-compose.yml names
are made of what is here. What it keeps between runs is below .tools/compose: unpacked packages and images.
"""

import base64
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from composed import COMPOSE, ROOT, document
from children import Child, ChildError

HERE = (ROOT / ".tools" / "compose").resolve()  # runc takes no way that leads through a link
BASE = "pinhole-test-base"
INTERNET = "198.51.100.1"

# Asks one URL and prints what came back; it is run where the engine's network is.
ASK = """
import base64, http.client, json, sys
method, host, port, path, headers, body = json.load(sys.stdin)
connection = http.client.HTTPConnection(host, port, timeout=30)
connection.request(method, path, base64.b64decode(body) or None, headers)
answer = connection.getresponse()
body = base64.b64encode(answer.read()).decode()
print(json.dumps([answer.status, {name.lower(): value for name, value in answer.getheaders()}, body]))
"""

# Says which of these open when all are tried at once.
TRY = """
import asyncio, json, sys
async def opens(name, address, port):
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 2)
    except (OSError, asyncio.TimeoutError):
        return
    writer.close()
    print(f"{name}:{port}")
async def all():
    await asyncio.gather(*(opens(*each) for each in json.load(sys.stdin)))
asyncio.run(all())
"""


class NoEngine(Exception):
    """None can be started here; the message says why."""


class Engine:
    """A context manager. Only one can run with one .tools, so another waits for it."""

    def __enter__(self) -> "Engine":
        made = subprocess.run([ROOT / ".make" / "engine"], text=True, capture_output=True, check=False)
        if made.returncode:
            raise NoEngine((made.stderr.strip().splitlines() or ["engine: failed"])[-1])
        self.lock = (HERE / "running").open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.scratch = Path(tempfile.mkdtemp(prefix="pinhole-engine-"))  # a socket's path must be short
        self.programs = HERE / "engine" / "usr"
        self.groups = [path / "docker" for path in Path("/sys/fs/cgroup").iterdir() if not (path / "docker").exists()]
        self.environment = {n: v for n, v in os.environ.items() if not n.startswith(("COMPOSE", "DOCKER", "GIT_"))}
        self.environment |= {
            "PATH": f"{self.programs / 'bin'}:{os.environ['PATH']}",
            "DOCKER_HOST": f"unix://{self.scratch / 'socket'}",
            "DOCKER_BUILDKIT": "1",  # what engines since 23 do unasked
            "DOCKER_CONFIG": str(self.scratch / "config"),  # nobody's logins
            "PARTS": "ready",  # what is built already: no image of Rust is to be had
            "COMPOSE_PROFILES": "thumbor,observability",
        }
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if child := getattr(self, "child", None):
            if pid := self._inside():
                os.kill(pid, signal.SIGTERM)
                child.ended_within(20)
            child.stop()
        for group in self.groups:
            for path in sorted(group.glob("**/"), reverse=True):
                path.rmdir()
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.lock.close()

    def _start(self) -> None:
        command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
        command += [str(Path(__file__).with_name("namespaces"))]
        command += [str(HERE / "engine"), str(HERE / "docker"), str(self.scratch / "socket")]
        log = HERE / "engine.log"
        self.child = Child("dockerd", command, log, self.environment | {"PATH": os.environ["PATH"]}, self.scratch)
        try:
            self.child.wait_until(lambda: self.docker("info", check=False).returncode == 0, limit=60)
        except ChildError as error:
            raise NoEngine(f"Docker's engine does not start: {error}") from None
        self.pid = self._inside()
        if self.docker("image", "inspect", BASE, check=False).returncode:
            self.docker("import", str(HERE / "base.tar"), BASE)
        begins, services = document()["x-images"], document()["services"]
        tags = {"envoy": begins["ENVOY_IMAGE"], "minio": begins["MINIO_IMAGE"]}
        tags |= {name: services[name]["image"] for name in ("thumbor", "prometheus", "grafana")}
        for name, tag in tags.items():
            self.docker("build", "--quiet", "--tag", tag, str(HERE / "images" / name))

    def _inside(self) -> int | None:
        """The first process in the namespaces: dockerd."""
        children = Path(f"/proc/{self.child.process.pid}/task/{self.child.process.pid}/children")
        found = children.read_text().split() if children.exists() else []
        return int(found[0]) if found else None

    def docker(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """The client's output; an error unless `check` is false."""
        return self._run(["docker", *arguments], COMPOSE, check)

    def compose(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """docker-compose, or what COMPOSE names, in envoy/compose."""
        return self._run([os.environ.get("COMPOSE", "docker-compose"), *arguments], COMPOSE, check)

    def _run(self, command: list[str], directory: Path, check: bool) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=directory, env=self.environment, stdin=subprocess.DEVNULL, text=True, capture_output=True,
            timeout=300, check=False,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def inspect(self, container: str) -> dict:
        return json.loads(self.docker("inspect", container).stdout)[0]

    def run(self, container: str, script: str, check: bool = True) -> str:
        """What bash prints in a container."""
        return self.docker("exec", container, "bash", "-c", script, check=check).stdout

    def opens(self, container: str, places: list[tuple[str, str, int]]) -> set[str]:
        """Which of these, `(name, address, port)`, can be connected to with the network that the container has."""
        pid = self.inspect(container)["State"]["Pid"]  # among the engine's processes, so theirs are entered first
        command = ["nsenter", "--target", str(self.pid), "--mount", "--pid"]
        command += ["nsenter", "--target", str(pid), "--net", sys.executable, "-c", TRY]
        done = subprocess.run(command, input=json.dumps(places), text=True, capture_output=True, timeout=60, check=True)
        return set(done.stdout.split())

    def ask(
        self,
        host: str,
        port: int,
        path: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> tuple[int, dict[str, str], bytes]:
        """An answer to the engine's host, from which 127.0.0.1 is where ports are published."""
        question = json.dumps([method, host, port, path, headers or {}, base64.b64encode(body).decode()])
        command = ["nsenter", "--target", str(self.pid), "--net", sys.executable, "-c", ASK]
        done = subprocess.run(command, input=question, text=True, capture_output=True, timeout=60, check=True)
        status, found, content = json.loads(done.stdout)
        return status, found, base64.b64decode(content)

    def wait_healthy(self, container: str, limit: float = 120) -> None:
        end = time.monotonic() + limit
        while (state := self.inspect(container)["State"]["Health"])["Status"] != "healthy":
            if time.monotonic() > end:
                raise AssertionError(f"{container} is {state['Status']}: {state['Log'][-1:]}")
            time.sleep(0.5)
