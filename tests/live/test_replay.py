"""Access logs that a real Envoy wrote, replayed: each line is decided as the module decided its request."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import ROOT, stubbed_policy
from stack import Stack
from upstream import Upstream
from wire import Answer, ask, request

PINHOLE = ROOT / "target" / "debug" / "pinhole"

ISTIO = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
    "%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "
    '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% '
    '%DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" '
    '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" '
    "%UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% "
    "%DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
)

JSON = {
    "start_time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "authority": "%REQ(:AUTHORITY)%",
    "response_code": "%RESPONSE_CODE%",
    "bytes_received": "%BYTES_RECEIVED%",
    "accept": "%REQ(ACCEPT)%",
}

FORMAT = "              log_format: "

# Envoy escapes nothing in its text formats: this visitor tries to end his field and to write another request.
FORGER = 'x" "id" "evil.example.com" "10.0.0.1:80" 1 2 3 4 "y'

REQUESTS = [
    request(),
    request("/images/huge/landscape.jpg"),
    request("/images/smal/landscape.jpg", headers=[("user-agent", FORGER)]),
    request(headers=[("user-agent", FORGER)]),
    request("/photos/a%20b.jpg?width=5000", method="HEAD"),
    request("/strict/landscape.jpg?width=5000"),
    request("/strict/caf%C3%A9.jpg?width=50"),
    request("/images/large/landscape.jpg", headers=[("accept", "image/webp,*/*")]),
    request("/elsewhere"),
    request("/images/small/landscape.jpg", method="DELETE"),
    request("/images/small/a.jpg?blur=3&\"'[]"),
]


@dataclass
class Run:
    """What was answered, and the logs of it by format."""

    answers: list[Answer]
    logs: dict[str, Path]
    policy: Path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    subprocess.run(["cargo", "build", "--quiet", "--bin", "pinhole"], cwd=ROOT, check=True)
    directory = tmp_path_factory.mktemp("replay")
    logs = {name: directory / f"{name}.log" for name in ("envoy", "istio", "json")}
    loggers = "".join(
        f"""\
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: {path}
{more}"""
        for path, more in (
            (logs["envoy"], ""),
            (logs["istio"], f"{FORMAT}{{ text_format_source: {{ inline_string: {json.dumps(ISTIO)} }} }}\n"),
            (logs["json"], f"{FORMAT}{{ json_format: {json.dumps(JSON)} }}\n"),
        )
    )

    def with_logs(text: str) -> str:
        # The edge's listener is the first.
        return text.replace("          access_log:\n", f"          access_log:\n{loggers}", 1)

    policy = directory / "policy.json"
    policy.write_text(stubbed_policy())
    with Stack(policy=stubbed_policy(), resizer=None, configure=with_logs) as stack:
        with Upstream(stack.ports.resizer):
            answers = [ask(stack.ports.edge, sent) for sent in REQUESTS]
    return Run(answers, logs | {"pinhole": stack.envoy_log}, policy)


@pytest.mark.parametrize("name", ["envoy", "istio", "json", "pinhole"])
def test_each_line_is_decided_as_its_request_was(run: Run, name: str) -> None:
    command = [PINHOLE, "replay", "--each", "--format", name, "--host", "img.example.com", run.policy, run.logs[name]]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    # Envoy's own log has lines of other kinds beside its access log.
    told = [line for line in lines if name != "pinhole" or line["decision"] != "unreadable"]
    # The host of what was let through is known by --host alone: Envoy logs the resizer's.
    assert len(told) == len(REQUESTS), f"{done.stderr}\n{run.logs[name].read_text()}"
    for line, answer in zip(told, run.answers, strict=True):
        context = f"{line}\n{answer}"
        assert line["host"] == "img.example.com", context
        assert line["status_in_the_log"] == answer.status, context
        # What an upstream brings about is no decision about the request.
        refused = answer.reason if answer.reason and not answer.reason.startswith(("upstream", "not-an")) else None
        assert line["decision"] == ("refused" if refused else "served"), context
        assert line.get("reason") == refused, context


def test_the_format_is_found(run: Run) -> None:
    for name in ("envoy", "istio", "json"):
        command = [PINHOLE, "replay", "--json", run.policy, run.logs[name]]
        told = json.loads(subprocess.run(command, text=True, capture_output=True, check=False).stdout)
        assert told["logs"][0]["format"] == name
        assert (told["unreadable"]["lines"], told["requests"]) == (0, len(REQUESTS))
        served = sum(answer.reason is None for answer in run.answers)
        assert told["without_host"]["requests"] == told["served"] == served
