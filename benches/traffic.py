"""The load program (benches/load): an upstream that costs next to nothing, and a client that says how it went."""

import json
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path

from paths import ROOT, SCRATCH

import keys
from children import Child, listens

# What a browser sends for a picture over plain HTTP, beside the host.
_CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
BROWSER = [
    ("user-agent", _CHROME),
    ("accept", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"),
    ("referer", "http://www.example.com/articles/2026/a-walk-along-the-coast"),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
]
HOST = "img.example.com"


class TrafficError(Exception):
    """The load program could not be built, or a request was not answered as it should; the message says how."""


def program() -> Path:
    """The load program, built if need be."""
    command = ["cargo", "build", "--quiet", "--profile", "load", "--package", "load"]
    command += ["--message-format=json-render-diagnostics"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    for message in messages:
        if message.get("target", {}).get("name") == "load" and message.get("executable"):
            return Path(message["executable"])
    raise TrafficError(f"`{' '.join(command)}` built nothing; its messages are above")


@dataclass(frozen=True)
class Job:
    """What is asked, in the words of benches/load/src/job.rs; `until` is {"requests": n} or {"seconds": s}."""

    port: int
    paths: list[str]
    until: dict[str, float] = field(default_factory=lambda: {"seconds": 0.2})
    protocol: str = "h1"
    host: str = HOST
    headers: list[tuple[str, str]] = field(default_factory=lambda: list(BROWSER))
    connections: int = 8
    streams: int = 1
    status: int = 200
    each: bool = False


@dataclass(frozen=True)
class Report:
    """How it went; p50, p90 and p99 in microseconds, and `each` latency where the job asks for them."""

    requests: int
    seconds: float
    p50: int
    p90: int
    p99: int
    bytes: int
    each: list[int]


class Upstream(Child):
    """The upstream; `answers` says what each port answers with: "1024" (bytes), "hold:3000" (ms), "file:PATH"."""

    def __init__(self, program: Path, answers: dict[int, str]) -> None:
        SCRATCH.mkdir(parents=True, exist_ok=True)
        command = [str(program), "serve", *(f"{port}={what}" for port, what in answers.items())]
        super().__init__("upstream", command, SCRATCH / "upstream.log", keys.environment({}), ROOT)
        self.answers = answers

    def __enter__(self) -> "Upstream":
        try:
            self.wait_until(lambda: all(listens(port) for port in self.answers))
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Driver:
    """The client. It lives as long as its input is open, so it ends with this program whatever happens."""

    def __init__(self, program: Path) -> None:
        pipe = subprocess.PIPE
        # In a session of its own: Ctrl-C is for this program, which then closes the input.
        self.process = subprocess.Popen([program, "drive"], stdin=pipe, stdout=pipe, text=True, start_new_session=True)

    def __enter__(self) -> "Driver":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:  # it is in the middle of a job
            self.process.kill()
            self.process.wait()

    def begin(self, job: Job) -> None:
        """Starts a job. The next call must be `end`."""
        self.process.stdin.write(json.dumps(asdict(job)) + "\n")
        self.process.stdin.flush()

    def end(self) -> Report:
        """Waits for the job that was begun."""
        line = self.process.stdout.readline()
        if not line:
            raise TrafficError(f"the load program ended with {self.process.wait()}")
        found = json.loads(line)
        if "error" in found:
            raise TrafficError(found["error"])
        return Report(**found)

    def run(self, job: Job) -> Report:
        """A job from beginning to end."""
        self.begin(job)
        return self.end()
