"""Lets Envoy load what istiod made of the manifests: filters, policy and routes, with the module that was built here.

    .venv/bin/python tests/istio/load.py DIRECTORY      # of the dumps of `go test`; see .make/istio

What only a proxy in a cluster has is left out, and named: Istio's own filters, certificates, the agent's download.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "envoy" / "demo"))

import keys  # noqa: E402
from stack import MODULE, find_envoy  # noqa: E402

MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
WASM = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"
PLUGIN = "extensions.istio.io/"
# Filters of Istio's own Envoy, which others do not have.
ISTIOS = ("istio.", "envoy.filters.http.peer_metadata", "waypoint")


def bootstrap(directory: Path, role: str) -> tuple[dict[str, Any], list[str]]:
    """The configuration of a role's Envoy, and the filters that were left out."""
    manager, routes, plugin = (
        json.loads((directory / f"{role}-{part}.json").read_text()) for part in ("manager", "routes", "plugin")
    )
    plugin["vmConfig"]["code"] = {"local": {"filename": str(MODULE)}}  # the agent's part
    filters, dropped = [], []
    for one in manager["httpFilters"]:
        if one["name"].startswith(ISTIOS):
            dropped.append(one["name"])
        elif one["name"].startswith(PLUGIN):
            filters.append({"name": one["name"], "typedConfig": {"@type": WASM, "config": plugin}})
        else:
            filters.append(one)
    kept = ("normalizePath", "pathWithEscapedSlashesAction", "mergeSlashes", "useRemoteAddress", "statPrefix")
    manager = {key: value for key, value in manager.items() if key in kept}
    manager |= {"@type": MANAGER, "httpFilters": filters, "routeConfig": routes | {"validateClusters": False}}
    listener = {
        "name": role,
        "address": {"socketAddress": {"address": "127.0.0.1", "portValue": 0}},
        "filterChains": [{"filters": [{"name": "manager", "typedConfig": manager}]}],
    }
    return {"staticResources": {"listeners": [listener]}}, dropped


def loads(role: str, config: dict[str, Any]) -> subprocess.CompletedProcess:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(config, file)
        file.flush()
        command = [find_envoy(), "--mode", "validate", "--log-level", "error", "-c", file.name]
        environment = keys.environment(keys.fresh())
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def main(directory: Path) -> int:
    good = True
    for role in ("edge", "gate"):
        config, dropped = bootstrap(directory, role)
        done = loads(role, config)
        said = "ok" if done.returncode == 0 else "REFUSED"
        print(f"  {said}  Envoy loads the {role} that istiod made; without {dropped}")
        good &= done.returncode == 0
        if done.returncode:
            print(done.stdout + done.stderr)
        # The same with a policy that is wrong, so that `ok` says something.
        text = json.dumps(config).replace("http://gate.images", "ftp://gate.images")
        wrong = loads(role, json.loads(text))
        seen = wrong.returncode != 0 and "gate.url" in wrong.stdout + wrong.stderr
        print(f"  {'ok' if seen else 'TAKEN'}  and refuses it with a wrong policy")
        good &= seen
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
