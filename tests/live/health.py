"""Whether the module still lives: Envoy's own counters, and its log."""

import re
import urllib.request

from stack import Stack

# Each of them counts a virtual machine that failed. A request that meets one gets an answer all the same, by
# the next machine, so that only these tell.
FAILURES = re.compile(r"^wasm\.\S*(?:vm_reload\S*|fail\S*): [1-9]", re.MULTILINE)
WORDS = ("panicked", "Function: proxy_on", "wasm trap", "Failed to ", "unreachable")
REFUSAL = "Failed to configure base Wasm plugin"  # Envoy's word for a policy that pinhole refuses


def check(stack: Stack, refused: bool = False) -> None:
    """`refused`: a test has given it policies with errors."""
    with urllib.request.urlopen(f"{stack.admin_url}/stats?filter=wasm", timeout=5) as response:
        stats = response.read().decode()
    assert "wasm.pinhole_edge.vm_reload_success:" in stats, f"Envoy's counters have other names than these:\n{stats}"
    assert not FAILURES.search(stats), f"the module failed:\n{stats}\n{stack.child('envoy').tail()}"
    log = stack.envoy_log.read_text(errors="replace")
    lines = [line for line in log.splitlines() if any(word in line for word in WORDS)]
    lines = [line for line in lines if not (refused and REFUSAL in line)]
    assert not lines, f"the module failed: {lines[:5]}"
