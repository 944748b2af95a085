"""Asks what istiod made of the manifests for pictures: both roles in one real Envoy, with stubs as resizer and origin.

    .venv/bin/python tests/istio/serve.py DIRECTORY      # of the dumps of `go test`; see .make/istio

What is left out beside what `load.py` leaves out: AuthorizationPolicies, which want certificates and ports of the mesh.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from load import ROOT, bootstrap

sys.path.insert(0, str(ROOT / "tests" / "live"))

import keys  # noqa: E402
from bootstrap import free_ports  # noqa: E402
from children import listens  # noqa: E402
from stack import find_envoy  # noqa: E402
from upstream import Upstream, png  # noqa: E402
from wire import ask, request  # noqa: E402

RESIZER, ORIGIN = "outbound|80||resizer.images.svc.cluster.local", "outbound|443||secret.example.com"
PATH, GATE = "/images/small/a.jpg", "gate.images.svc.cluster.local"


def cluster(name: str, port: int) -> dict[str, Any]:
    address = {"address": {"socketAddress": {"address": "127.0.0.1", "portValue": port}}}
    assignment = {"clusterName": name, "endpoints": [{"lbEndpoints": [{"endpoint": address}]}]}
    return {"name": name, "connectTimeout": "1s", "loadAssignment": assignment}


def listener(directory: Path, role: str, port: int) -> dict[str, Any]:
    config, _ = bootstrap(directory, role)
    (one,) = config["staticResources"]["listeners"]
    one["address"]["socketAddress"]["portValue"] = port
    manager = one["filterChains"][0]["filters"][0]["typedConfig"]
    manager["httpFilters"] = [each for each in manager["httpFilters"] if each["name"] != "envoy.filters.http.rbac"]
    return one


@contextmanager
def envoy(config: dict[str, Any], environment: dict[str, str], ports: list[int]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as scratch:
        (file := Path(scratch) / "envoy.json").write_text(json.dumps(config))
        command = [find_envoy(), "-c", str(file), "--concurrency", "1", "--disable-hot-restart"]
        command += ["--log-level", "warning"]
        with (log := Path(scratch) / "envoy.log").open("wb") as output:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            end = time.monotonic() + 60
            while not all(map(listens, ports)):
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"serve: Envoy is not up\n{log.read_text()[-4000:]}")
                time.sleep(0.1)
            yield log
        finally:
            process.terminate()
            process.wait(20)


def check(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise SystemExit(f"  NOT SO  {what}: {found!r}, wanted {wanted!r}")
    print(f"  ok  {what}", flush=True)


def main(directory: Path) -> None:
    edge, gate, resizer, origin = free_ports(4)
    secrets = keys.fresh()
    listeners = [listener(directory, "edge", edge), listener(directory, "gate", gate)]
    clusters = [cluster(RESIZER, resizer), cluster(ORIGIN, origin)]
    config = {"staticResources": {"listeners": listeners, "clusters": clusters}}
    environment = {"PATH": os.environ["PATH"]} | secrets
    with Upstream(resizer) as drawing, Upstream(origin) as hidden, envoy(config, environment, [edge, gate]):
        answer = ask(edge, request(PATH))
        check("the edge serves a picture", (answer.status, answer.body), (200, png()))
        asked = drawing.asked[0]
        check("the resizer is asked by its own name", dict(asked.headers)["host"], "resizer.images.svc.cluster.local")
        check("and learns of no cluster", "x-pinhole-cluster" in dict(asked.headers), False)
        source = base64.urlsafe_b64decode(asked.line.split()[1].rsplit("/", 1)[1] + "==").decode()
        check("its source is at the gate", source.startswith(f"http://{GATE}/"), True)
        token = source.removeprefix(f"http://{GATE}")

        answer = ask(gate, request(token, authority=GATE))
        check("the gate gives the source", (answer.status, answer.body), (200, png()))
        headers, line = dict(hidden.asked[0].headers), hidden.asked[0].line
        check("of the hidden place", line, "GET /hidden-directory/a.jpg HTTP/1.1")
        check("whose name is asked for", headers["host"], "secret.example.com")
        check("with its secret", headers["authorization"], secrets["PHOTOS_TOKEN"])
        # What the README says that an origin is told.
        told = {"host", "user-agent", "via", "x-forwarded-proto", "authorization"}
        check("and is told nothing else", headers.keys() - told, set())

        before = len(drawing.asked), len(hidden.asked)
        marked = {name: [("x-pinhole-cluster", name)] for name in ("resizer", "photos")}
        hidden_host = "secret.example.com"
        for what, port, sent, wanted in (
            ("another host", edge, request(PATH, authority="other.example.com"), (404, "no-route")),
            ("an unknown preset", edge, request("/images/huge/a.jpg"), (404, "unknown-preset")),
            ("a visitor's own mark", edge, request("/", headers=marked["resizer"]), (404, "no-route")),
            ("no token", gate, request("/hidden-directory/a.jpg", authority=hidden_host), (403, "not-sealed")),
            ("a mark", gate, request("/a", authority=hidden_host, headers=marked["photos"]), (403, "not-sealed")),
        ):
            refused = ask(port, sent)
            check(f"{what} is refused", (refused.status, refused.reason), wanted)
        check("and nobody is asked for it", (len(drawing.asked), len(hidden.asked)), before)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
