"""Checks the shipped configuration with Envoy itself, whose validate mode runs the module's on_configure.

Every Envoy bootstrap in envoy/ is checked as it is, and envoy.yaml once more with each policy*.json in it and with
the demo's policy for each resizer; those beside envoy.yaml must be the same text but for what they mark. Envoy does not
look into filters that it reads from files, so these must be the very text of envoy.yaml. No port is opened.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import ecds
import keys
import resizers
from bootstrap import ENVOY_YAML, NO_GATE, ROOT, BootstrapError, common_part, inline_policy, render
from stack import MODULE, StackError, find_envoy


def validate(name: str, config: Path) -> bool:
    """Prints one line, and Envoy's own words where it refuses."""
    command = [find_envoy(), "--mode", "validate", "--log-level", "error", "-c", str(config)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=keys.environment(keys.fresh()),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    print(f"  {'ok' if done.returncode == 0 else 'REFUSED'}  {name}", flush=True)
    if done.returncode:
        print(done.stdout)
    return done.returncode == 0


def main() -> int:
    if not MODULE.is_file():
        raise StackError(f"{MODULE.relative_to(ROOT)} is missing; run `make wasm`")
    folder = ENVOY_YAML.parent
    good = inline_policy(ENVOY_YAML.read_text()) == (folder / "policy.json").read_text()
    print(f"  {'ok' if good else 'DIFFERENT'}  the policy in envoy.yaml is the text of policy.json")
    same = json.loads((folder / "policy-imgproxy.json").read_text()) == json.loads(resizers.shipped_policy("imgproxy"))
    print(f"  {'ok' if same else 'DIFFERENT'}  policy-imgproxy.json is policy.json with another `resizer`")
    good &= same
    for path, text in ecds.shipped().items():
        same = path.is_file() and path.read_text() == text
        print(f"  {'ok' if same else 'DIFFERENT'}  {path.name} is what demo/ecds.py makes of envoy.yaml")
        good &= same
    shipped = ENVOY_YAML.read_text()
    for bootstrap in sorted(folder.glob("*.yaml")):
        if "static_resources:" in (text := bootstrap.read_text()):  # others are for other readers, such as Istio
            if bootstrap not in (ENVOY_YAML, ecds.SHIPPED):
                same = common_part(text) == common_part(shipped, has_gate=NO_GATE not in text)
                print(f"  {'ok' if same else 'DIFFERENT'}  {bootstrap.name} is envoy.yaml but for what it marks")
                good &= same
            good &= validate(str(bootstrap.relative_to(ROOT)), bootstrap)
    policies = {path.name: path.read_text() for path in folder.glob("policy*.json") if path.name != "policy.schema.json"}
    policies |= {f"a policy for {name}": resizers.shipped_policy(name) for name in resizers.KNOWN}
    for name, policy in sorted(policies.items()):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
            config.write(render(policy=policy))
            config.flush()
            good &= validate(f"envoy.yaml with {name}", Path(config.name))
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (StackError, BootstrapError) as error:
        sys.exit(f"validate: {error}")
