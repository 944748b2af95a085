"""How long Envoy waits for a module to load its policy.

Taken from Envoy's own log, which tells with microseconds when it calls `proxy_on_configure` and when that returns: in
between the module reads, checks and compiles the policy, and nothing else happens but a handful of host calls. A start
configures several VMs, the workers' among them. The least of them all is the figure: a machine that does other things
can only make it longer.
"""

import json
import re
from typing import Any

from listeners import BY_HEADER, Listener, bootstrap, wasm
from paths import MODULE
from proxy import Proxy

from bootstrap import free_ports

TRACE = ["--component-log-level", "wasm:trace", "--log-format", "%E.%f %t %v"]
CALL = re.compile(r"^(?P<time>\d+\.\d+) (?P<thread>\d+) \[host(?P<way>->|<-)vm\] proxy_on_configure", re.MULTILINE)


def milliseconds(policy: dict[str, Any], secrets: dict[str, str], starts: int = 2) -> float:
    """The least time that a VM took to load the policy, in so many starts of Envoy."""
    found = []
    for _ in range(starts):
        (port,) = free_ports(1)
        plugin = wasm(MODULE, "edge", json.dumps(policy), list(secrets), "pinhole")
        with Proxy("loading", bootstrap([Listener(port, BY_HEADER, [plugin])], {}), secrets, options=TRACE) as proxy:
            pass
        begun: dict[str, float] = {}
        for call in CALL.finditer(proxy.log.read_text(errors="replace")):
            if call["way"] == "->":
                begun[call["thread"]] = float(call["time"])
            else:
                found.append((float(call["time"]) - begun.pop(call["thread"])) * 1e3)
    if not found:
        raise RuntimeError(f"{proxy.log} tells of no `proxy_on_configure`; has Envoy another log now?")
    return min(found)
