"""envoy.yaml taken apart, so that Envoy reads pinhole's filters from files of their own, and again when these change.

    .venv/bin/python envoy/demo/ecds.py     # writes envoy-ecds.yaml, filter-edge.yaml and filter-gate.yaml anew

The three are envoy.yaml and nothing else: `make check` compares, and the live tests take apart whatever they run in the
same way. Text is moved and never re-serialized. What does not belong here: ports and policies (bootstrap.py).
"""

import re
from dataclasses import dataclass
from pathlib import Path

from bootstrap import ENVOY_YAML, BootstrapError

SHIPPED = ENVOY_YAML.with_name("envoy-ecds.yaml")
ROLES = ("edge", "gate")  # in the order of envoy.yaml
TYPES = "type.googleapis.com/envoy.extensions.filters.http."
WASM = f"{TYPES}wasm.v3.Wasm"

HEADING = """\
# envoy.yaml for those who change the policy without a restart: Envoy reads pinhole's filters from filter-edge.yaml and
# filter-gate.yaml (ECDS from files), and again when these change. README.md, "Another policy without a restart", says
# how to replace them and what becomes of one that is not good. `--mode validate` does not look into them. Written by
# demo/ecds.py from envoy.yaml; what is only in this file stands between two marks.

# ---- only in this file
# Envoy reads such files only if it has a name.
node: { id: pinhole, cluster: pinhole }
# ---- end

"""
DISCOVERY = """\
          # ---- only in this file
          - name: pinhole_ROLE
            config_discovery:
              # Until a good one was read, Envoy answers 500 here and asks no upstream.
              config_source: { resource_api_version: V3, path_config_source: { path: FILE } }
              # RBAC, so that a file can also shut this listener, as Istio's agent does for want of the module.
              type_urls: [WASM, RBAC]
          # ---- end
""".replace("[WASM, RBAC]", f"[{WASM}, {TYPES}rbac.v3.RBAC]")
FILTER_HEADING = """\
# pinhole's filter at the ROLE, for envoy-ecds.yaml. Written by demo/ecds.py: it is what envoy.yaml has in that place.
# Replace it by renaming another file over it: Envoy does not see a file that is written in place.
resources:
- "@type": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig
  name: pinhole_ROLE
"""
# A filter from its name to the next of the list.
HEAD = rf'^ +- name: pinhole\n +typed_config:\n +"@type": {re.escape(WASM)}\n'
FILTER = re.compile(rf"{HEAD}(?:.*\n)*?(?=          - )", re.M)
REFERENCE = re.compile(r"^(?P<indent> +)(?P<key>\w+): \*(?P<anchor>\w+)\n", re.M)
ANCHOR = r"^(?P<indent> +){key}: &{anchor}\b ?(?P<value>.*\n(?:(?P=indent) +.*\n|\n)*)"


@dataclass(frozen=True)
class Apart:
    """The bootstrap without the filters, and each role's filter."""

    bootstrap: str
    filters: dict[str, str]

def replace(path: Path, text: str) -> None:
    """Writes a file as a running Envoy wants it: by renaming another over it, in the same directory."""
    other = path.with_name(f".{path.name}.new")
    other.write_text(text)
    other.replace(path)


def apart(text: str, folder: Path | str = "envoy") -> Apart:
    """A configuration like envoy.yaml, with its filters in this folder."""
    found = list(FILTER.finditer(text))
    if len(found) != len(ROLES):
        raise BootstrapError(f"envoy.yaml: expected the filters of {' and '.join(ROLES)}, found {len(found)}")
    filters = {role: _filter(role, match[0], text) for role, match in zip(ROLES, found, strict=True)}
    for role, match in zip(ROLES, found, strict=True):
        where = DISCOVERY.replace("ROLE", role).replace("FILE", f"{folder}/filter-{role}.yaml")
        text = text.replace(match[0], where)
    return Apart(HEADING + text.partition("\n\n")[2], filters)


def _filter(role: str, block: str, text: str) -> str:
    body = REFERENCE.sub(lambda match: _referred(match, text), block.split("\n", 1)[1])
    body = re.sub(r"^( +\w+:) &\w+", r"\1", body, flags=re.M)  # nobody refers to them any more
    return FILTER_HEADING.replace("ROLE", role) + re.sub(r"^ {10}", "", body, flags=re.M).rstrip("\n") + "\n"


def _referred(reference: re.Match, text: str) -> str:
    """What `key: *anchor` stands for: files cannot refer to each other."""
    key, anchor = reference["key"], reference["anchor"]
    found = re.search(ANCHOR.format(key=key, anchor=anchor), text, re.M)
    if not found or found["indent"] != reference["indent"]:
        raise BootstrapError(f"envoy.yaml: `{key}: *{anchor}` is not as deep as `{key}: &{anchor}`, or there is none")
    return f"{found['indent']}{key}: {found['value']}".replace(": \n", ":\n", 1)


def shipped() -> dict[Path, str]:
    """What the shipped files must hold."""
    parts = apart(ENVOY_YAML.read_text())
    # The gate first: it must know an origin before the edge sends for it.
    files = {SHIPPED.with_name(f"filter-{role}.yaml"): parts.filters[role] for role in reversed(ROLES)}
    return files | {SHIPPED: parts.bootstrap}


if __name__ == "__main__":
    for path, text in shipped().items():
        replace(path, text)
